"""d′ of same–different judgments: the published figures, closed forms, and observers made by the models."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from analysis.errors import AnalysisError
from analysis.figure_style import draw
from analysis.observers.dprime import (
    DPrime,
    criterion_differencing,
    criterion_independent,
    d_prime,
    d_prime_differencing,
    d_prime_independent,
)
from analysis.observers.dprime_figure import plot_d_prime
from analysis.responses.sources import PUBLISHED_TABLE1
from analysis.trial_counts import TrialCounts, read_counts


def test_hits_of_79_and_false_alarms_of_73_percent() -> None:
    assert float(d_prime_differencing(0.79, 0.73)) == pytest.approx(1.023, abs=0.0005)


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("log-linear", [1.34, 2.35, 3.12, 3.12, 3.44, 3.59, 3.71, 3.85, 4.36]),
        ("none", [1.36, 2.38, 3.15, 3.15, 3.47, 3.62, 3.75, 3.89, 4.41]),
    ],
)
def test_the_papers_table_1(correction: str, expected: list[float]) -> None:
    found = d_prime(read_counts(PUBLISHED_TABLE1), models=("differencing",), correction=correction)  # type: ignore[arg-type]
    assert [row.shift_px for row in found.rows] == list(range(1, 10))
    assert [row.d_prime.estimate for row in found.rows] == pytest.approx(expected, abs=0.005)
    for row in found.rows:
        assert row.d_prime.low is not None
        assert row.d_prime.high is not None
        assert row.d_prime.low < row.d_prime.estimate < row.d_prime.high  # type: ignore[operator]


@given(st.floats(0.05, 5), st.floats(0.3, 4))
def test_an_observer_who_takes_differences_is_found_out(sensitivity: float, criterion: float) -> None:
    def says_different(distance: float) -> float:
        beyond = norm.sf(criterion, distance, math.sqrt(2)) + norm.cdf(-criterion, distance, math.sqrt(2))
        return float(beyond)

    hits, alarms = says_different(sensitivity), says_different(0)
    assert float(d_prime_differencing(hits, alarms)) == pytest.approx(sensitivity, abs=1e-5)
    assert float(criterion_differencing(alarms)) == pytest.approx(criterion, abs=1e-9)


@given(st.floats(0.05, 5))
def test_an_unbiased_observer_who_classifies_each_image_is_found_out(sensitivity: float) -> None:
    right = norm.cdf(sensitivity / 2)  # of one image, with the criterion half way
    same = right**2 + (1 - right) ** 2
    assert float(d_prime_independent(same, 1 - same)) == pytest.approx(sensitivity, abs=1e-6)
    assert float(criterion_independent(same, 1 - same)) == pytest.approx(0, abs=1e-12)


def test_edges() -> None:
    for function in (d_prime_differencing, d_prime_independent):
        assert function([0.5, 0.2], [0.5, 0.6]).tolist() == [0, 0]
        assert np.isinf(function([1.0, 0.5, 1.0], [0.2, 0.0, 0.0])).all()
        with pytest.raises(AnalysisError, match="number from 0 to 1"):
            function(1.2, 0.5)
        assert np.isnan(function(math.nan, 0.5))


def bare(different: list[int], shifts: list[float] | None = None) -> TrialCounts:
    shift = np.array(shifts or range(len(different)), float)
    return TrialCounts(shift, np.array(different, float), np.full(len(different), 20.0), None, None)


def test_a_rate_of_one_is_infinite_without_a_correction_and_says_so() -> None:
    rows = d_prime(bare([2, 20]), correction="none").rows
    assert rows[0].d_prime.estimate is None
    assert "correct the counts log-linearly" in rows[0].d_prime.method
    assert d_prime(bare([2, 20])).rows[0].d_prime.estimate is not None


def test_rates_of_0_and_1_are_no_certainty() -> None:
    (row,) = d_prime(bare([0, 20]), models=("differencing",)).rows
    assert row.d_prime.low is not None
    assert row.d_prime.high is not None
    assert row.d_prime.high - row.d_prime.low > 1


def test_a_shift_that_one_image_alone_has_gets_no_interval() -> None:
    by_photograph = np.zeros((20, 2, 2))
    by_photograph[:, 0] = (1, 20)
    by_photograph[3, 1] = (18, 20)
    counts = TrialCounts(np.array([0.0, 9.0]), np.array([20.0, 18.0]), np.array([400.0, 20.0]), None, by_photograph)
    (row,) = d_prime(counts, models=("differencing",)).rows
    assert row.d_prime.estimate is not None
    assert row.d_prime.low is None
    assert "no interval" in row.d_prime.method


def test_without_unshifted_or_shifted_pairs_there_is_no_d_prime() -> None:
    with pytest.raises(AnalysisError, match="pairs without a shift, and there are none"):
        d_prime(bare([2, 20], [1, 2]))
    with pytest.raises(AnalysisError, match="pairs with a shift, and there are none"):
        d_prime(bare([2], [0]))


def test_the_result_survives_json_and_is_drawn() -> None:
    found = d_prime(read_counts(PUBLISHED_TABLE1), replicates=200)
    assert DPrime.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.to_frame()["model"].value_counts().tolist() == [9, 9]
    (axes,) = draw(lambda ax: plot_d_prime(found, ax)).axes
    legend = axes.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 2
