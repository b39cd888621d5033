"""Rows of a file, made of columns: a column has few different texts, and numbers need no look one by one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from study_server.export.table_files import cell

Columns = Mapping[str, Sequence[Any]]
"""Name → values, `(rows,)`; as many in each."""


def csv_rows(columns: Columns) -> str:
    """The rows of columns as CSV, as `table_files.to_csv` has them."""
    return csv_lines(zip(*(_mapped(values, cell) for values in columns.values()), strict=True))


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Cells as lines of CSV.

    >>> csv_lines([["pair", "response"]])
    'pair,response\\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def json_lines(columns: Columns) -> str:
    """The rows of columns as JSON Lines, one object a row.

    >>> json_lines({"pair": ["a", "b"], "trial": [1, None]})
    '{"pair": "a", "trial": 1}\\n{"pair": "b", "trial": null}\\n'
    """
    form = "{" + ", ".join(f"{_json(name).replace('%', '%%')}: %s" for name in columns) + "}\n"
    texts = (_mapped(values, _json) for values in columns.values())
    return "".join([form % row for row in zip(*texts, strict=True)])


_json = json.JSONEncoder(ensure_ascii=False).encode


def _mapped(values: Sequence[Any], change: Callable[[Any], Any]) -> Sequence[Any]:
    kinds = {*map(type, values)}
    if kinds <= {int, float}:  # written as they are; truth values are of another type
        return values
    if len(kinds - {type(None)}) > 1:
        return [*map(change, values)]
    changed = {value: change(value) for value in {*values}}
    return [changed[value] for value in values]
