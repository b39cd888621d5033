"""Average precision under a stated rule for equal distances, where a bare sort would go by file order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from analysis.agreement.introsort import introsort_order
from analysis.agreement.precision_recall import Floats, interpolated_area
from analysis.agreement.tie_expectation import expected_area
from analysis.errors import AnalysisError

Ties = Literal["expected", "block", "paper"]

# Where the mean over all orders would take too long, `expected` draws random orders until the standard error
# of their mean is at most this, a fiftieth of the last digit that the paper prints, or so many are drawn.
_STANDARD_ERROR = 2e-5
_MOST_DRAWS = 100_000
_DRAWS_AT_ONCE = 4_000
# Numbers of a batch of draws, of which a few copies are made.
_AT_ONCE = 2_000_000
# Fewer say too little of their own standard error.
_FEWEST_DRAWS = 100
_SEED = 2022


@dataclass(frozen=True)
class Score:
    """An average precision, how it was computed, and its standard error: above 0 where orders were drawn."""

    value: float
    method: str
    standard_error: float = 0.0


def jnd_map(same_share: Floats, distances: Floats, ties: Ties = "expected") -> Score:
    """How well ascending distance ranks the pairs that people call the same before the others.

    Args:
        same_share: `(N,)`, share of accepted responses that called each pair the same, in [0, 1].
        distances: `(N,)`, finite; smaller means more alike, in whatever unit.
        ties: what is done where distances are equal. `expected`: the mean over all orders of tied pairs, each
            as likely. `block`: tied pairs enter the ranking as one step; no order gives less. `paper`: the
            order in which NumPy 1.24's `argsort` leaves them, which depends on the order of the arguments.

    Raises: `AnalysisError` where no pair was called the same by anyone, which leaves no recall to speak of.

    Source: Ghildyal & Liu 2022, Section 6, "Just noticeable differences", and Table 8.
    """
    if not np.any(same_share > 0):
        raise AnalysisError(
            "Nobody called any of the pairs the same, so there is no recall to compute; gather more answers."
        )
    if ties == "paper":
        order = introsort_order(distances.tolist())
        return Score(float(interpolated_area(same_share[order])), "order of NumPy 1.24's argsort")
    # By share within ties, so that the order of the arguments makes no difference, not even in rounding.
    order = np.lexsort((same_share, distances)).tolist()
    ranked = same_share[order]
    groups = _groups(distances[order])
    if ties == "block":
        starts = [start for start, _ in groups]
        sizes = np.array([end - start for start, end in groups])
        area = interpolated_area(np.add.reduceat(ranked, starts), sizes)
        return Score(float(area), "tied pairs as one step")
    return _expected(ranked, groups)


def _groups(ascending: Floats) -> list[tuple[int, int]]:
    """Start and end of each run of equal distances."""
    starts = [0, *(np.flatnonzero(ascending[1:] > ascending[:-1]) + 1).tolist(), len(ascending)]
    return list(pairwise(starts))


def _expected(ranked: Floats, groups: list[tuple[int, int]]) -> Score:
    if all(len(np.unique(ranked[start:end])) == 1 for start, end in groups):
        return Score(float(interpolated_area(ranked)), "no tie that matters")
    exact = expected_area(ranked, groups)
    if exact is not None:
        return Score(exact, "exact mean over all orders of tied pairs")
    return _drawn(ranked, [(start, end) for start, end in groups if end - start > 1])


def _drawn(ranked: Floats, tied: list[tuple[int, int]]) -> Score:
    areas, error = drawn_orders(ranked, tied, np.random.default_rng(_SEED), _STANDARD_ERROR, _MOST_DRAWS)
    return Score(float(areas.mean()), f"mean over {len(areas):,} random orders of tied pairs", error)


def drawn_orders(
    ranked: Floats, tied: list[tuple[int, int]], generator: np.random.Generator, standard_error: float, most: int
) -> tuple[Floats, float]:
    """Areas of random orders within the runs `tied`, and the standard error of their mean.

    They are drawn until that is at most `standard_error`, or `most` are drawn.
    """
    batch = max(1, min(_DRAWS_AT_ONCE, _AT_ONCE // len(ranked)))
    rows = np.tile(ranked, (batch, 1))
    areas = np.empty(0)
    error = math.inf
    while len(areas) < most and (error > standard_error or len(areas) < _FEWEST_DRAWS):
        for start, end in tied:
            rows[:, start:end] = generator.permuted(rows[:, start:end], axis=1)
        areas = np.concatenate([areas, interpolated_area(rows)])
        error = float(areas.std(ddof=1)) / math.sqrt(len(areas)) if len(areas) > 1 else math.inf
    return areas, error
