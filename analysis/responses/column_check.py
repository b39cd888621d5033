"""One column of the tidy response table, checked as a whole.

What is as it should be is found so without looking at single cells. Anything else is taken apart into the different
cells that there are, each of which `cells.parse` judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.columns.column import Column
from analysis.responses.cells import DECIMAL, Value, parse

MISSING = object()
"""The cell of a row that does not have the column."""

Cells = Any
"""Those of a column, `(rows,)`: a `pyarrow.ChunkedArray` of any type, or a sequence of Python objects."""


class BadCell(Exception):
    """The first cell of a column that it does not allow: its row, from 0, and the end of a sentence on it.

    `says` is None where the row does not have the column.
    """

    def __init__(self, row: int, says: str | None) -> None:
        super().__init__(row, says)
        self.row, self.says = row, says


def arrow_type(column: Column) -> pa.DataType:
    """In what a checked column is held, texts apart, which `checked` numbers."""
    types = {"Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}
    return types.get(column.dtype, pa.large_string())


def checked(cells: Cells, column: Column) -> pa.Array:
    """The values of a column, `(rows,)`: int64, double, bool, or texts in a dictionary that has each of them once.

    Args:
        cells: an Arrow array of any type that `plain` gives, or Python objects, among which may be `MISSING`.
        column: what is allowed.

    Raises: `BadCell`.
    """
    if not isinstance(cells, pa.ChunkedArray):
        array = inferred(cells)
        if array is None:
            return _one_by_one(cells, column)
        cells = array
    if _is_empty(cells) and (column.nullable or not len(cells)):
        return _nulls(len(cells), column)
    found = _QUICK[column.dtype](cells, column)
    return _by_different_cells(cells, column) if found is None else found


def dictionary(texts: pa.ChunkedArray | pa.Array) -> pa.DictionaryArray:
    """Texts as numbers into a list that has each of them once, and no null.

    Raises: `pyarrow.ArrowInvalid` where one of them is not UTF-8.
    """
    chunked = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
    if not pa.types.is_dictionary(chunked.type):
        chunked = chunked.dictionary_encode()
    array = _one_chunk(chunked.unify_dictionaries())
    if array.dictionary.null_count or len(array.dictionary.unique()) < len(array.dictionary):
        array = array.dictionary.take(array.indices).dictionary_encode()
    array.dictionary.validate(full=True)
    return pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.large_string()))


def codes(array: pa.DictionaryArray) -> NDArray[np.int64]:
    """The numbers of the texts of a dictionary array; -1 where unknown."""
    return np.asarray(array.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def inferred(cells: Sequence[Any]) -> pa.ChunkedArray | None:
    """Python objects as Arrow has them; None where they are of several types, or of one that would change them."""
    try:
        array = pa.array(cells)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return None
    simple = (pa.types.is_null, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    return pa.chunked_array([array]) if any(is_simple(array.type) for is_simple in simple) else None


def plain(cells: Cells) -> Cells:
    """Cells without what writers of files use to save room; texts may stay numbered."""
    if not isinstance(cells, pa.ChunkedArray):
        return cells
    kind = cells.type
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(cells))
    if pa.types.is_dictionary(kind) and not _is_text(kind.value_type):
        return plain(cells.cast(kind.value_type))
    if kind == pa.string_view() or pa.types.is_large_string(kind) or _is_bytes(kind):
        try:
            return cells.cast(pa.large_string())  # some files do not say that their bytes are text
        except pa.ArrowInvalid:
            return cells
    return cells


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view())


def _is_empty(cells: pa.ChunkedArray) -> bool:
    """Whether nothing is known: NaN is how data frames say so of a column that they took for numbers."""
    if pa.types.is_floating(cells.type):
        return bool(pc.all(pc.is_null(cells, nan_is_null=True), min_count=0).as_py())
    return bool(cells.null_count == len(cells))


def _nulls(count: int, column: Column) -> pa.Array:
    kind = arrow_type(column)
    return pa.nulls(count, pa.dictionary(pa.int32(), kind) if kind == pa.large_string() else kind)


def _texts(cells: pa.ChunkedArray, column: Column) -> pa.Array | None:
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if column.kind != "text" or not _is_text(kind):
        return None
    try:
        array = dictionary(cells)
    except pa.ArrowInvalid:
        return None
    empty = pc.index(array.dictionary, pa.scalar("", pa.large_string())).as_py()
    if (empty >= 0 and not column.blank) or (array.null_count and (column.blank or not column.nullable)):
        return None
    return array


def _numbers(cells: pa.ChunkedArray, column: Column) -> pa.Array | None:
    if _is_text(cells.type):
        cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, cells.type), cells)
        if not pc.all(pc.match_substring_regex(cells, rf"\A{DECIMAL}\z"), min_count=0).as_py():
            return None
        try:
            cells = cells.cast(pa.float64())
        except pa.ArrowInvalid:
            return None
    if not (pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)):
        return None
    array = _one_chunk(cells.cast(pa.float64(), safe=False))
    array = pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array)
    return _bounded(array, column) if pc.all(pc.is_finite(array), min_count=0).as_py() else None


def _integers(cells: pa.ChunkedArray, column: Column) -> pa.Array | None:
    if not pa.types.is_integer(cells.type):
        return None
    try:
        return _bounded(_one_chunk(cells.cast(pa.int64())), column)
    except pa.ArrowInvalid:
        return None


def _booleans(cells: pa.ChunkedArray, column: Column) -> pa.Array | None:
    return _bounded(_one_chunk(cells), column) if pa.types.is_boolean(cells.type) else None


def _bounded(array: pa.Array, column: Column) -> pa.Array | None:
    if array.null_count and not column.nullable:
        return None
    if column.minimum is not None:
        least = pc.min(array).as_py()
        if least is not None and (least <= column.minimum if column.above else least < column.minimum):
            return None
    return array


_QUICK = {"string": _texts, "Int64": _integers, "Float64": _numbers, "boolean": _booleans}


def _one_chunk(cells: pa.ChunkedArray) -> pa.Array:
    if cells.num_chunks == 1:
        return cells.chunk(0)
    return pa.concat_arrays(cells.chunks) if cells.num_chunks else pa.array([], cells.type)


def _by_different_cells(cells: pa.ChunkedArray, column: Column) -> pa.Array:
    try:
        numbered = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        encoded = _one_chunk(numbered.unify_dictionaries())
    except pa.ArrowNotImplementedError:
        return _one_by_one(cells.to_pylist(), column)
    values: list[Value] = []
    wrong: dict[int, str] = {}
    for code, cell in enumerate([*encoded.dictionary.to_pylist(), None]):
        try:
            values.append(parse(cell, column))
        except ValueError as error:
            wrong[code] = str(error)
            values.append(None)
    given = codes(encoded)
    given[given < 0] = len(values) - 1
    if wrong:
        bad = np.flatnonzero(np.isin(given, list(wrong)))
        if len(bad):
            raise BadCell(int(bad[0]), wrong[int(given[bad[0]])])
    return _of_values(values, column, given)


def _one_by_one(cells: Sequence[Any], column: Column) -> pa.Array:
    values = []
    for row, cell in enumerate(cells):
        if cell is MISSING:
            raise BadCell(row, None)
        try:
            values.append(parse(cell, column))
        except ValueError as error:
            raise BadCell(row, str(error)) from None
    return _of_values(values, column)


def _of_values(values: Sequence[Value], column: Column, numbers: NDArray[np.int64] | None = None) -> pa.Array:
    array = pa.array(values, arrow_type(column))
    if numbers is not None:
        array = array.take(pa.array(numbers))
    return dictionary(array) if column.dtype == "string" else array
