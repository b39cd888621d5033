"""Tidy response tables written to files, piece by piece."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from analysis.responses.cells import format_text
from analysis.responses.column_check import codes
from analysis.responses.csv_cells import guarded
from analysis.responses.csv_table import UNGUARDED
from analysis.responses.frame_schema import frame_table

if TYPE_CHECKING:
    import pandas as pd

Table: TypeAlias = "pd.DataFrame | Mapping[str, pa.Array]"
"""Rows of a table; or its columns, as `column_check.checked` gives them."""

Write = Callable[[Table], None]

_AT_ONCE = 20_000  # rows that are held as texts
_IN_A_GROUP = 5_000  # rows of Parquet, each group of which takes memory until the file is closed


@contextmanager
def writing_csv(draft: Path) -> Iterator[Write]:
    """Takes pieces of one table; `draft` must not exist. What is unknown is empty, truth is `true` or `false`."""
    with draft.open("x", encoding="utf-8", newline="") as stream:
        plain = csv.writer(stream, lineterminator="\n")
        # A lone carriage return would be written bare and read back as the end of the line.
        quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)

        def write(table: Table) -> None:
            if not stream.tell():
                plain.writerow(_names(table))
            for part in _parts(table):
                guards = _first(part["schema"]) not in UNGUARDED
                cells = [_texts(column, guarded if guards else str, format_text) for column in part.values()]
                if not any("\r" in "".join(column) for column in cells):
                    plain.writerows(zip(*cells, strict=True))
                    continue
                for row in zip(*cells, strict=True):
                    (quoted if any("\r" in cell for cell in row) else plain).writerow(row)

        yield write


@contextmanager
def writing_json_lines(draft: Path) -> Iterator[Write]:
    """As `writing_csv`, one JSON object a row; what is unknown is `null`."""
    as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    with draft.open("x", encoding="utf-8", newline="") as stream:

        def write(table: Table) -> None:
            names = [as_json(name).replace("%", "%%") for name in _names(table)]
            form = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"
            for part in _parts(table):
                cells = [_texts(column, as_json, as_json) for column in part.values()]
                stream.writelines(form % row for row in zip(*cells, strict=True))

        yield write


@contextmanager
def writing_parquet(draft: Path) -> Iterator[Write]:
    """As `writing_csv`, with the types of the columns."""
    import pyarrow.parquet

    writer: Any = None
    waiting: list[pa.Table] = []

    def write_group(table: pa.Table) -> None:
        nonlocal writer
        if writer is None:
            # With checksums, so that a file that was damaged on its way is refused.
            writer = pyarrow.parquet.ParquetWriter(draft, table.schema, write_page_checksum=True)
        writer.write_table(table)

    def write_waiting() -> None:
        if waiting:
            write_group(pa.concat_tables(waiting).combine_chunks())
            waiting.clear()

    def write(table: Table) -> None:
        if not isinstance(table, Mapping):
            write_group(pa.Table.from_pandas(table, writer and writer.schema, preserve_index=False))
            return
        waiting.append(frame_table(table))
        if sum(map(len, waiting)) >= _IN_A_GROUP:
            write_waiting()

    try:
        yield write
        write_waiting()
    finally:
        if writer is not None:
            writer.close()


WRITERS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".csv": writing_csv,
    ".jsonl": writing_json_lines,
    ".parquet": writing_parquet,
}
"""By the suffix of the file."""


def _names(table: Table) -> list[str]:
    return [*table] if isinstance(table, Mapping) else [*table.columns]


def _parts(table: Table) -> Iterator[dict[str, Any]]:
    """Name → column, of some rows at a time."""
    if isinstance(table, Mapping):
        for start in range(0, len(table["schema"]), _AT_ONCE):
            yield {name: column.slice(start, _AT_ONCE) for name, column in table.items()}
        return
    for start in range(0, len(table), _AT_ONCE):
        yield {
            str(name): column.astype(object).where(column.notna(), None).tolist()
            for name, column in table.iloc[start : start + _AT_ONCE].items()
        }


def _first(column: list[Any] | pa.Array) -> Any:
    return column[0].as_py() if isinstance(column, pa.Array) else column[0]


def _texts(
    column: list[Any] | pa.Array, of_text: Callable[[str], str], of_value: Callable[[Any], str]
) -> Sequence[str]:
    """The values of a column as a file has them; few are different, where they are texts."""
    if isinstance(column, pa.DictionaryArray):
        texts = np.array([*map(of_text, column.dictionary.to_pylist()), of_value(None)], dtype=object)
        found: list[str] = texts[codes(column)].tolist()
        return found
    values = column.to_pylist() if isinstance(column, pa.Array) else column
    kinds = {*map(type, values)}
    if kinds == {float}:
        return [*map(repr, values)]
    if kinds == {int}:
        return [*map(str, values)]
    if len(kinds - {type(None)}) == 1:
        known = {value: of_text(value) if isinstance(value, str) else of_value(value) for value in {*values}}
        return [known[value] for value in values]
    return [of_text(value) if isinstance(value, str) else of_value(value) for value in values]
