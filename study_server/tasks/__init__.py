"""The tasks: what participants are asked, and all that is particular to one kind of question (docs/tasks.md).

Each built-in task has a folder here. Another package offers one by an entry point of the group `shift_study.tasks`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from study_server.errors import StudyError
from study_server.tasks.task import Task

DEFAULT = "same-different"
BUILT_IN = {
    "same-different": "study_server.tasks.same_different:TASK",
    "2afc": "study_server.tasks.two_afc:TASK",
    "odd-one-out": "study_server.tasks.odd_one_out:TASK",
}
"""Name → where its object is; a server loads the one that its study has."""

GROUP = "shift_study.tasks"


def task_names() -> list[str]:
    """Names of all tasks that there are here."""
    return [*dict.fromkeys([*BUILT_IN, *_offered()])]


@cache
def task(name: str) -> Task[Any]:
    """The task with this name. Raises StudyError where there is none."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found = getattr(import_module(module), attribute)
    else:
        offered = _offered()
        if name not in offered:
            raise StudyError(
                f"there is no task {name!r}: name one of {', '.join(task_names())}, or install the package that has it"
            )
        try:
            found = offered[name].load()
        except Exception as error:  # whatever goes wrong in a module of somebody else
            raise StudyError(f"the entry point {name!r} of {GROUP} cannot be loaded: {error}") from error
    if not isinstance(found, Task) or found.name != name:
        raise StudyError(f"the entry point {name!r} of {GROUP} does not lead to a task of this name: docs/tasks.md")
    return found


def _offered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
