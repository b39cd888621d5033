"""Columns that come piece by piece, against the same values in one piece."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.columns.rule_columns import Numbers, Texts
from analysis.responses.column_check import dictionary
from analysis.responses.growing_columns import GrowingColumn, as_arrow


def grown(pieces: list[pa.Array]) -> Texts | Numbers:
    column = GrowingColumn()
    for piece in pieces:
        column.add(piece)
    return column.column()


def pieces_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Any]]]:
    return st.lists(st.lists(st.none() | values, max_size=4), min_size=1, max_size=4)


whole = st.sampled_from([127, 128, -128, -129, 32_767, 32_768, 2**31, -(2**63), 2**63 - 1]) | st.integers(-200, 200)


@settings(max_examples=60)
@given(pieces_of(whole))
@example([[1], [128]])  # one more than a byte holds
@example([[1], [None]])
@example([[None], [1]])
def test_whole_numbers_are_what_they_were(pieces: list[list[int | None]]) -> None:
    column = grown([pa.array(piece, pa.int64()) for piece in pieces])
    assert as_arrow(column).to_pylist() == [*chain(*pieces)]


@pytest.mark.parametrize("kind", [pa.float64(), pa.bool_()])
def test_other_numbers_are_what_they_were(kind: pa.DataType) -> None:
    pieces = [pa.array(piece, pa.int64()).cast(kind) for piece in ([0, 1], [], [None, 1], [0])]
    column = grown(pieces)
    assert as_arrow(column).equals(pa.concat_arrays(pieces))
    assert as_arrow(column, slice(1, 3)).equals(pa.concat_arrays(pieces).slice(1, 2))


@settings(max_examples=60)
@given(pieces_of(st.sampled_from(["a", "b", "", "ü"])))
def test_texts_are_numbered_in_order_of_appearance(pieces: list[list[str | None]]) -> None:
    column = grown([dictionary(pa.array(piece, pa.large_string())) for piece in pieces])
    values = [*chain(*pieces)]
    assert isinstance(column, Texts)
    assert column.texts == tuple(dict.fromkeys(value for value in values if value is not None))
    assert as_arrow(column).to_pylist() == values
    assert as_arrow(column, slice(1, 3)).to_pylist() == values[1:3]


def test_a_text_that_no_row_has_is_left_out() -> None:
    piece = pa.DictionaryArray.from_arrays(pa.array([1], pa.int32()), pa.array(["a", "b"], pa.large_string()))
    column = grown([piece])
    assert isinstance(column, Texts)
    assert column.texts == ("b",)


def test_very_many_participants_have_a_number_each_and_few_bytes() -> None:
    names = [f"p{n}" for n in range(40_000)]
    column = grown([dictionary(pa.array(names[start : start + 20_000])) for start in (0, 20_000)])
    assert isinstance(column, Texts)
    assert column.codes.dtype == np.int32
    assert column.codes.tolist() == [*range(40_000)]
    assert column.texts == tuple(names)
