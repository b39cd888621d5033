"""Which answers are about one photograph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.responses.photographs import photographs
from analysis.responses.tidy_table import from_rows
from analysis.trial_counts import TrialCounts

Row = Callable[..., dict[str, Any]]


def rows(make_row: Row, of: dict[str, str | None]) -> list[dict[str, Any]]:
    """An answer to each image at each of two shifts; `of`: image → photograph."""
    return [
        make_row(trial=trial, pair=f"{image}_n-{shift}", image=image, photograph=of[image], shift_px=shift)
        for trial, (image, shift) in enumerate(((image, shift) for image in of for shift in (0, 3)), start=1)
    ]


def test_crops_of_one_photograph_are_one_by_the_name_of_the_first(make_row: Row) -> None:
    table = from_rows(rows(make_row, {"00002": "ab", "00001": "ab", "00003": "cd", "00004": None}))
    assert photographs(table).tolist() == ["00001"] * 4 + ["00003"] * 2 + ["00004"] * 2


def test_without_photographs_each_image_is_one(make_row: Row) -> None:
    table = from_rows(rows(make_row, {"00002": None, "00001": None}))
    assert photographs(table).equals(table["image"])
    assert photographs(table.drop(columns="photograph")).equals(table["image"])


def test_answers_are_counted_by_photograph(make_row: Row) -> None:
    counts = TrialCounts.of(from_rows(rows(make_row, {"00001": "ab", "00002": "ab", "00003": "cd"})))
    assert counts.by_photograph is not None
    assert counts.by_photograph[..., 1].tolist() == [[2.0, 2.0], [1.0, 1.0]]
    assert np.array_equal(counts.by_photograph.sum(axis=0)[:, 1], counts.total)
