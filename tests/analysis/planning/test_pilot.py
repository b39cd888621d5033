"""Shifts by the answers of a pilot."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.planning.pilot import pilot_shifts
from analysis.trial_counts import TrialCounts, read_counts


def counts(different: list[int], total: int = 100) -> TrialCounts:
    shift = np.arange(len(different), dtype=float)
    return TrialCounts(shift, np.array(different, dtype=float), np.full(len(different), float(total)), None, None)


def test_the_shifts_that_a_third_to_two_thirds_see_are_taken_with_both_ends() -> None:
    # The paper's Table 1: 44 % at 2 px, 65.3 % at 3 px; the fitted function says 42 and 63.
    assert pilot_shifts(read_counts("ghildyal2022-table1"), 9) == (0, 2, 3, 9)
    assert pilot_shifts(counts([2, 8, 22, 40, 54, 62, 70, 75, 80, 83]), 12) == (0, 3, 4, 5, 12)


def test_what_more_than_two_thirds_miss_or_see_is_left_out() -> None:
    # The fitted function says 33, 51 and 65.3 % at 3, 4 and 5 px.
    assert pilot_shifts(counts([2, 8, 18, 32, 48, 62, 74, 84, 90, 94]), 12) == (0, 4, 12)


def test_where_the_function_is_steep_the_nearest_shift_is_taken() -> None:
    assert pilot_shifts(counts([2, 3, 20, 90, 97, 98, 98, 98]), 9) == (0, 2, 9)


def test_on_diagonals_a_shift_is_longer() -> None:
    pilot = counts([2, 8, 22, 40, 54, 62, 70, 75, 80, 83])
    root = 2**0.5
    # At 3, 4 and 5 px of length; a diagonal of 3 px is 4.2 px long.
    assert pilot_shifts(pilot, 12) == (0, 3, 4, 5, 12)
    assert pilot_shifts(pilot, 12, [root]) == (0, 2, 3, 12)
    assert pilot_shifts(pilot, 12, [1.0, root]) == (0, 3, 4, 12)


def test_the_largest_shift_is_to_be_seen() -> None:
    with pytest.raises(AnalysisError, match=r"At 5 px the pilot's observers still miss many shifts.* --max-shift 10"):
        pilot_shifts(counts([2, 8, 22, 40, 54, 62, 70, 75, 80, 83]), 5)
    with pytest.raises(AnalysisError, match="answers at 4 different shifts"):
        pilot_shifts(counts([2, 50, 90]), 9)
