"""The tidy response table out of JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from analysis.errors import AnalysisError
from analysis.responses.batches import held, joined
from analysis.responses.column_check import Cells
from analysis.responses.columns import COLUMNS
from analysis.responses.tidy_table import UncheckedTable, absent, to_read

_AT_ONCE = 2000  # rows that are held as objects, so few that they stay near the processor

_KNOWN = {column.name for column in COLUMNS}


def read_json_lines(path: Path, columns: Collection[str] | None = None) -> UncheckedTable:
    """What a file with one JSON object a line holds of `columns`.

    Raises: `AnalysisError` where a line is none; `UnicodeDecodeError`.
    """
    names: dict[str, None] = {}
    order: tuple[str, ...] = ()
    counts: list[int] = []
    parts: list[dict[str, Cells]] = []
    rows = (row for _, row in _rows(path))
    while part := list(islice(rows, _AT_ONCE)):
        for row in part:
            if tuple(row) != order:
                names.update(dict.fromkeys(row))
                order = tuple(names)
        counts.append(len(part))
        parts.append(_by_column(part, _wanted(names, columns)))
    cells = {
        name: joined(
            [part.get(name, [absent(name)] * count) for part, count in zip(parts, counts, strict=True)],
        )
        for name in _wanted(names, columns)
    }

    def place(row: int) -> str:
        return f"line {next(islice(_rows(path), row, None))[0]}"

    return UncheckedTable(str(path), sum(counts), list(names), cells, place)


def _wanted(names: Collection[str], columns: Collection[str] | None) -> list[str]:
    """What is to be read, and what must not be there, to say in which line it is."""
    needed = to_read(names, columns)
    return [*needed, *(name for name in names if name not in _KNOWN and name not in needed)]


def _by_column(rows: list[dict[str, Any]], names: list[str]) -> dict[str, Cells]:
    columns: list[Any]
    try:
        columns = list(zip(*map(itemgetter(*names, names[0]), rows), strict=True))[:-1]
    except KeyError:
        columns = [[row.get(name, absent(name)) for row in rows] for name in names]
    return {name: held(cells) for name, cells in zip(names, columns, strict=True)}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object of each line that is not empty, and the line's number."""
    decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
    # Lines end in "\n" alone: the others at which Python breaks lines, JSON allows inside a text or between values.
    with path.open(encoding="utf-8-sig", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = decode(line)
            except (ValueError, RecursionError) as error:
                raise AnalysisError(f"{path}: line {number} is not JSON ({error}); correct it.") from None
            if not isinstance(row, dict):
                raise AnalysisError(f"{path}: line {number} is not a JSON object with one key a column; correct it.")
            yield number, row


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")
