"""The tidy response table as a data frame: built and checked here, whatever it came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from analysis.columns.column import Column
from analysis.errors import AnalysisError
from analysis.responses.across_rows import check_rows
from analysis.responses.column_check import MISSING, BadCell, Cells, checked, plain
from analysis.responses.columns import QUESTION_PREFIX, SCHEMA, SCHEMA_FAMILY, VERSION, columns_of
from analysis.responses.image_names import with_images_named
from analysis.responses.table_task import as_texts, belongs, declared, is_common, stranger, task_of_cells
from analysis.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd

_DTYPES = {pa.large_string(): "string", pa.int64(): "Int64", pa.float64(): "Float64", pa.bool_(): "boolean"}
_SCHEMAS = {f"{SCHEMA_FAMILY}{version}": version for version in range(1, VERSION + 1)}


def row_number(row: int) -> str:
    """Where a row stands in a table that has no lines.

    >>> row_number(0)
    'row 1'
    """
    return f"row {row + 1}"


@dataclass(frozen=True)
class UncheckedTable:
    """What a source holds, column by column, before anybody has looked at it.

    Attributes:
        origin: what it came from, for messages.
        rows: how many rows there are.
        names: of all columns that it has, in their order; each once.
        cells: name → the cells of a column, `(rows,)`; those that were not read are not in it.
        place: where a row stands, for messages.
    """

    origin: str
    rows: int
    names: Sequence[str]
    cells: Mapping[str, Cells]
    place: Callable[[int], str] = row_number

    def here(self, row: int) -> str:
        """The place of a row, as the beginning of a sentence."""
        return f"{self.origin}: {self.place(row)}"


def tidy_table(table: UncheckedTable, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The tidy response table of docs/responses.md, checked.

    Args:
        table: what a source holds. A table of an earlier version is brought up to this one: what it does not hold is
            unknown.
        columns: names of the columns to check and give, beside `schema` and `task`; all if left out.

    Returns: one row a response in the order of the source; columns in the order of `declared`, then the questions in
        the order of the source; dtypes `string`, `Int64`, `Float64`, `boolean`.

    Raises: `AnalysisError` at the first missing or unknown column, unknown schema or value that the column
        does not allow, where rows are of several versions or tasks, and where two rows contradict each other.
    """
    import pandas as pd

    found = checked_columns(table, columns)
    return pd.DataFrame({name: series(array) for name, array in found.items()}, copy=False)


def checked_columns(table: UncheckedTable, columns: Collection[str] | None = None) -> dict[str, pa.Array]:
    """The columns of `tidy_table` by name, as `column_check.checked` gives them; raises what it raises."""
    cells = {name: plain(column) for name, column in table.cells.items()}
    version = _version(table, cells.get("schema", [MISSING] * table.rows))
    task = _task(table, cells.get("task"))
    for name in table.names:
        if not belongs(name, task):
            raise stranger(name, task, table.here(_first_that_has(cells[name])))
    wanted = [column for column in declared(table.names, task) if is_needed(column.name, columns)]
    cells = dict(with_images_named(cells, task))
    found: dict[str, pa.Array] = {}
    wrong: list[tuple[int, int, str]] = []
    for order, column in enumerate(wanted):
        try:
            found[column.name] = _checked(table, cells, column, version, task)
        except BadCell as bad:
            wrong.append((bad.row, order, _sentence(table, column, version, bad)))
    if wrong:
        raise AnalysisError(min(wrong)[2])
    check_rows(found, table.origin, table.place, task)
    return found


def series(array: pa.Array) -> Any:
    """A checked column as a data frame holds it."""
    import pandas as pd

    if pa.types.is_dictionary(array.type):
        texts = array.dictionary
        if len(texts) == 1 and not array.null_count:
            array = pa.repeat(texts[0], len(array))
        else:
            array = texts.take(array.indices)
    dtype: Any = pd.api.types.pandas_dtype(_DTYPES[array.type])
    return dtype.__from_arrow__(pa.chunked_array([array]))


def from_rows(
    rows: Iterable[Mapping[str, Any]], *, origin: str = "responses", place: Callable[[int], str] = row_number
) -> pd.DataFrame:
    """The tidy response table of rows, checked as `tidy_table` does.

    Args:
        rows: one mapping a response, column name → value; a value may be the text of a CSV cell.
            Columns `question_…` may differ from row to row; where one lacks, the answer is unknown.
        origin: what the rows came from, for messages.
        place: where row `index` (from 0) stands, for messages; "row 1", "row 2", … if left out.
    """
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    cells = {name: [row.get(name, absent(name)) for row in listed] for name in names}
    return tidy_table(UncheckedTable(origin, len(listed), names, cells, place))


