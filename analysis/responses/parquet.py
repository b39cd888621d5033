"""The tidy response table out of Parquet, checked column by column.

What is as it should be is read this way; for anything else the rows are checked one by one, which names the
first that is wrong, or puts up with it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.responses.cells import parse
from analysis.responses.columns import COLUMNS, QUESTION_PREFIX, SCHEMA, SCHEMA_FAMILY, VERSION, Column, question
from analysis.responses.tidy_table import check_columns, from_rows

_SCHEMAS = {f"{SCHEMA_FAMILY}{version}": version for version in range(1, VERSION + 1)}

Codes = NDArray[np.int64]


class _Unusual(Exception):
    """Something that only the check row by row can judge."""


def read_parquet(path: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The checked tidy response table of a Parquet file.

    Args:
        path: the file.
        columns: names of the columns to read and check; all if left out. Of the others only the names are checked.

    Raises: `AnalysisError` where the file is no such table.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        # Not by path: pyarrow would take a name like `a=1` in it for a partition and add a column.
        with path.open("rb") as stream:
            names = pyarrow.parquet.read_schema(stream).names
            check_columns(names, str(path))
            wanted = _wanted(names, columns)
            kept = [name for name in names if name in wanted]
            texts = [column.name for column in wanted.values() if column.dtype == "string"]
            stream.seek(0)
            # Statistics and pages are of this machine or checked below; the file is read once, in order.
            table = pyarrow.parquet.read_table(
                stream, columns=kept, read_dictionary=texts, page_checksum_verification=True
            )
            try:
                return _checked(table, list(wanted.values()))
            except (_Unusual, pyarrow.ArrowInvalid):
                stream.seek(0)
                rows = pyarrow.parquet.read_table(stream, page_checksum_verification=True).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        # A checksum that does not hold comes as an OSError without a number; those of the system have one.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise AnalysisError(f"{path} is not a Parquet file, or damaged ({error}); export it again.") from None
    found = from_rows(rows, origin=str(path))
    for name in names:
        if name not in found.columns:
            found[name] = pd.array([], dtype="string")
    return found[list(wanted)]


def _wanted(names: list[str], columns: Collection[str] | None) -> dict[str, Column]:
    """The columns to give, by name, in the order of the tidy table; a column of a later version is not in `names`."""
    questions = [question(name) for name in names if name.startswith(QUESTION_PREFIX)]
    listed = {column.name: column for column in (*COLUMNS, *questions)}
    return {name: column for name, column in listed.items() if columns is None or name in (*columns, "schema")}


def _checked(table: Any, columns: list[Column]) -> pd.DataFrame:
    import pyarrow

    if table.num_rows == 0:
        raise _Unusual
    version = _version(table)
    found: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for column in columns:
        if column.name not in table.column_names:
            array: Any = pyarrow.nulls(table.num_rows, _arrow_type(column))
        elif column.since > version:
            raise _Unusual
        else:
            array = _CHECKS[column.dtype](table[column.name], column)
        arrays[column.name] = array
    _check_trials(arrays)
    _check_pairs(arrays)
    _check_reasons(arrays)
    for column in columns:
        array = arrays[column.name]
        if column.name == "schema":
            array = pyarrow.DictionaryArray.from_arrays(array.indices, pyarrow.array([SCHEMA] * len(array.dictionary)))
        if pyarrow.types.is_dictionary(array.type):
            array = _spelt_out(array)
        dtype: Any = pd.api.types.pandas_dtype(column.dtype)
        found[column.name] = dtype.__from_arrow__(pyarrow.chunked_array([array]))
    return pd.DataFrame(found, copy=False)


def _spelt_out(array: Any) -> Any:
    import pyarrow

    texts = array.dictionary.cast(pyarrow.large_string())
    if len(texts) == 1 and not array.null_count:
        return pyarrow.repeat(texts[0], len(array))
    return texts.take(array.indices)


def _arrow_type(column: Column) -> Any:
    import pyarrow

    types = {"string": pyarrow.large_string, "Int64": pyarrow.int64, "Float64": pyarrow.float64}
    return types.get(column.dtype, pyarrow.bool_)()


def _version(table: Any) -> int:
    """The version that all rows are of."""
    schemas = table["schema"].unique().to_pylist()
    if len(schemas) != 1 or schemas[0] not in _SCHEMAS:
        raise _Unusual
    return _SCHEMAS[schemas[0]]


def _texts(values: Any, column: Column) -> Any:
    """A dictionary array in which each text that occurs stands once, and has been checked."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_null(values.type):
        return _unknown(values, column)
    if not pyarrow.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    array = values.unify_dictionaries().combine_chunks()
    if array.type.value_type not in (pyarrow.string(), pyarrow.large_string()) or array.dictionary.null_count:
        raise _Unusual
    array.dictionary.validate(full=True)
    if array.null_count and not column.nullable:
        raise _Unusual
    if column.kind == "text":
        if not column.blank and pyarrow.compute.any(pyarrow.compute.equal(array.dictionary, "")).as_py():
            raise _Unusual
        return array
    for text in array.dictionary.to_pylist():
        try:
            if parse(text, column) != text:
                raise _Unusual
        except ValueError:
            raise _Unusual from None
    return array


