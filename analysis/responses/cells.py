"""One cell of the tidy response table: from what a file or database holds to a checked value, and to text.

This is what every source of responses is held to. Columns are checked as wholes in `column_check`, which comes here for
what is out of the ordinary, and for the sentence that says what is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from analysis.columns.column import Column, Kind

Value = str | int | float | bool | None

# What the 64-bit columns of a table hold.
_LARGEST_INTEGER = 2**63 - 1

DECIMAL = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""How a number is written; Python's own `float` also takes 1_000 and digits of other scripts."""
_DECIMAL = re.compile(DECIMAL)
_DIGITS = re.compile(r"[+-]?[0-9]{1,19}")


def parse(cell: Any, column: Column) -> Value:
    """The checked value of a cell; None where it is unknown.

    `cell` may be text as in a CSV file, or a value as in JSON, Parquet or a database. An empty text is
    unknown, and so is a NaN, the mark of some data frames; in a column where an empty text is a value of its own, both
    are that value. 0 and 1 are truth values; a `datetime` of another zone is the same moment in UTC.

    Raises `ValueError` with the end of a sentence that begins with the place and the column's name.

    >>> from analysis.tasks.shift_columns import SHIFT_PX
    >>> parse("7", SHIFT_PX)
    7
    """
    if is_unknown(cell):
        if column.blank:
            return ""
        if not column.nullable:
            raise ValueError("is empty, but a value is needed here")
        return None
    value = _PARSERS[column.kind](cell)
    if value is None:
        raise ValueError(f"is {cell!r}, not {_article(column)}{_mend(cell, column)}")
    if column.choices and value not in column.choices:
        raise ValueError(f"is {cell!r}, not one of {column.allowed}")
    if column.minimum is not None and isinstance(value, int | float):
        too_small = value <= column.minimum if column.above else value < column.minimum
        if too_small:
            raise ValueError(f"is {cell!r}, not {_article(column)}")
    return value


def format_text(value: Value) -> str:
    """A cell of a CSV file; `parse` gives the same value back, to the last digit."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def is_unknown(cell: Any) -> bool:
    """Whether a cell holds no value: nothing, an empty text, a NaN."""
    # `!=` with itself: a NaN of any library. pandas' own NA answers with itself to every comparison.
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    return cell == "" if isinstance(cell, str) else bool(cell != cell)


def _article(column: Column) -> str:
    noun = "a time in ISO 8601, UTC" if column.kind == "time" else column.allowed
    if column.kind in {"text", "time"}:
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _mend(cell: Any, column: Column) -> str:
    """What to do about a value that came here through a program that took the column for something else."""
    if column.kind == "text" and _number(cell) is not None and not isinstance(cell, str):
        return (
            "; zeros before it may have been lost: read the column as text before you write the file "
            f"(pandas: dtype={{{column.name!r}: str}})"
        )
    if column.kind == "time" and isinstance(cell, Real) and not _is_boolean(cell):
        return '; write times as text (pandas: to_json(…, date_format="iso"))'
    if column.kind == "time" and isinstance(cell, datetime):
        return '; say of which zone it is before you write the file (pandas: .dt.tz_localize("UTC"))'
    return ""


def _text(cell: Any) -> str | None:
    if not isinstance(cell, str):
        return None
    try:
        # Half of a surrogate pair can come out of JSON, but into no UTF-8 file.
        cell.encode()
    except UnicodeEncodeError:
        return None
    return str(cell)


def _is_boolean(cell: Any) -> bool:
    # NumPy's booleans are no `bool`.
    return isinstance(cell, bool) or type(cell).__name__ == "bool"


def _boolean(cell: Any) -> bool | None:
    if isinstance(cell, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(cell.lower())
    if _is_boolean(cell):
        return bool(cell)
    number = _number(cell)
    return None if number is None else {0.0: False, 1.0: True}.get(number)


def _number(cell: Any) -> float | None:
    if isinstance(cell, str):
        number = float(cell) if _DECIMAL.fullmatch(cell) else math.nan
    elif isinstance(cell, Real | Decimal) and not _is_boolean(cell):
        try:
            number = float(cell)
        except OverflowError:
            return None
    else:
        return None
    return number if math.isfinite(number) else None


def _integer(cell: Any) -> int | None:
    digits = isinstance(cell, str) and _DIGITS.fullmatch(cell)
    if (
        digits
        or (isinstance(cell, Integral) and not _is_boolean(cell))
        or (isinstance(cell, Decimal) and cell.is_finite() and cell == cell.to_integral_value())
    ):
        integer = int(cell)
    else:
        # A spreadsheet or data frame that met an empty cell writes whole numbers as 3.0.
        number = _number(cell)
        if number is None or not number.is_integer():
            return None
        integer = int(number)
    return integer if abs(integer) <= _LARGEST_INTEGER else None


def _time(cell: Any) -> str | None:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat() if cell.tzinfo else None
    if not isinstance(cell, str):
        return None
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return cell if moment.utcoffset() == timedelta(0) else None


_PARSERS: dict[Kind, Callable[[Any], Value]] = {
    "text": _text,
    "choice": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "time": _time,
}
