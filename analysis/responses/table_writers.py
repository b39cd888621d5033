"""Tidy response tables written to files, piece by piece."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.responses.cells import format_text
from analysis.responses.csv_cells import guarded
from analysis.responses.csv_table import UNGUARDED

Write = Callable[[pd.DataFrame], None]

_AT_ONCE = 20_000  # rows that are held as texts


@contextmanager
def writing_csv(draft: Path) -> Iterator[Write]:
    """Takes pieces of one table; `draft` must not exist. What is unknown is empty, truth is `true` or `false`."""
    with draft.open("x", encoding="utf-8", newline="") as stream:
        plain = csv.writer(stream, lineterminator="\n")
        # A lone carriage return would be written bare and read back as the end of the line.
        quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)

        def write(table: pd.DataFrame) -> None:
            if not stream.tell():
                plain.writerow(table.columns)
            for part in _parts(table):
                guards = part["schema"].iloc[0] not in UNGUARDED
                cells = [_texts(values, guarded if guards else str, format_text) for values in _columns(part)]
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

        def write(table: pd.DataFrame) -> None:
            names = [as_json(name).replace("%", "%%") for name in table.columns]
            form = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"
            for part in _parts(table):
                cells = [_texts(values, as_json, as_json) for values in _columns(part)]
                stream.writelines(form % row for row in zip(*cells, strict=True))

        yield write


@contextmanager
def writing_parquet(draft: Path) -> Iterator[Write]:
    """As `writing_csv`, with the types of the columns."""
    import pyarrow.parquet

    writer: Any = None

    def write(table: pd.DataFrame) -> None:
        nonlocal writer
        if writer is None:
            found = pa.Table.from_pandas(table, preserve_index=False)
            # With checksums, so that a file that was damaged on its way is refused.
            writer = pyarrow.parquet.ParquetWriter(draft, found.schema, write_page_checksum=True)
        else:
            found = pa.Table.from_pandas(table, writer.schema, preserve_index=False)
        writer.write_table(found)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


WRITERS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".csv": writing_csv,
    ".jsonl": writing_json_lines,
    ".parquet": writing_parquet,
}
"""By the suffix of the file."""


def _parts(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    return (table.iloc[start : start + _AT_ONCE] for start in range(0, len(table), _AT_ONCE))


def _columns(table: pd.DataFrame) -> Iterator[list[Any]]:
    return (column.astype(object).where(column.notna(), None).tolist() for _, column in table.items())


def _texts(values: list[Any], of_text: Callable[[str], str], of_value: Callable[[Any], str]) -> list[str]:
    """The values of a column as a file has them; few are different, where they are texts."""
    kinds = {*map(type, values)}
    if kinds == {float}:
        return [*map(repr, values)]
    if kinds == {int}:
        return [*map(str, values)]
    if len(kinds - {type(None)}) == 1:
        known = {value: of_text(value) if isinstance(value, str) else of_value(value) for value in {*values}}
        return [known[value] for value in values]
    return [of_text(value) if isinstance(value, str) else of_value(value) for value in values]
