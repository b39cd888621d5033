"""The tidy response table out of JSON Lines.

Arrow reads what is plainly written. What is not is read by Python's own reader, which knows the line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json

from analysis.columns.column import Kind
from analysis.errors import AnalysisError
from analysis.responses.batches import held, joined
from analysis.responses.column_check import MISSING, Cells
from analysis.responses.table_task import belongs, declared, is_common, task_of_first
from analysis.responses.tidy_table import UncheckedTable, absent, to_read
from analysis.tasks.same_different import SAME_DIFFERENT
from analysis.tasks.task import Task

_AT_ONCE = 2000  # rows that are held as objects, so few that they stay near the processor

_PIECE = 1 << 24
_BLOCKS = pyarrow.json.ReadOptions(block_size=1 << 22)
_ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(), "choice": pa.string(), "time": pa.string(), "integer": pa.int64(), "number": pa.float64(),
    "boolean": pa.bool_(),
}  # fmt: skip


def read_json_lines(path: Path, columns: Collection[str] | None = None) -> UncheckedTable:
    """What a file with one JSON object a line holds of `columns`.

    Raises: `AnalysisError` where a line is none; `UnicodeDecodeError`.
    """

    def place(row: int) -> str:
        return f"line {next(islice(_rows(path), row, None))[0]}"

    plain = _by_arrow(path, columns)
    if plain is not None:
        names, cells = plain
        return UncheckedTable(str(path), len(cells["schema"]), names, cells, place)
    return _by_line(path, columns, place)


def _by_arrow(path: Path, columns: Collection[str] | None) -> tuple[list[str], dict[str, Cells]] | None:
    """Names of the keys, and cells by column; None where a line differs from the first in its keys or their types."""
    with path.open("rb") as stream:
        try:
            first = json.loads(stream.readline())
            names = [str(name) for name in first]
        except (ValueError, TypeError, RecursionError):
            return None
    if not isinstance(first, dict):
        return None
    task = task_of_first(names, first.get("task", MISSING))
    wanted = _wanted(names, columns, task)
    if "schema" not in wanted or not _each_line_has(path, wanted):
        return None
    types = {column.name: _ARROW[column.kind] for column in declared(names, task)}
    parts: dict[str, list[Cells]] = {name: [] for name in wanted}
    parsing = pyarrow.json.ParseOptions(explicit_schema=pa.schema(list(types.items())))
    try:
        with path.open("rb") as stream, pyarrow.json.open_json(stream, _BLOCKS, parsing) as batches:
            for batch in batches:
                if set(batch.schema.names) != set(names):
                    return None
                for name in wanted:
                    array = batch[name].dictionary_encode() if pa.types.is_string(batch[name].type) else batch[name]
                    parts[name].append(pa.chunked_array([array]))
    except pa.ArrowException:
        return None
    return names, {name: joined(arrays) for name, arrays in parts.items()}


def _each_line_has(path: Path, names: list[str]) -> bool:
    """Whether the file is UTF-8 and has each key as often as it has lines: in a text, a quote is written otherwise."""
    keys = [json.dumps(name, ensure_ascii=False).encode() + b":" for name in names]
    counts, lines = [0] * len(keys), 0
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE) + stream.readline():
            piece.decode("utf-8")
            lines += piece.count(b"\n") + (not piece.endswith(b"\n"))
            counts = [count + piece.count(key) for count, key in zip(counts, keys, strict=True)]
    return all(count == lines for count in counts)


def _by_line(path: Path, columns: Collection[str] | None, place: Callable[[int], str]) -> UncheckedTable:
    names: dict[str, None] = {}
    order: tuple[str, ...] = ()
    counts: list[int] = []
    parts: list[dict[str, Cells]] = []
    rows = (row for _, row in _rows(path))
    task = SAME_DIFFERENT
    while part := list(islice(rows, _AT_ONCE)):
        for row in part:
            if tuple(row) != order:
                names.update(dict.fromkeys(row))
                order = tuple(names)
        if not counts:
            task = task_of_first(names, part[0].get("task", ""))
        counts.append(len(part))
        parts.append(_by_column(part, _wanted(names, columns, task), task))
    cells = {
        name: joined(
            [part.get(name, [_absent(name, task)] * count) for part, count in zip(parts, counts, strict=True)],
        )
        for name in _wanted(names, columns, task)
    }
    return UncheckedTable(str(path), sum(counts), list(names), cells, place)


def _wanted(names: Collection[str], columns: Collection[str] | None, task: Task) -> list[str]:
    """What is to be read, and what must not be there, to say in which line it is."""
    needed = to_read(names, columns, task)
    return [*needed, *(name for name in names if not belongs(name, task) and name not in needed)]


def _absent(name: str, task: Task) -> Any:
    return absent(name) if task.is_known or is_common(name) else None


def _by_column(rows: list[dict[str, Any]], names: list[str], task: Task) -> dict[str, Cells]:
    columns: list[Any]
    try:
        columns = list(zip(*map(itemgetter(*names, names[0]), rows), strict=True))[:-1]
    except KeyError:
        columns = [[row.get(name, _absent(name, task)) for row in rows] for name in names]
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
