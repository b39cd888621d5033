"""The tasks by name, and which of them a table of responses is of."""

from __future__ import annotations

from collections.abc import Collection

from analysis.columns.rule_columns import NumberedResponses, Responses
from analysis.errors import AnalysisError
from analysis.tasks.odd_one_out import ODD_ONE_OUT
from analysis.tasks.same_different import SAME_DIFFERENT
from analysis.tasks.task import Task, unknown_task
from analysis.tasks.two_afc import TWO_AFC

TASKS: dict[str, Task] = {task.name: task for task in (SAME_DIFFERENT, TWO_AFC, ODD_ONE_OUT)}


def task_named(name: str) -> Task:
    """The task of this name, or one of which no more is known.

    >>> task_named("odd-one-out").subject
    'pair'
    >>> task_named("method of adjustment").is_known
    False
    """
    return TASKS.get(name) or unknown_task(name)


def task_with_columns(names: Collection[str]) -> Task:
    """The task of a table without a row, whose columns are `names`."""
    if "task" not in names:
        return SAME_DIFFERENT
    fitting = (task for task in TASKS.values() if {column.name for column in task.own} <= {*names})
    return next(fitting, unknown_task("unnamed"))


def require_results(task: Task, verb: str, source: str) -> None:
    """Raise `AnalysisError` where a verb of the command line has no results for responses of a task."""
    if verb in task.verbs:
        return
    if not task.is_known:
        raise AnalysisError(
            f"{source} is of the task {task.name}, for which {verb} has no results here; export writes its table."
        )
    others = " and ".join(other.name for other in TASKS.values() if verb in other.verbs)
    raise AnalysisError(
        f"{verb} is of {others} studies; {source} is of {task.name}: use {', '.join(task.verbs[:-1])} or "
        f"{task.verbs[-1]}."
    )


def _of_no_rows(names: set[str]) -> Task:
    """The task of a table without a row, of which some columns may have been left out."""
    own = {task.name: {column.name for column in task.own} for task in TASKS.values()}
    known = names & set().union(*own.values())
    return next((task for task in TASKS.values() if known <= own[task.name]), SAME_DIFFERENT)


def task_of(responses: Responses) -> Task:
    """The task of a checked table of responses; one that is made without the column is of same–different."""
    if "task" not in responses:
        return SAME_DIFFERENT
    if isinstance(responses, NumberedResponses):
        names = list(responses.texts("task").texts)
    else:
        names = [] if responses.empty else [str(responses["task"].iloc[0])]
    return task_named(names[0]) if names else _of_no_rows({*responses})
