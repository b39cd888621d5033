"""What is particular to a task has its place in study_server/tasks: nothing else of the server names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from study_server.tasks import BUILT_IN, task

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "study_server"


def own_words() -> set[str]:
    """Names of tasks, their answers, and their columns."""
    words = {"shift_px", *BUILT_IN}
    for name in BUILT_IN:
        of_task = task(name)
        words |= {*of_task.answers, *of_task.columns.manifest, *of_task.columns.trial, *of_task.columns.answer}
    return words - {"repetition"}  # of a trial of any task, and of who takes part again


OWN = own_words()
PLAIN = {word for word in OWN if word.isalpha()}
"""English words, which are meant where they are a whole text, as in `response == "same"`, and not as names."""

DEFAULT = "the task of who names none"
EXCEPTIONS: dict[str, tuple[set[str], str]] = {
    "settings.py": ({"same-different"}, DEFAULT),
    "verbs/serving.py": ({"same-different"}, DEFAULT),
    "verbs/study_folder.py": ({"same-different", "direction", "right"}, f"{DEFAULT}; options of `new` for several"),
    "stimuli/crops.py": ({"shift_px"}, "a window of a photograph that is moved, for whichever task"),
    "stimuli/directions.py": ({"shift_px", "left", "right"}, "where to it is moved"),
    "web/messages.py": ({"left", "right"}, "receipts in answers of pages from when there was one task"),
    "web/static/dashboard_charts.js": ({"left"}, "where the text of a chart stands"),
    "web/static/practice.js": ({"right"}, "feedback: right or wrong"),
}
"""File → the words that it names, and why it may."""


def elsewhere() -> list[Path]:
    """The server's modules and scripts that are no task's, and no step from the tables of an earlier version."""
    found = [*SERVER.rglob("*.py"), *SERVER.glob("web/static/*.js")]
    return sorted(p for p in found if not {"tasks", "migrations"} & {*p.relative_to(SERVER).parts})


def named(text: str, suffix: str) -> set[str]:
    """The words of tasks that code has as whole texts and, but for plain English ones, as names."""
    if suffix == ".js":
        quoted = {*re.findall(r"""(["'`])([\w-]+)\1""", text)}
        return OWN & {word for _, word in quoted} | (OWN - PLAIN) & {*re.findall(r"\w+", text)}
    texts, names = set(), set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=str(word)):
                texts.add(word)
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.keyword(arg=str(word)):
                names.add(word)
            case ast.FunctionDef(name=word):
                names.add(word)
            case _:
                pass
    return OWN & texts | (OWN - PLAIN) & names


@pytest.mark.parametrize(
    ("text", "suffix", "found"),
    [
        ('row.shift_px, row.same, "different", "two that are the same"', ".py", {"shift_px", "different"}),
        ("def f(shift_px): ...", ".py", {"shift_px"}), ("f(odd_place=1)", ".py", {"odd_place"}),
        ("left = f'{right}' + task", ".py", set()), ('task == "2afc"', ".py", {"2afc"}),
        ("if (answer === 'same') row.shift_px = left;", ".js", {"same", "shift_px"}),
        ("const left = d.same + 1; // the two that are the same", ".js", set()),
    ],
)  # fmt: skip
def test_what_is_looked_for_is_found(text: str, suffix: str, found: set[str]) -> None:
    assert named(text, suffix) == found


@pytest.mark.parametrize("path", elsewhere(), ids=lambda path: str(path.relative_to(SERVER)))
def test_nothing_else_names_what_is_a_tasks_own(path: Path) -> None:
    """And each exception is one: what names a word no more is to be struck off the list."""
    may, _ = EXCEPTIONS.get(str(path.relative_to(SERVER)), (set(), ""))
    assert named(path.read_text(encoding="utf-8"), path.suffix) == may


def test_all_exceptions_are_of_files_that_there_are() -> None:
    assert {*EXCEPTIONS} <= {str(path.relative_to(SERVER)) for path in elsewhere()}
