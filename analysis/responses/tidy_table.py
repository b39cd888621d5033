"""The tidy response table as a data frame: built and checked here, whatever it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError
from analysis.responses.cells import Value, parse
from analysis.responses.columns import COLUMNS, QUESTION_PREFIX, SCHEMA, SCHEMA_FAMILY, VERSION, Column, question

# A column has few texts, or a different one in each row, of which there is no use to remember many.
_MOST_REMEMBERED = 1000


def from_rows(
    rows: Iterable[Mapping[str, Any]], *, origin: str = "responses", place: Callable[[int], str] | None = None
) -> pd.DataFrame:
    """The tidy response table of docs/responses.md, checked.

    Args:
        rows: one mapping a response, column name → value; a value may be the text of a CSV cell.
            Columns `question_…` may differ from row to row; where one lacks, the answer is unknown.
            Rows of an earlier version of the table are brought up to this one: what they do not hold is unknown.
        origin: what the rows came from, for messages.
        place: where row `index` (from 0) stands, for messages; "row 1", "row 2", … if left out.

    Returns: one row a response in the order of `rows`; columns in the order of `COLUMNS`, then the questions
        in order of first appearance; dtypes `string`, `Int64`, `Float64`, `boolean`.

    Raises: `AnalysisError` at the first missing or unknown column, unknown schema or value that the column
        does not allow, where rows are of several versions, and where two rows contradict each other.
    """
    listed = list(rows)
    where = place or (lambda index: f"row {index + 1}")
    version = _version(listed, origin, where)
    columns = [*COLUMNS, *_questions(listed, origin, where)]
    values: dict[str, list[Value]] = {column.name: [] for column in columns}
    parsed: dict[str, dict[str, Value]] = {column.name: {} for column in columns}
    for index, row in enumerate(listed):
        here = None
        for column in columns:
            name = column.name
            # Most texts stand in many rows; a text is the same value each time. Only texts: True equals 1.
            cell = row.get(name)
            if column.since <= version and type(cell) is str and cell in parsed[name]:
                values[name].append(parsed[name][cell])
                continue
            here = here or f"{origin}: {where(index)}"
            value = _value(row, column, version, here)
            values[name].append(value)
            if type(cell) is str and len(parsed[name]) < _MOST_REMEMBERED:
                parsed[name][cell] = value
    _check_trials(values, origin, where)
    _check_pairs(values, origin, where)
    _check_reasons(values, origin, where)
    return pd.DataFrame({column.name: _series(values[column.name], column) for column in columns})


def check_columns(names: Sequence[str], origin: str) -> None:
    """Raise `AnalysisError` unless a header holds every column of one version once, and no unknown one."""
    for name in names:
        if names.count(name) > 1:
            raise AnalysisError(f"{origin}: the column {name} appears twice; remove one of them.")
    version = max((column.since for column in COLUMNS if column.name in names), default=1)
    missing = [column.name for column in COLUMNS if column.since <= version and column.name not in names]
    if missing:
        raise AnalysisError(
            f"{origin}: the column {missing[0]} is missing"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + "; export the table again with `shift-study export`."
        )
    for name in names:
        _check_known(name, origin)


def _questions(rows: list[Mapping[str, Any]], origin: str, where: Callable[[int], str]) -> list[Column]:
    known = {column.name for column in COLUMNS}
    names: dict[str, None] = {}
    for index, row in enumerate(rows):
        for name in row:
            if name not in known and name not in names:
                _check_known(name, f"{origin}: {where(index)}")
                names[name] = None
    return [question(name) for name in names]


def _check_known(name: str, origin: str) -> None:
    if name.startswith(QUESTION_PREFIX) or any(column.name == name for column in COLUMNS):
        return
    raise AnalysisError(
        f"{origin}: the column {name} is unknown; remove it, or begin its name with {QUESTION_PREFIX} "
        "if it holds answers to a question."
    )


def _series(values: list[Value], column: Column) -> pd.Series[Any]:
    dtype: Any = column.dtype
    return pd.Series(values, dtype=dtype)


def _version(rows: list[Mapping[str, Any]], origin: str, where: Callable[[int], str]) -> int:
    """The one version that all rows say they are of; this one where there are no rows."""
    for index, row in enumerate(rows):
        here = f"{origin}: {where(index)}"
        if "schema" not in row:
            raise _missing("schema", here)
        _check_schema(row["schema"], here)
        if row["schema"] != rows[0]["schema"]:
            raise AnalysisError(
                f"{here}: schema is {row['schema']!r}, but {rows[0]['schema']!r} in {where(0)}; a table is of one "
                "version: export both parts again with `shift-study export` before you join them."
            )
    return int(rows[0]["schema"].removeprefix(SCHEMA_FAMILY)) if rows else VERSION


def _value(row: Mapping[str, Any], column: Column, version: int, here: str) -> Value:
    if column.name == "schema":
        return SCHEMA
    if column.since > version:
        if column.name not in row:
            return None
        raise AnalysisError(
            f"{here}: the column {column.name} is none of {row['schema']}; remove it, or export the table again with "
            "`shift-study export`."
        )
    if column.name not in row:
        if column.name.startswith(QUESTION_PREFIX):
            return None
        raise _missing(column.name, here)
    try:
        return parse(row[column.name], column)
    except ValueError as error:
        raise AnalysisError(f"{here}: {column.name} {error}.") from None


def _missing(name: str, here: str) -> AnalysisError:
    return AnalysisError(f"{here}: the column {name} is missing; export the table again with `shift-study export`.")


def _check_schema(schema: Any, here: str) -> None:
    if schema in [f"{SCHEMA_FAMILY}{version}" for version in range(1, VERSION + 1)]:
        return
    version = schema.removeprefix(SCHEMA_FAMILY) if isinstance(schema, str) else ""
    if version.isdecimal() and int(version[:9]) > VERSION:
        raise AnalysisError(
            f"{here}: schema is {schema!r}, newer than the {SCHEMA} that this version reads; "
            "install a newer shift-study."
        )
    raise AnalysisError(f"{here}: schema is {schema!r}, not {SCHEMA}; is this a table of responses?")


def _check_trials(values: dict[str, list[Value]], origin: str, where: Callable[[int], str]) -> None:
    # A participant's id belongs to one study, so the study is part of the key.
    first: dict[tuple[Value, Value, Value], int] = {}
    for index, key in enumerate(zip(values["study"], values["participant"], values["trial"], strict=True)):
        _, participant, trial = key
        if participant is None or trial is None:
            continue
        if key in first:
            raise AnalysisError(
                f"{origin}: {where(index)}: trial {trial} of participant {participant} was already given in "
                f"{where(first[key])}; remove one of them."
            )
        first[key] = index


def _check_pairs(values: dict[str, list[Value]], origin: str, where: Callable[[int], str]) -> None:
    for name in ("shift_px", "image", "photograph"):
        first: dict[Value, int] = {}
        for index, (pair, value) in enumerate(zip(values["pair"], values[name], strict=True)):
            before = first.setdefault(pair, index)
            if values[name][before] != value:
                raise AnalysisError(
                    f"{origin}: {where(index)}: {name} of pair {pair} is {value!r}, but "
                    f"{values[name][before]!r} in {where(before)}; correct one of them."
                )


def _check_reasons(values: dict[str, list[Value]], origin: str, where: Callable[[int], str]) -> None:
    for index, (excluded, reason) in enumerate(zip(values["excluded"], values["exclusion_reason"], strict=True)):
        if excluded and not str(reason).strip(";"):
            raise AnalysisError(
                f"{origin}: {where(index)}: excluded is true, but exclusion_reason names none; give a reason."
            )
        if reason and not excluded:
            raise AnalysisError(
                f"{origin}: {where(index)}: exclusion_reason is {reason!r}, but excluded is false; "
                "clear the reason or set excluded to true."
            )
