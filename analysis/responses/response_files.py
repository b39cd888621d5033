"""Tidy response tables in files; the suffix says the format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.atomic_file import replacing
from analysis.errors import AnalysisError
from analysis.responses.cells import format_text
from analysis.responses.columns import COLUMNS, QUESTION_PREFIX, SCHEMA_FAMILY
from analysis.responses.csv_cells import guarded, holds_guarded, unguarded
from analysis.responses.judgment_list import format_judgment_list, parse_judgment_list
from analysis.responses.parquet import read_parquet
from analysis.responses.tidy_table import check_columns, from_rows

_UNGUARDED = frozenset(f"{SCHEMA_FAMILY}{version}" for version in (1, 2))
"""Versions of the table in which texts are as they are in CSV, too."""
_TEXTS = frozenset(column.name for column in COLUMNS if column.kind == "text")

SUFFIXES = (".csv", ".jsonl", ".parquet", ".json")


def read_file(path: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The checked tidy response table of a file; except for `.json`, exactly what `write_file` was given.

    Args:
        path: the file.
        columns: names of the columns that are needed: out of Parquet only these are read and checked, which is
            quicker. Other forms are read whole.

    Raises: `AnalysisError` where the file cannot be read or is no such table.
    """
    suffix = _suffix(path)
    try:
        return read_parquet(path, columns) if suffix == ".parquet" else _READERS[suffix](path)
    except UnicodeDecodeError:
        raise AnalysisError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error


def write_file(responses: pd.DataFrame, path: Path, *, overwrite: bool = False) -> None:
    """Write a tidy response table; the file appears whole or not at all.

    `.csv`, `.jsonl` and `.parquet` hold every row and column. `.json` is the form of the paper's
    `user_jnd.json` and holds only the answers that are not excluded.

    Raises: `AnalysisError` where the suffix is unknown, the file exists (unless `overwrite`) or cannot be
        written.
    """
    check_output(path, overwrite=overwrite)
    writer = _WRITERS[_suffix(path)]
    with replacing(path) as draft:
        writer(responses, draft, str(path))


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raise `AnalysisError` where `write_file` would refuse `path`, before the work that leads to it."""
    _suffix(path)
    if path.is_dir():
        raise AnalysisError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not overwrite:
        raise AnalysisError(f"{path} exists already; give another name, or --force to replace it.")


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise AnalysisError(
            f"{path} does not say a format that responses can have; end its name in "
            f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    return suffix


def _read_csv(path: Path) -> pd.DataFrame:
    # A spreadsheet may have put a byte order mark before the header. Line ends inside a cell stay.
    text = path.read_bytes().decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    try:
        header = next(reader, None)
        if header is None:
            raise AnalysisError(f"{path} is empty; not even a header line is in it.")
        if any(mark in "".join(header) for mark in ";\t"):
            raise AnalysisError(f"{path}: its columns are not separated by commas; save it with commas.")
        check_columns(header, str(path))
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                raise AnalysisError(
                    f"{path}: line {line} has {len(cells)} cells, but the header has {len(header)}; correct it."
                )
            if cells:
                rows.append(dict(zip(header, cells, strict=True)))
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise AnalysisError(f"{path}: line {reader.line_num} is not CSV ({error}); correct it.") from None
    if rows and rows[0]["schema"] not in _UNGUARDED and holds_guarded(text):
        texts = [name for name in header if name in _TEXTS or name.startswith(QUESTION_PREFIX)]
        for row in rows:
            row.update((name, unguarded(row[name])) for name in texts)
    table = from_rows(rows, origin=str(path), place=lambda index: f"line {lines[index]}")
    return _with_questions(table, header)


def _write_csv(responses: pd.DataFrame, draft: Path, origin: str) -> None:
    with draft.open("x", encoding="utf-8", newline="") as stream:
        plain = csv.writer(stream, lineterminator="\n")
        # A lone carriage return would be written bare and read back as the end of the line.
        quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(responses.columns)
        for row in _rows(responses):
            guard = row["schema"] not in _UNGUARDED
            cells = [
                guarded(value) if guard and isinstance(value, str) else format_text(value) for value in row.values()
            ]
            (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)


def _read_jsonl(path: Path) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    # Not `splitlines`, which also breaks at characters that JSON allows inside a text.
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise AnalysisError(f"{path}: line {number} is not JSON ({error}); correct it.") from None
        if not isinstance(row, dict):
            raise AnalysisError(f"{path}: line {number} is not a JSON object with one key a column; correct it.")
        rows.append(row)
        lines.append(number)
    return from_rows(rows, origin=str(path), place=lambda index: f"line {lines[index]}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _write_jsonl(responses: pd.DataFrame, draft: Path, origin: str) -> None:
    with draft.open("x", encoding="utf-8", newline="") as stream:
        for row in _rows(responses):
            stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _write_parquet(responses: pd.DataFrame, draft: Path, origin: str) -> None:
    # With checksums, so that a file that was damaged on its way is refused.
    responses.to_parquet(draft, engine="pyarrow", index=False, write_page_checksum=True)


def _read_json(path: Path) -> pd.DataFrame:
    return parse_judgment_list(path.read_text(encoding="utf-8-sig"), study=path.stem, origin=str(path))


def _write_json(responses: pd.DataFrame, draft: Path, origin: str) -> None:
    draft.write_text(format_judgment_list(responses, origin=origin), encoding="utf-8")


def _with_questions(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Give a table without rows the question columns that its header names."""
    for name in names:
        if name not in table.columns:
            table[name] = pd.array([], dtype="string")
    return table


def _rows(responses: pd.DataFrame) -> list[dict[str, Any]]:
    plain = [column.astype(object).where(column.notna(), None).tolist() for _, column in responses.items()]
    names = responses.columns.tolist()
    return [dict(zip(names, values, strict=True)) for values in zip(*plain, strict=True)]


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".json": _read_json,
}
_WRITERS: dict[str, Callable[[pd.DataFrame, Path, str], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
    ".json": _write_json,
}
