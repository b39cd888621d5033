"""Of which task a table of responses is: what its rows say, before anything else of it is checked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from analysis.columns.column import Column
from analysis.errors import AnalysisError
from analysis.responses.cells import format_text, is_unknown
from analysis.responses.column_check import MISSING, BadCell, Cells, checked, codes
from analysis.responses.columns import COMMON, QUESTION_PREFIX, columns_of, passed_through, question
from analysis.tasks.registry import TASKS, task_named, task_with_columns
from analysis.tasks.same_different import SAME_DIFFERENT
from analysis.tasks.task import Task

_COLUMN = Column("task", "text", "name of the task")
_COMMON = {column.name for column in COMMON}


def task_of_first(names: Collection[str], cell: Any) -> Task:
    """The task of a table, by the names of its columns and the cell `task` of its first row, MISSING without a row.

    Rows that do not say their task are of same–different: so are all that were written before there was another.
    """
    if "task" in names and cell is MISSING:
        return task_with_columns(names)
    return task_named(cell) if isinstance(cell, str) and cell else SAME_DIFFERENT


def task_of_cells(names: Collection[str], cells: Cells | None, rows: int) -> Task:
    """The one task that all rows say they are of.

    Args:
        names: of the table's columns.
        cells: those of the column `task`; None where there is none.
        rows: how many there are.

    Raises: `BadCell` where the name of a task is no text, or another than in the first row.
    """
    if cells is None:
        return SAME_DIFFERENT
    if not rows:
        return task_with_columns(names)
    if not isinstance(cells, pa.ChunkedArray):
        cells = [None if cell is MISSING else cell for cell in cells]
    array = checked(cells, _COLUMN)
    texts, numbers = array.dictionary.to_pylist(), codes(array)
    tasks = [*texts, SAME_DIFFERENT.name]  # the last is what -1 stands for
    first = tasks[numbers[0]]
    if any(name != first for name in (texts if array.null_count == 0 else tasks)):
        other = next((row for row, number in enumerate(numbers.tolist()) if tasks[number] != first), None)
        if other is not None:
            raise BadCell(other, several_tasks(tasks[numbers[other]], first, "the first row"))
    return task_named(first)


def several_tasks(other: str, first: str, where: str) -> str:
    """The end of a sentence on a row of another task than the first one's."""
    return (
        f"is {other!r}, but {first!r} in {where}; a table is of one task: write the rows of each task into a file of "
        "their own"
    )


def declared(names: Collection[str], task: Task) -> list[Column]:
    """The columns of a task's table in their order; then those of a task that is not known, and the questions."""
    columns = list(columns_of(task))
    if not task.is_known:
        columns += [passed_through(name) for name in names if not is_common(name)]
    return [*columns, *(question(name) for name in names if name.startswith(QUESTION_PREFIX))]


def is_common(name: str) -> bool:
    """Whether tables of any task may have a column of this name."""
    return name in _COMMON or name.startswith(QUESTION_PREFIX)


def belongs(name: str, task: Task) -> bool:
    """Whether a table of the task may have a column of this name."""
    return is_common(name) or not task.is_known or any(column.name == name for column in task.own)


def stranger(name: str, task: Task, here: str) -> AnalysisError:
    """What is said of a column that does not belong to a table of the task."""
    others = [other.name for other in TASKS.values() if belongs(name, other)]
    if others and name != "task":
        return AnalysisError(
            f"{here}: the column {name} is of {' and '.join(others)}, but the table is of {task.name}; a table is of "
            "one task: write the rows of each task into a file of their own, with its columns alone."
        )
    return AnalysisError(
        f"{here}: the column {name} is unknown; remove it, or begin its name with {QUESTION_PREFIX} "
        "if it holds answers to a question."
    )


def as_texts(cells: Cells) -> Cells:
    """Cells of a column that nobody here knows, as texts."""
    if isinstance(cells, pa.ChunkedArray):
        kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return cells
        cells = cells.to_pylist()
    return [_as_text(cell) for cell in cells]


def _as_text(cell: Any) -> str | None:
    if cell is MISSING or is_unknown(cell):
        return None
    return format_text(cell) if isinstance(cell, str | int | float | bool) else str(cell)
