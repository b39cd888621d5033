"""The tidy response table out of a CSV file.

Arrow reads what is plainly written. What is not is read by Python's own reader, which knows the line.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.responses.column_check import MISSING, Cells
from analysis.responses.columns import SCHEMA_FAMILY
from analysis.responses.csv_cells import GUARDED, holds_guarded, unguarded
from analysis.responses.index_columns import without_index
from analysis.responses.table_task import declared, task_of_first
from analysis.responses.tidy_table import UncheckedTable, check_header, to_read

UNGUARDED = frozenset(f"{SCHEMA_FAMILY}{version}" for version in (1, 2))
"""Versions of the table in which texts are as they are in CSV, too."""

_PIECE = 1 << 20


def read_csv(path: Path, columns: Collection[str] | None = None) -> UncheckedTable:
    """What a CSV file holds of `columns`.

    Raises: `AnalysisError` where it is no CSV file or its header is none of a response table; `UnicodeDecodeError`.
    """
    data = path.read_bytes()
    # A spreadsheet may have put a byte order mark before the header.
    data = data.removeprefix(codecs.BOM_UTF8)
    _check_utf8(data)
    header = next(_lines(data, path), (1, []))[1]
    if not header:
        raise AnalysisError(f"{path} is empty; not even a header line is in it.")
    if any(mark in "".join(header) for mark in ";\t"):
        raise AnalysisError(f"{path}: its columns are not separated by commas; save it with commas.")
    names = without_index(header)
    task = task_of_first(names, _first(data, path, header, "task"))
    check_header(names, str(path), task)
    wanted = to_read(names, columns, task)
    cells = _by_arrow(data, wanted)
    if cells is None:
        cells = _by_line(data, header, wanted, path)
    rows = len(cells["schema"])
    if rows and str(cells["schema"][0]) not in UNGUARDED and holds_guarded(data):
        texts = {column.name for column in declared(names, task) if column.kind == "text"}
        cells = {name: _unguarded(column) if name in texts else column for name, column in cells.items()}

    def place(row: int) -> str:
        return f"line {next(islice(_rows(data, path), row, None))[0]}"

    return UncheckedTable(str(path), rows, names, cells, place)


def _check_utf8(data: bytes) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _PIECE):
        decoder.decode(data[start : start + _PIECE])
    decoder.decode(b"", final=True)


def _lines(data: bytes, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line, and its number; line ends inside a cell stay."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise AnalysisError(f"{path}: line {reader.line_num} is not CSV ({error}); correct it.") from None


def _rows(data: bytes, path: Path) -> Iterator[tuple[int, list[str]]]:
    """As `_lines`, without the header and empty lines."""
    lines = _lines(data, path)
    next(lines)
    return ((line, cells) for line, cells in lines if cells)


def _first(data: bytes, path: Path, header: list[str], name: str) -> Any:
    """The cell of a column in the first row; MISSING where there is no such column, or no row."""
    if name not in header:
        return MISSING
    cells = next(_rows(data, path), (0, []))[1]
    place = header.index(name)
    return cells[place] if place < len(cells) else MISSING


def _by_line(data: bytes, header: list[str], wanted: list[str], path: Path) -> dict[str, Cells]:
    found: list[list[str]] = []
    for line, cells in _rows(data, path):
        if len(cells) != len(header):
            raise AnalysisError(
                f"{path}: line {line} has {len(cells)} cells, but the header has {len(header)}; correct it."
            )
        found.append(cells)
    return {name: [cells[header.index(name)] for cells in found] for name in wanted}


def _by_arrow(data: bytes, wanted: list[str]) -> dict[str, Cells] | None:
    """None where Arrow would read anything else than Python does, or cannot read it."""
    if not _is_plain(data):
        return None
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=4 * _PIECE),
            pyarrow.csv.ParseOptions(newlines_in_values=b'"' in data),
            pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types={name: pa.string() for name in wanted},
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return {name: table[name] for name in wanted}


def _is_plain(data: bytes) -> bool:
    """Whether lines end as they do on Unix or Windows, and whether quotes enclose whole cells alone."""
    values = np.frombuffer(data, dtype=np.uint8)
    returns = _places(values, b"\r")
    if not np.isin(values[np.minimum(returns + 1, len(values) - 1)], list(b"\n")).all():
        return False
    quotes = _places(values, b'"')
    if len(quotes) % 2:
        return False
    # Every other one opens: it comes first in a cell, or is the second half of a doubled one.
    opening, closing = quotes[::2], quotes[1::2]
    begins = np.isin(values[opening - 1], list(b',\n"')) | (opening == 0)
    ends = np.isin(values[np.minimum(closing + 1, len(values) - 1)], list(b',\r\n"')) | (closing == len(values) - 1)
    return bool(begins.all() and ends.all())


def _places(values: NDArray[np.uint8], mark: bytes) -> NDArray[np.int64]:
    starts = range(0, len(values), _PIECE)
    found = [np.flatnonzero(values[start : start + _PIECE] == mark[0]) + start for start in starts]
    return np.concatenate([np.empty(0, np.int64), *found])


def _unguarded(cells: Cells) -> Cells:
    if isinstance(cells, pa.ChunkedArray):
        return pc.replace_substring_regex(cells, GUARDED, r"\1")
    return [unguarded(cell) for cell in cells]
