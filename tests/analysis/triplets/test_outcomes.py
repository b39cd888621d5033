"""What a metric says of one triplet, by hand and by its symmetries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.errors import AnalysisError
from analysis.triplets.outcomes import rank_flips, two_afc

DISTANCES = arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
SHARES = arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.2, 0.5, 1.0]))


@given(SHARES, DISTANCES, DISTANCES)
def test_it_does_not_matter_which_image_comes_first(judge: Any, d0: Any, d1: Any) -> None:
    assert np.allclose(two_afc(judge, d0, d1), two_afc(1 - judge, d1, d0))


@given(SHARES, DISTANCES, DISTANCES)
def test_a_metric_that_says_the_opposite_agrees_with_the_others(judge: Any, d0: Any, d1: Any) -> None:
    assert np.allclose(two_afc(judge, d0, d1) + two_afc(judge, -d0, -d1), 1)


@given(DISTANCES, DISTANCES, DISTANCES, DISTANCES)
def test_flips_are_the_same_there_and_back_and_on_any_scale(d0: Any, d1: Any, e0: Any, e1: Any) -> None:
    flips = rank_flips((d0, d1), (e0, e1))
    assert np.array_equal(flips, rank_flips((e0, e1), (d0, d1)))
    assert np.array_equal(flips, rank_flips((np.exp(d0), np.exp(d1)), (3 * e0 + 1, 3 * e1 + 1)))
    assert not rank_flips((d0, d1), (d0, d1)).any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([0.5], [1.0, 2.0], [1.0]), "d0 has the shape"),
        (([1.5], [1.0], [2.0]), "not between 0 and 1"),
        (([0.5], [float("nan")], [2.0]), "d0 of sample 0 is nan"),
        (([], [], []), "at least one"),
    ],
)
def test_bad_input_is_said(arguments: Any, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        two_afc(*arguments)


def test_distances_of_other_samples_are_refused() -> None:
    with pytest.raises(AnalysisError, match="shifted_d0 has the shape"):
        rank_flips(([1], [2]), ([1, 1], [2, 2]))
