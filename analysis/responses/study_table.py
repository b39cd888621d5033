"""The tidy response table out of a study's database, whose server gives it column by column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from analysis.atomic_file import replacing
from analysis.columns.rule_columns import NumberedResponses, Texts
from analysis.errors import AnalysisError
from analysis.exclusions.marking import mark
from analysis.responses.across_rows import SubjectsSoFar, check_rows
from analysis.responses.batches import held, joined
from analysis.responses.growing_columns import GrowingColumn, as_arrow
from analysis.responses.table_task import several_tasks
from analysis.responses.table_writers import WRITERS
from analysis.responses.tidy_table import UncheckedTable, checked_columns, row_number, tidy_table, to_read
from analysis.tasks.registry import TASKS, task_of

if TYPE_CHECKING:
    import pandas as pd


class StudyRows(Protocol):
    """The responses of one state of a database."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns that there are, in their order."""

    def batches(self, columns: Collection[str]) -> Iterator[Mapping[str, Sequence[Any]]]:
        """Column → its values in the next rows, as many in each; always in the same order."""


Opened = AbstractContextManager[StudyRows]
Open = Callable[[str], Opened | None]
"""Gives the responses of a study folder or database URL, and None for any other source."""


def read_study(study: StudyRows, origin: str, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The checked tidy response table of a study; of `columns` alone, where they are given.

    Raises: `AnalysisError` where the table is not valid.
    """
    names = _to_read(study, columns)
    parts = [{name: held(cells) for name, cells in batch.items()} for batch in study.batches(names)]
    cells = {name: joined([part[name] for part in parts]) for name in names}
    return tidy_table(UncheckedTable(origin, len(cells["schema"]), study.columns, cells), columns)


def write_study(
    study: StudyRows, origin: str, path: Path, rules: Sequence[str], needed: Collection[str]
) -> NumberedResponses:
    """Write every response and column of a study, with the marks of the rules, without holding them all.

    Args:
        study: its responses.
        origin: where they are, for messages.
        path: ends in .csv, .jsonl or .parquet; the file appears whole or not at all.
        rules: names of the rules that mark.
        needed: columns that the rules look at.

    Returns: the marked responses, of the columns needed.

    Raises: `AnalysisError` where the table is not valid, or the file cannot be written.
    """
    marked = mark(_numbered(study, origin, needed), rules)
    subjects, row = SubjectsSoFar(origin, task_of(marked)), 0
    with replacing(path) as draft, WRITERS[path.suffix.lower()](draft) as write:
        for table in _unchecked(study, origin, study.columns):
            columns = checked_columns(table)
            subjects.check(columns, table.place)
            here = slice(row, row + table.rows)
            write(columns | {name: as_arrow(marked[name], here) for name in ("excluded", "exclusion_reason")})
            row += table.rows
        if not row:
            write(checked_columns(UncheckedTable(origin, 0, study.columns, {})))
    return marked


def _unchecked(study: StudyRows, origin: str, columns: Collection[str]) -> Iterator[UncheckedTable]:
    """The rows of a study, some at a time."""
    row = 0
    for batch in study.batches(columns):
        count = len(batch["schema"])
        yield UncheckedTable(origin, count, study.columns, batch, _rows_from(row))
        row += count


def _to_read(study: StudyRows, columns: Collection[str] | None) -> list[str]:
    """What must be read to give `columns`, of whichever task the study is: only its rows say of which."""
    needed = {name for task in TASKS.values() for name in to_read(study.columns, columns, task)}
    return [name for name in study.columns if name in needed]


def _rows_from(first: int) -> Callable[[int], str]:
    return lambda index: row_number(first + index)


def _numbered(study: StudyRows, origin: str, names: Collection[str]) -> NumberedResponses:
    """As `read_study`, in numbers: few bytes a row, of which never many are held as text."""
    growing: defaultdict[str, GrowingColumn] = defaultdict(GrowingColumn)
    rows = 0
    for table in _unchecked(study, origin, _to_read(study, names)):
        for name, array in checked_columns(table, names).items():
            growing[name].add(array)
        rows += table.rows
    if not rows:
        for name, array in checked_columns(UncheckedTable(origin, 0, study.columns, {}), names).items():
            growing[name].add(array)
    columns = {name: column.column() for name, column in growing.items()}
    found = NumberedResponses(columns, rows)
    _check_one_task(found.texts("task"), origin)
    known = {name: as_arrow(columns[name]) for name in ("study", "participant", "trial")}
    check_rows(known, origin, row_number, task_of(found))
    return found


def _check_one_task(tasks: Texts, origin: str) -> None:
    if len(tasks.texts) > 1:
        first, other = tasks.texts[:2]
        row = int(np.argmax(tasks.codes == 1))
        raise AnalysisError(f"{origin}: {row_number(row)}: task {several_tasks(other, first, row_number(0))}.")
