"""How far windows were moved."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import pytest

from analysis.responses.displacement import displacement_px
from analysis.responses.tidy_table import from_rows
from analysis.trial_counts import TrialCounts

Row = Callable[..., dict[str, Any]]


def test_on_a_diagonal_the_window_moves_along_both_axes(make_row: Row) -> None:
    ways = ["right", "up-left", None, "down"]
    table = from_rows(
        [make_row(trial=n, pair=f"{n}_n-3", shift_px=3, direction=way) for n, way in enumerate(ways, start=1)]
    )
    assert displacement_px(table).tolist() == pytest.approx([3, 3 * sqrt(2), 3, 3])
    assert displacement_px(table.drop(columns="direction")).tolist() == [3.0] * 4
    assert TrialCounts.of(table).shift_px.tolist() == pytest.approx([3, 3 * sqrt(2)])
