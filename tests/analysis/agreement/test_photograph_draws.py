"""Intervals from draws of photographs: their width, what they add, and when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t

from analysis.agreement.photograph_draws import PhotographDraws


def draws(photographs: int = 20, *, participants: bool = True) -> PhotographDraws:
    return PhotographDraws.of(photographs, 200, np.random.default_rng(0), participants=participants)


def test_the_variance_of_participants_adds_up() -> None:
    drawn = np.random.default_rng(1).normal(0.45, 0.03, 100_000)
    spread = draws().spread(drawn, 0.04**2)
    assert spread is not None
    assert spread.standard_error == pytest.approx(0.05 * math.sqrt(20 / 19), rel=0.01)
    # Whatever the draws' own mean is, the interval is around the estimate.
    low, high = spread.interval(0.5)
    half = t.ppf(0.975, 19) * spread.standard_error
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.003)
    assert spread.p_value(0.0) == pytest.approx(1, abs=0.02)
    assert spread.p_value(half) == pytest.approx(0.05, abs=0.005)
    assert spread.p_value(half / 2) == pytest.approx(2 * norm.sf(1.96 / 2), abs=0.02)


def test_draws_without_a_value_count_where_they_are_many() -> None:
    drawn = np.random.default_rng(2).normal(0, 1, 1_000)
    drawn[:5] = np.nan
    assert draws().spread(drawn) is not None
    drawn[:50] = np.nan
    assert draws().spread(drawn) is None
    estimate = draws().estimate(0.2, drawn)
    assert (estimate.estimate, estimate.low) == (0.2, None)
    assert "too many draws" in estimate.method


def test_what_does_not_vary_in_the_draws_has_no_interval() -> None:
    for people in (0.0, 0.01, None):
        estimate = draws().estimate(0.2, np.full(200, 0.3), people)
        assert (estimate.estimate, estimate.low, estimate.high) == (0.2, None, None)
        assert estimate.method.startswith("no interval: all draws of the photographs give the same")
    # Nor has the rounding of single precision.
    rounded = np.full(200, 0.3) + 1e-7 * np.random.default_rng(0).normal(size=200)
    assert draws().spread(rounded) is None


def test_draws_in_portions_are_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draws()
    monkeypatch.setattr("analysis.agreement.photograph_draws._AT_ONCE", 20 * 7)
    np.testing.assert_array_equal(draws().counts, whole.counts)


def test_an_interval_ends_at_the_limits() -> None:
    estimate = draws().estimate(0.98, np.random.default_rng(3).normal(0.9, 0.1, 1_000))
    assert estimate.high == 1.0
    assert estimate.low is not None
    assert estimate.low < 0.9


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            draws().estimate(0.5, np.arange(200.0)).method,
            "20 photographs, 200 draws; variance between participants added",
        ),
        (draws().estimate(0.5, np.arange(90.0), None).method, "90 draws; without the variance between participants"),
        (
            draws(participants=False).estimate(0.5, np.arange(200.0)).method,
            "participants, who are not known for every answer",
        ),
        (draws(9).estimate(0.5, np.arange(200.0)).method, "9 photographs are fewer than the 10"),
        (draws().estimate(0.5, np.arange(200.0), how="exact").method, "exact; 95% bootstrap interval"),
    ],
)
def test_the_method_says_what_was_done(found: str, says: str) -> None:
    assert says in found
