"""Perfect separation: what it is, and how far the likelihood lets a threshold lie beyond the step."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from analysis.psychometric.separation import Separation


def separation(hits: list[float], answers: list[float]) -> Separation | None:
    return Separation.of(np.arange(float(len(hits))), np.array(hits), np.array(answers))


def lowest_and_highest(hits: list[float], answers: list[float], level: float) -> tuple[float, float]:
    """By brute force: curves that are a rising step function of shares, with a threshold just beside each shift."""
    share = np.array(hits) / np.array(answers)

    def likely(at: np.ndarray) -> float:
        chosen = np.where(np.array(hits) > 0, np.array(hits) * np.log(np.maximum(at, 1e-300)), 0)
        rest = np.array(answers) - np.array(hits)
        return float((chosen + np.where(rest > 0, rest * np.log(np.maximum(1 - at, 1e-300)), 0)).sum())

    drop = chi2.ppf(0.95, 1) / 2
    # With the threshold below shift k, the shares from k on are at least `level`; above it, those up to k at most.
    below = [likely(np.where(np.arange(len(share)) >= k, np.maximum(share, level), share)) for k in range(len(share))]
    above = [likely(np.where(np.arange(len(share)) <= k, np.minimum(share, level), share)) for k in range(len(share))]
    refused = [k for k, value in enumerate(below) if likely(share) - value > drop and share[k] < level]
    low = max(refused, default=0)
    refused = [k for k, value in enumerate(above) if likely(share) - value > drop and share[k] > level]
    return float(low), float(min(refused, default=len(share) - 1))


@pytest.mark.parametrize(
    ("hits", "answers"),
    [
        ([0, 0, 0, 10, 10, 10], [10] * 6),
        ([0, 0, 0, 2, 2, 2], [2] * 6),  # two answers leave the next shift open
        ([0, 0, 0, 1, 1, 1], [1] * 6),
        ([0, 0, 0, 1, 5, 5], [4, 1, 1, 1, 5, 5]),
        ([1, 1, 9, 9, 9], [10] * 5),
        ([4, 4, 4, 6, 6, 6], [10] * 6),
    ],
)
@pytest.mark.parametrize("level", [0.5, 0.55])
def test_the_interval_is_that_of_the_likelihood(hits: list[float], answers: list[float], level: float) -> None:
    found = separation(hits, answers)
    assert found is not None
    assert found.interval(level) == lowest_and_highest(hits, answers, level)


def test_ten_answers_close_it_between_the_two_shifts_two_do_not() -> None:
    ten, two = separation([0, 0, 0, 10, 10, 10], [10] * 6), separation([0, 0, 0, 2, 2, 2], [2] * 6)
    assert ten is not None
    assert two is not None
    assert (ten.interval(0.5), two.interval(0.5)) == ((2, 3), (1, 4))
    assert ten.between == "between 2 and 3 px"


@pytest.mark.parametrize(
    "hits", [[0, 0, 1, 10, 10], [5, 5, 5, 5, 5], [10, 10, 0, 0, 0], [0, 0, 10, 10, 9], [9, 9, 10, 10, 10]]
)
def test_what_is_not_separated(hits: list[float]) -> None:
    assert separation(hits, [10] * 5) is None
