"""The tidy response table checked cell by cell and row by row: what the check of whole columns must agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.errors import AnalysisError
from analysis.responses.cells import Value, parse
from analysis.responses.columns import QUESTION_PREFIX, SCHEMA, SCHEMA_FAMILY, VERSION, columns_of, question
from analysis.tasks.same_different import SAME_DIFFERENT

SCHEMAS = {f"{SCHEMA_FAMILY}{version}": version for version in range(1, VERSION + 1)}


def row_by_row(rows: Sequence[Mapping[str, Any]], origin: str) -> pd.DataFrame:
    """The table of rows that all have the same columns, or the sentence on the first row that is wrong."""

    def fail(row: int, says: str) -> None:
        raise AnalysisError(f"{origin}: row {row + 1}: {says}")

    for index, row in enumerate(rows):
        if row["schema"] not in SCHEMAS:
            fail(index, f"schema is {row['schema']!r}, not {SCHEMA}; is this a table of responses?")
        if row["schema"] != rows[0]["schema"]:
            fail(
                index,
                f"schema is {row['schema']!r}, but {rows[0]['schema']!r} in row 1; a table is of one version: export "
                "both parts again with `shift-study export` before you join them.",
            )
    version = SCHEMAS[rows[0]["schema"]]
    columns = [*columns_of(SAME_DIFFERENT), *(question(name) for name in rows[0] if name.startswith(QUESTION_PREFIX))]
    table: dict[str, list[Value]] = {column.name: [] for column in columns}
    for index, row in enumerate(rows):
        for column in columns:
            if column.name == "schema":
                table["schema"].append(SCHEMA)
            elif column.name == "task":
                table["task"].append(SAME_DIFFERENT.name)
            elif column.since > version:
                fail(
                    index,
                    f"the column {column.name} is none of {row['schema']}; remove it, or export the table again with "
                    "`shift-study export`.",
                )
            else:
                try:
                    table[column.name].append(parse(row[column.name], column))
                except ValueError as error:
                    fail(index, f"{column.name} {error}.")
    trials: dict[tuple[Value, ...], int] = {}
    for index, key in enumerate(zip(table["study"], table["participant"], table["trial"], strict=True)):
        if None not in key and trials.setdefault(key, index) != index:
            fail(
                index,
                f"trial {key[2]} of participant {key[1]} was already given in row {trials[key] + 1}; "
                "remove one of them.",
            )
    for name in ("shift_px", "image", "photograph"):
        first: dict[Value, int] = {}
        for index, (pair, value) in enumerate(zip(table["pair"], table[name], strict=True)):
            before = first.setdefault(pair, index)
            if table[name][before] != value:
                fail(
                    index,
                    f"{name} of pair {pair} is {value!r}, but {table[name][before]!r} in row {before + 1}; "
                    "correct one of them.",
                )
    for index, (excluded, reason) in enumerate(zip(table["excluded"], table["exclusion_reason"], strict=True)):
        if excluded and not str(reason).strip(";"):
            fail(index, "excluded is true, but exclusion_reason names none; give a reason.")
        if reason and not excluded:
            fail(
                index,
                f"exclusion_reason is {reason!r}, but excluded is false; clear the reason or set excluded to true.",
            )
    return pd.DataFrame({column.name: pd.Series(table[column.name], dtype=column.dtype) for column in columns})
