"""Arrow tables that data frames are read from again with their own types, made without a library for data frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

import pyarrow as pa

_FRAME_TYPES = {
    pa.large_string(): ("object", "string"),
    pa.int64(): ("int64", "Int64"),
    pa.float64(): ("float64", "Float64"),
    pa.bool_(): ("bool", "boolean"),
}
"""Of an Arrow type, what pandas calls its kind, and the type of the column of a data frame."""


def frame_table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """The table that `pyarrow.Table.from_pandas` makes of a data frame with these columns.

    `columns` are of one length, as `column_check.checked` gives them.

    Source: https://pandas.pydata.org/docs/development/developer.html#storing-pandas-dataframe-objects-in-apache-parquet-format
    """
    fields, arrays = [], []
    for name, array in columns.items():
        if pa.types.is_dictionary(array.type):
            array = array.cast(pa.large_string())
        arrays.append(array)
        fields.append(pa.field(name, array.type))
    schema = pa.schema(fields, {b"pandas": json.dumps(_description(fields)).encode()})
    return pa.Table.from_arrays(arrays, schema=schema)


def _description(fields: list[pa.Field]) -> dict[str, object]:
    columns = []
    for field in fields:
        kind, dtype = _FRAME_TYPES[field.type]
        columns.append(
            {
                "name": field.name,
                "field_name": field.name,
                "pandas_type": kind,
                "numpy_type": dtype,
                "metadata": None,
            }
        )
    return {
        "index_columns": [],
        "column_indexes": [],
        "columns": columns,
        "attributes": {},
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": _pandas(),
    }


@cache
def _pandas() -> str:
    return version("pandas")
