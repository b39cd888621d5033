"""Intervals over two kinds of clusters: how wide they are, where they come from, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t

from analysis.resampling import Spread, draw, estimate
from analysis.trial_counts import TrialCounts


def normal(sd: float, count: int = 4000, seed: int = 0) -> np.ndarray:
    """Values whose quantiles are exactly those of a normal distribution, in the order of the seed."""
    return np.random.default_rng(seed).permutation(sd * norm.ppf((np.arange(count) + 0.5) / count))


def width(spread: Spread) -> float:
    found = spread.interval(0.0)
    assert found is not None
    return found[1] - found[0]


def test_variances_of_both_kinds_are_added_and_that_of_the_trials_taken_off_once() -> None:
    spread = Spread(normal(3.0), normal(4.0, seed=1), normal(2.0), 1000, 1000)
    # 9 + 16 − 4, and with so many clusters nothing for their number.
    assert width(spread) == pytest.approx(2 * 1.96 * math.sqrt(21), rel=0.04)
    assert spread.design_effect == pytest.approx(21 / 4, rel=0.005)


def test_few_clusters_make_the_interval_wider() -> None:
    spread = Spread(normal(1.0), None, normal(0.1), 6, 0)
    expected = 2 * t.ppf(0.975, 5) * math.sqrt(6 / 5)
    assert width(spread) == pytest.approx(expected, rel=0.005)
    many = Spread(normal(1.0), None, normal(0.1), 6000, 0)
    assert width(many) == pytest.approx(2 * 1.96, rel=0.005)


def test_the_interval_is_never_narrower_than_that_of_independent_answers() -> None:
    spread = Spread(normal(1.0), normal(1.0, seed=1), normal(2.0), 1000, 1000)
    assert width(spread) == pytest.approx(2 * 1.96 * 2, rel=0.04)
    assert spread.design_effect == 0


def test_where_nobody_errs_chance_alone_makes_the_interval() -> None:
    tables = np.zeros((20, 2, 2))
    tables[:, 0, 1] = 3
    tables[:, 1] = 3
    counts = TrialCounts(np.array([0.0, 9.0]), np.array([0.0, 60.0]), np.array([60.0, 60.0]), tables, tables)
    drawn = draw(counts, 2000, np.random.default_rng(0))
    assert drawn.participants is not None
    assert not drawn.participants[0][:, 0].any()
    hits = drawn.trials[0][:, 0]
    # Half an answer of 61, drawn 60 times.
    assert hits.mean() == pytest.approx(60 * 0.5 / 61, abs=0.06)
    spread = Spread(np.zeros(2000), np.zeros(2000), hits / 60, 20, 20)
    found = estimate(0.0, spread, "draws", limits=(0.0, 1.0))
    assert found.low == 0
    assert found.high == pytest.approx(2 / 60, abs=0.02)


def test_draws_that_are_all_alike_or_undefined_give_no_interval() -> None:
    alike = Spread(None, None, np.full(100, 3.0), 0, 0)
    assert estimate(3.0, alike, "draws").low is None
    undefined = normal(1.0, 100)
    undefined[:5] = np.nan
    found = estimate(0.0, Spread(None, None, undefined, 0, 0), "draws")
    assert (found.estimate, found.low, found.high) == (0.0, None, None)
    assert found.method.startswith("no interval: ")
