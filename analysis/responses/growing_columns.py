"""Columns that come piece by piece and are held in few bytes a row, whatever texts they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.columns.rule_columns import Numbers, Texts


class GrowingColumn:
    """Checked pieces of one column (`column_check.checked`), as numbers."""

    def __init__(self) -> None:
        self._values, self._known = _Grown(), _Grown()
        self._places: dict[str, int] | None = None

    def add(self, array: pa.Array) -> None:
        """Take the next piece; all are of one type."""
        if pa.types.is_dictionary(array.type):
            self._values.add(self._numbers(array))
            return
        known = array.is_valid().to_numpy(zero_copy_only=False)
        if array.null_count and not self._known.count:
            self._known.add(np.ones(self._values.count, dtype=np.bool_))
        if array.null_count or self._known.count:
            self._known.add(known)
        fill = False if pa.types.is_boolean(array.type) else 0
        self._values.add(array.fill_null(fill).to_numpy(zero_copy_only=False))

    def column(self) -> Texts | Numbers:
        """The whole column; it takes no more pieces from then on."""
        values = self._values.array()
        if self._places is not None:
            return Texts(values, tuple(self._places))
        return Numbers(values, self._known.array() if self._known.count else None)

    def _numbers(self, array: pa.DictionaryArray) -> NDArray[np.int64]:
        if self._places is None:
            self._places = {}
        texts = array.dictionary.to_pylist()
        place_of = np.full(len(texts) + 1, -1, dtype=np.int64)  # the last for what is unknown
        for number in array.indices.unique().to_pylist():  # in order of appearance
            if number is not None:
                place_of[number] = self._places.setdefault(texts[number], len(self._places))
        places: NDArray[np.int64] = place_of[array.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)]
        return places


class _Grown:
    """Numbers in one piece of memory, whole ones in as few bytes as the widest of them needs."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._type: np.dtype[Any] | None = None
        self.count = 0

    def add(self, values: NDArray[Any]) -> None:
        kind = values.dtype
        if kind.kind == "i":
            # Of −1 − n as of n, for one bit says the sign.
            kind = np.min_scalar_type(min(int(values.min(initial=-1)), -1 - int(values.max(initial=0))))
        if self._type is None:
            self._type = kind
        wider = np.result_type(self._type, kind)
        if wider != self._type:
            self._bytes, self._type = bytearray(self.array().astype(wider)), wider
        self._bytes += values.astype(wider).tobytes()
        self.count += len(values)

    def array(self) -> NDArray[Any]:
        return np.frombuffer(self._bytes, self._type or np.int8)


def as_arrow(column: Texts | Numbers, rows: slice = slice(None)) -> pa.Array:
    """Some rows of a column as `column_check.checked` gives them; whole numbers may have fewer bytes."""
    if isinstance(column, Numbers):
        return pa.array(column.values[rows], mask=None if column.known is None else ~column.known[rows])
    codes = column.codes[rows]
    unknown = codes < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=unknown if unknown.any() else None), pa.array(column.texts, pa.large_string())
    )
