"""Tables of rows as CSV or JSON Lines, in files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from study_server.csv_cells import guarded
from study_server.errors import StudyError
from study_server.folder.private_files import OWNER_ALONE


def to_csv(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV with a header: what is unknown is empty, and truth is `true` or `false`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(row[column]) for column in columns] for row in rows)
    return out.getvalue()


def to_json_lines(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as JSON Lines, one object a row."""
    return "".join(json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n" for row in rows)


_FORMS = {".csv": to_csv, ".jsonl": to_json_lines}


def check_output(path: Path, *, suffixes: Sequence[str] = (), overwrite: bool = False) -> None:
    """Raise StudyError where a file cannot be written to `path`, before the work that leads to it."""
    if suffixes and path.suffix.lower() not in suffixes:
        raise StudyError(f"{path} does not say a format: end its name in {' or '.join(suffixes)}")
    if path.is_dir():
        raise StudyError(f"{path} is a folder: give the name of a file")
    if not path.absolute().parent.is_dir():
        raise StudyError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not overwrite:
        raise StudyError(f"{path} exists already: give another name, or --force to replace it")


def write_table(
    rows: Iterable[dict[str, Any]],
    columns: Sequence[str],
    path: Path,
    *,
    overwrite: bool = False,
    private: bool = False,
) -> None:
    """Write rows as `.csv` or `.jsonl`. Raises StudyError as `check_output` does, or where the disk refuses.

    private: whether the file is its owner's alone.
    """
    check_output(path, suffixes=tuple(_FORMS), overwrite=overwrite)
    write_text(_FORMS[path.suffix.lower()](rows, columns), path, private=private)


def write_text(text: str, path: Path, *, private: bool = False) -> None:
    """Write a text file that is there whole or not at all. Raises StudyError where the disk refuses.

    private: whether the file is its owner's alone.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "x", encoding="utf-8", newline="", opener=_open_private if private else None) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, OWNER_ALONE)


def cell(value: Any) -> Any:
    """What a table as CSV has for a value."""
    if isinstance(value, str):
        return guarded(value)  # whoever typed it, or sent it
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value
