"""Judged pairs: which are of one photograph, and which of the same shift."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.agreement.judged_pairs import JudgedPairs
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]


def rows(make_row: Row, photographs: list[str | None], directions: list[str]) -> list[dict[str, Any]]:
    """Three answers to a pair of each image."""
    return [
        make_row(
            participant=f"p{person:04d}",
            trial=number + 1,
            pair=f"{number:05d}_n-1",
            shift_px=1,
            image=f"{number:05d}",
            photograph=photograph,
            direction=direction,
        )
        for number, (photograph, direction) in enumerate(zip(photographs, directions, strict=True))
        for person in range(3)
    ]


def test_images_of_one_photograph_go_together(make_row: Row) -> None:
    found = JudgedPairs.from_responses(from_rows(rows(make_row, ["a" * 64, "b" * 64, "a" * 64], ["right"] * 3)))
    assert found.photograph.tolist() == [0, 1, 0]
    assert (found.n_photographs, found.n_images, found.without_photograph) == (2, 3, 0)


def test_an_image_stands_for_its_photograph_where_that_is_unknown(make_row: Row) -> None:
    found = JudgedPairs.from_responses(from_rows(rows(make_row, [None, "a" * 64, "a" * 64], ["right"] * 3)))
    assert (found.n_photographs, found.n_images, found.without_photograph) == (2, 3, 3)
    none = JudgedPairs.from_responses(from_rows(rows(make_row, [None] * 3, ["right"] * 3)))
    assert (none.n_photographs, none.without_photograph) == (3, 9)


def test_on_a_diagonal_the_shift_is_another_one(make_row: Row) -> None:
    directions = ["right", "up-left", "left", "down-right"]
    found = JudgedPairs.from_responses(from_rows(rows(make_row, [c * 64 for c in "abcd"], directions)))
    assert found.shift_px == pytest.approx([1, math.sqrt(2), 1, math.sqrt(2)])
    assert found.stratum.tolist() == [0, 1, 0, 1]
    assert np.bincount(found.stratum).tolist() == [2, 2]
