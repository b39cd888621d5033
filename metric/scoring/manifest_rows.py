"""The rows of a manifest of a study folder, cell by cell; every error names the file and the line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from metric.errors import MetricError

FILE_NAME = "manifest.csv"
DIRECTIONS = ("right", "left", "up", "down", "up-right", "up-left", "down-right", "down-left")
SMALLEST_SIZE = 16

_Read = TypeVar("_Read")


def read_rows(folder: Path, read: Callable[[Path, csv.DictReader[str]], _Read]) -> _Read:
    """What `read` makes of the rows of `folder/manifest.csv`; it is given the file's path too.

    Raises:
        MetricError: where there is no manifest, or it is no CSV file; and what `read` raises.
    """
    path = folder / FILE_NAME
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return read(path, csv.DictReader(file, strict=True))
    except FileNotFoundError:
        raise MetricError(f"There is no {FILE_NAME} in {folder}; name a study folder.") from None
    except NotADirectoryError:
        raise MetricError(f"{folder} is not a study folder, which has a {FILE_NAME}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise MetricError(f"{path} is not a CSV file in UTF-8: {error}.") from error


def check_columns(path: Path, rows: csv.DictReader[str], columns: Sequence[str]) -> None:
    """Raises `MetricError` where the header lacks one of the columns."""
    missing = [column for column in columns if column not in (rows.fieldnames or ())]
    if missing:
        raise MetricError(f'{path} has no column "{missing[0]}"; see docs/manifest.md.')


def checked_cells(
    row: Mapping[str, str | None], columns: Sequence[str], schemas: Sequence[str], named: Sequence[str], where: str
) -> dict[str, str]:
    """The cells of a row, of a schema that is read, with a known direction; those `named` are not empty.

    Raises:
        MetricError: where one is not so; `where` is the file and line.
    """
    cells = {column: _cell(row, column, where) for column in columns}
    if cells["schema"] not in schemas:
        raise MetricError(f'{where}: the schema is "{cells["schema"]}"; this version reads {" and ".join(schemas)}.')
    if cells["direction"] not in DIRECTIONS:
        raise MetricError(f'{where}: the direction "{cells["direction"]}" is not one of {", ".join(DIRECTIONS)}.')
    for column in named:
        if not cells[column]:
            raise MetricError(f"{where}: the column {column} is empty.")
    for column in [column for column in columns if column.endswith("_sha256")]:
        if len(cells[column]) != 64 or set(cells[column]) - set("0123456789abcdef"):
            raise MetricError(f'{where}: {column} "{cells[column]}" is not 64 hexadecimal digits.')
    for column in ("crop_x", "crop_y"):
        whole_number(cells, column, 0, where)
    return cells


def _cell(row: Mapping[str, str | None], column: str, where: str) -> str:
    value = row[column]
    if value is None or None in row:  # csv's marks of a row that is too short, or too long
        raise MetricError(f"{where}: the row has another number of cells than the header.")
    return value


def whole_number(cells: Mapping[str, str], column: str, least: int, where: str) -> int:
    """A cell that is a whole number of at least `least`; `MetricError` where it is not."""
    text = cells[column]
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise MetricError(f'{where}: {column} "{text}" is not a whole number of at least {least}.')
    return int(text)


def image_file(folder: Path, cells: Mapping[str, str], column: str, where: str) -> Path:
    """The file that a cell names, which lies in the folder; `MetricError` where it does not."""
    name = PurePosixPath(cells[column])
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise MetricError(f'{where}: {column} "{name}" is not a path inside the study folder.')
    path = folder / name
    if not path.is_file():
        raise MetricError(f"{where}: there is no file {path}.")
    return path
