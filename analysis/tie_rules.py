"""Average precision under a stated rule for equal distances, where a bare sort would go by file order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.introsort import introsort_order
from analysis.precision_recall import Floats, interpolated_area

Ties = Literal["expected", "block", "paper"]

# Up to so many orders of the tied pairs, `expected` goes through all of them.
_ALL_ORDERS = 5_000

# Else it draws random orders until the standard error of their mean is at most this, a fiftieth of the last
# digit that the paper prints, or so many are drawn.
_STANDARD_ERROR = 2e-5
_MOST_DRAWS = 200_000
_DRAWS_AT_ONCE = 4_000
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
    return _expected(ranked, [(start, end) for start, end in groups if end - start > 1])


def _groups(ascending: Floats) -> list[tuple[int, int]]:
    """Start and end of each run of equal distances."""
    starts = [0, *(np.flatnonzero(ascending[1:] > ascending[:-1]) + 1).tolist(), len(ascending)]
    return list(pairwise(starts))


def _expected(ranked: Floats, tied: list[tuple[int, int]]) -> Score:
    orders = math.prod(_count_orders(ranked[start:end]) for start, end in tied)
    if orders == 1:
        return Score(float(interpolated_area(ranked)), "no tie that matters")
    if orders <= _ALL_ORDERS:
        area = interpolated_area(_all_orders(ranked, tied))
        return Score(float(area.mean()), f"mean over all {orders} orders of tied pairs")
    return _drawn(ranked, tied)


def _count_orders(shares: Floats) -> int:
    """How many orders differ: pairs of equal share are interchangeable."""
    _, repeats = np.unique(shares, return_counts=True)
    return math.factorial(len(shares)) // math.prod(math.factorial(count) for count in repeats.tolist())


def _all_orders(ranked: Floats, tied: list[tuple[int, int]]) -> NDArray[np.float64]:
    choices = [list(_distinct_orders(ranked[start:end].tolist())) for start, end in tied]
    rows = []
    for chosen in product(*choices):
        row = ranked.copy()
        for (start, end), shares in zip(tied, chosen, strict=True):
            row[start:end] = shares
        rows.append(row)
    return np.array(rows)


def _distinct_orders(shares: list[float]) -> Iterator[list[float]]:
    if not shares:
        yield []
    for first in sorted(set(shares)):
        rest = shares.copy()
        rest.remove(first)
        for order in _distinct_orders(rest):
            yield [first, *order]


def _drawn(ranked: Floats, tied: list[tuple[int, int]]) -> Score:
    generator = np.random.default_rng(_SEED)
    rows = np.tile(ranked, (_DRAWS_AT_ONCE, 1))
    areas = np.empty(0)
    error = math.inf
    while error > _STANDARD_ERROR and len(areas) < _MOST_DRAWS:
        for start, end in tied:
            rows[:, start:end] = generator.permuted(rows[:, start:end], axis=1)
        areas = np.concatenate([areas, interpolated_area(rows)])
        error = float(areas.std(ddof=1)) / math.sqrt(len(areas))
    return Score(float(areas.mean()), f"mean over {len(areas)} random orders of tied pairs", error)
