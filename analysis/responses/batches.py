"""Columns that come piece by piece, so that few rows are held as objects at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from analysis.responses.column_check import Cells, inferred


def held(cells: Sequence[Any]) -> Cells:
    """The cells as Arrow has them, texts that are alike once; or as they are, where they are of several types."""
    array = inferred(cells)
    if array is None:
        return cells
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def joined(parts: Sequence[Cells]) -> Cells:
    """One column of its pieces, in their order."""
    kinds = {part.type if isinstance(part, pa.ChunkedArray) else None for part in parts} - {pa.null()}
    if len(kinds) <= 1 and None not in kinds:
        kind = kinds.pop() if kinds else pa.null()
        return pa.chunked_array([chunk.cast(kind) for part in parts for chunk in part.chunks], kind)
    objects = (part.to_pylist() if isinstance(part, pa.ChunkedArray) else part for part in parts)
    return list(chain.from_iterable(objects))