def _integers(values: Any, column: Column) -> Any:
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_null(values.type):
        return _unknown(values, column)
    if not pyarrow.types.is_integer(values.type):
        raise _Unusual
    return _bounded(values.cast(pyarrow.int64()).combine_chunks(), column)


def _numbers(values: Any, column: Column) -> Any:
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_null(values.type):
        return _unknown(values, column)
    if not (pyarrow.types.is_floating(values.type) or pyarrow.types.is_integer(values.type)):
        raise _Unusual
    array = values.cast(pyarrow.float64()).combine_chunks()
    if not pyarrow.compute.all(pyarrow.compute.is_finite(array), min_count=0).as_py():
        raise _Unusual
    return _bounded(array, column)


def _booleans(values: Any, column: Column) -> Any:
    import pyarrow

    if pyarrow.types.is_null(values.type):
        return _unknown(values, column)
    if not pyarrow.types.is_boolean(values.type) or (values.null_count and not column.nullable):
        raise _Unusual
    return values.combine_chunks()


def _bounded(array: Any, column: Column) -> Any:
    import pyarrow.compute

    if array.null_count and not column.nullable:
        raise _Unusual
    least = pyarrow.compute.min(array).as_py()
    if column.minimum is not None and least is not None:
        too_small = least <= column.minimum if column.above else least < column.minimum
        if too_small:
            raise _Unusual
    return array


def _unknown(values: Any, column: Column) -> Any:
    if not column.nullable:
        raise _Unusual
    return values.cast(_arrow_type(column)).combine_chunks()


_CHECKS = {"string": _texts, "Int64": _integers, "Float64": _numbers, "boolean": _booleans}


def _codes(array: Any) -> Codes:
    """Numbers of the texts of a dictionary array; -1 where unknown."""
    import pyarrow

    if not pyarrow.types.is_dictionary(array.type):
        return np.full(len(array), -1, dtype=np.int64)
    return np.asarray(array.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _check_trials(arrays: dict[str, Any]) -> None:
    """No trial of a participant is given twice."""
    if not {"study", "participant", "trial"} <= arrays.keys():
        return
    participants, studies = _codes(arrays["participant"]), _codes(arrays["study"])
    trials = arrays["trial"].fill_null(-1).to_numpy(zero_copy_only=False)
    known = (participants >= 0) & (trials >= 0)
    n_studies, n_trials = int(studies.max()) + 1, int(trials.max()) + 1
    if n_trials > 2**31 or n_trials * n_studies * (int(participants.max()) + 1) > 2**62:
        raise _Unusual
    places = ((participants * n_studies + studies) * n_trials + trials)[known]
    if not len(places):
        return
    # Counting is faster than sorting where there are not many more places than trials.
    dense = int(places.max()) < 10 * len(places)
    most = np.bincount(places).max() if dense else np.unique(places, return_counts=True)[1].max()
    if most > 1:
        raise _Unusual


def _check_pairs(arrays: dict[str, Any]) -> None:
    """A pair has one shift and one image."""
    if "pair" not in arrays:
        return
    pairs = _codes(arrays["pair"])
    for name in ("shift_px", "image", "photograph"):
        if name in arrays:
            values = arrays[name].to_numpy(zero_copy_only=False) if name == "shift_px" else _codes(arrays[name])
            any_value = np.zeros(int(pairs.max()) + 1, dtype=np.int64)
            any_value[pairs] = values
            if not np.array_equal(any_value[pairs], values):
                raise _Unusual


def _check_reasons(arrays: dict[str, Any]) -> None:
    """Excluded is what has a reason."""
    if not {"excluded", "exclusion_reason"} <= arrays.keys():
        return
    reasons = arrays["exclusion_reason"].dictionary.to_pylist()
    # A reason without a name is one that neither way of excluding can have.
    if any(reason and not reason.strip(";") for reason in reasons):
        raise _Unusual
    given = np.array([bool(reason) for reason in reasons], dtype=np.bool_)[_codes(arrays["exclusion_reason"])]
    if not np.array_equal(given, arrays["excluded"].to_numpy(zero_copy_only=False)):
        raise _Unusual