def absent(name: str) -> Any:
    """The cell of a row that has not a column which other rows have."""
    return None if name.startswith(QUESTION_PREFIX) else MISSING


def is_needed(name: str, columns: Collection[str] | None) -> bool:
    """Whether a column is to be given where `columns` are asked for; of which version and task a table is always is."""
    return columns is None or name in ("schema", "task") or name in columns


def to_read(names: Iterable[str], columns: Collection[str] | None, task: Task) -> list[str]:
    """Which columns of a source of a task's responses must be read, to give `columns`."""
    # The name of a pair tells that of the image, where a program has taken it for a number.
    return [
        name
        for name in names
        if is_needed(name, columns) or (name == task.subject and columns is not None and task.picture in columns)
    ]


def check_header(names: Sequence[str], origin: str, task: Task) -> None:
    """Raise `AnalysisError` unless a header holds every column of the task and of one version once, and no other."""
    for name in names:
        if names.count(name) > 1:
            raise AnalysisError(f"{origin}: the column {name} appears twice; remove one of them.")
    columns = columns_of(task)
    version = max((column.since for column in columns if column.name in names), default=1)
    needed = [column.name for column in columns if column.since <= version and not column.joined]
    missing = [name for name in needed if name not in names]
    if missing:
        raise AnalysisError(
            f"{origin}: the column {missing[0]} is missing"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + "; export the table again with `shift-study export`."
        )
    for name in names:
        if not belongs(name, task):
            raise stranger(name, task, origin)


def _task(table: UncheckedTable, cells: Cells | None) -> Task:
    try:
        return task_of_cells(table.names, cells, table.rows)
    except BadCell as bad:
        raise AnalysisError(f"{table.here(bad.row)}: task {bad.says}.") from None


def _checked(table: UncheckedTable, cells: Mapping[str, Cells], column: Column, version: int, task: Task) -> pa.Array:
    if not table.rows:
        return checked([], column)
    if column.since > version and column.name in table.names:
        raise BadCell(_first_that_has(cells[column.name]), None)
    in_every_row = {"schema": SCHEMA, "task": task.name}.get(column.name)
    if in_every_row is not None:
        return pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(table.rows, np.int32)), pa.array([in_every_row], pa.large_string())
        )
    if column.since > version or (column.joined and column.name not in table.names):
        return checked([None] * table.rows, column)
    if column.name not in table.names:
        raise BadCell(0, None)
    known = task.is_known or is_common(column.name)
    return checked(cells[column.name] if known else as_texts(cells[column.name]), column)


def _first_that_has(cells: Cells) -> int:
    return next((row for row, cell in enumerate(cells) if cell is not MISSING), 0)


def _sentence(table: UncheckedTable, column: Column, version: int, bad: BadCell) -> str:
    here = table.here(bad.row)
    if bad.says is not None:
        return f"{here}: {column.name} {bad.says}."
    if column.since > version:
        return (
            f"{here}: the column {column.name} is none of {SCHEMA_FAMILY}{version}; remove it, or export the table "
            "again with `shift-study export`."
        )
    return f"{here}: the column {column.name} is missing; export the table again with `shift-study export`."


def _version(table: UncheckedTable, cells: Cells) -> int:
    """The one version that all rows say they are of; this one where there are no rows."""
    if not table.rows:
        return VERSION
    if isinstance(cells, pa.ChunkedArray):
        different = cells.unique().to_pylist()
        if len(different) == 1 and different[0] in _SCHEMAS:
            return _SCHEMAS[different[0]]
        cells = cells.to_pylist()
    for row, schema in enumerate(cells):
        if schema is not cells[0] or not row:
            _check_schema(table, row, schema)
            if schema != cells[0]:
                raise AnalysisError(
                    f"{table.here(row)}: schema is {schema!r}, but {cells[0]!r} in {table.place(0)}; a table is of "
                    "one version: export both parts again with `shift-study export` before you join them."
                )
    return _SCHEMAS[cells[0]]


def _check_schema(table: UncheckedTable, row: int, schema: Any) -> None:
    if isinstance(schema, str) and schema in _SCHEMAS:
        return
    here = table.here(row)
    if schema is MISSING:
        raise AnalysisError(f"{here}: the column schema is missing; export the table again with `shift-study export`.")
    version = schema.removeprefix(SCHEMA_FAMILY) if isinstance(schema, str) else ""
    if version.isdecimal() and int(version[:9]) > VERSION:
        raise AnalysisError(
            f"{here}: schema is {schema!r}, newer than the {SCHEMA} that this version reads; "
            "install a newer shift-study."
        )
    raise AnalysisError(f"{here}: schema is {schema!r}, not {SCHEMA}; is this a table of responses?")
