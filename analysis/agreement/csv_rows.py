"""Lines of a CSV file whose first line names the columns, and where each stands, for messages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.errors import AnalysisError

Row = dict[str, str | None]

# Names the cells that have no column, and is no column itself.
_BEYOND = "\n"


def csv_rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[Row, str]]:
    """Each line by its columns, and its place in words.

    Args:
        path: a file in UTF-8.
        needed: columns that must be there; others may.

    Raises: `AnalysisError` where the file cannot be read, is not CSV, lacks a column or names two
        alike, and where a line has more cells than there are columns, as one with a decimal comma has.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restkey=_BEYOND, strict=True)
    try:
        for name in needed:
            if name not in (reader.fieldnames or []):
                if any(mark in "".join(reader.fieldnames or []) for mark in ";\t"):
                    raise AnalysisError(f"{path}: its columns are not separated by commas; save it with commas.")
                raise AnalysisError(f"{path}: the column {name} is missing; the first line names the columns.")
        for name in reader.fieldnames or []:
            if name and (reader.fieldnames or []).count(name) > 1:
                raise AnalysisError(f"{path}: two columns are named {name}; leave one out, or name it otherwise.")
        for row in reader:
            here = f"{path}: line {reader.line_num}"
            # Cells beyond the last column; blanks are those of a comma at the end.
            if any(cell.strip() for cell in row.get(_BEYOND) or ()):
                raise AnalysisError(
                    f"{here} has more cells than the first line names columns; correct it, and write decimals with a "
                    "point."
                )
            row.pop(_BEYOND, None)
            yield row, here
    except csv.Error as error:
        raise AnalysisError(f"{path}: line {reader.line_num} is not CSV ({error}); correct it.") from None


def read_text(path: Path) -> str:
    """What a file in UTF-8 says, without a byte order mark.

    Raises: `AnalysisError` where it cannot be read, or is in another encoding.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AnalysisError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error


def number_in(cell: str | None) -> float | None:
    """The number that a cell says, also NaN or infinite; None where it says none."""
    try:
        return float(cell or "")
    except ValueError:
        return None
