"""The mean average precision over all orders of tied pairs, exactly and without going through the orders."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from analysis.agreement.judged_pairs import Integers
from analysis.agreement.precision_recall import Floats

# How many probabilities may be computed before it is given up; about a second.
_MOST_STEPS = 20_000_000
# Precisions that differ by less are the same fraction, rounded in another order.
_DIGITS = 13


def expected_area(ranked: Floats, groups: list[tuple[int, int]]) -> float | None:
    """Mean of `interpolated_area` over all orders of the pairs inside each group, each order as likely.

    The last rank is filled first. What the area still depends on is only how many pairs of each share are
    left in the group, for they give the precision at the rank, and how high the envelope is to the right of
    it. The probability of every such state is carried from rank to rank.

    Args:
        ranked: `(N,)`, shares in [0, 1], best rank first; some above 0.
        groups: start and end of each run of pairs that may change places; all N ranks, ascending.

    Returns: the mean, or None where it would take too long.
    """
    compositions = [np.unique(ranked[start:end], return_counts=True) for start, end in groups]
    # A group of S states takes at least about 2.5 S √S steps: known before anything is computed.
    if sum(2.5 * _states(counts) ** 1.5 for _, counts in compositions if len(counts) > 1) > _MOST_STEPS:
        return None
    found = np.concatenate([[0.0], np.cumsum(ranked)]).tolist()
    area, steps = 0.0, 0
    envelope = _Envelope(np.zeros(1), np.ones((1, 1)))
    for (start, end), (shares, counts) in zip(reversed(groups), reversed(compositions), strict=True):
        if len(shares) == 1:
            for rank in range(end, start, -1):
                envelope = envelope.lifted(np.array([round(found[rank] / rank, _DIGITS)]))
                area += float(shares[0]) * float(envelope.means[0])
            continue
        group = _Group.of(counts, shares, start, found[start])
        for left_over in range(end - start, 0, -1):
            envelope = envelope.lifted(group.precision[group.layers[left_over]])
            steps += envelope.likely.size
            if steps > _MOST_STEPS:
                return None
            added, envelope = group.step(left_over, envelope)
            area += added
    return float(area / found[-1])


def _states(counts: Integers) -> int:
    return math.prod(count + 1 for count in counts.tolist())


@dataclass(frozen=True)
class _Envelope:
    """How high the envelope is to the right of a rank.

    `heights`: `(H,)`, those it may have, ascending. `likely`: `(S, H)`, of each state, the probability of its being
    reached with an envelope of no more than each height.
    """

    heights: Floats
    likely: Floats

    def lifted(self, precision: Floats) -> _Envelope:
        """With the point of each state under it, `(S,)`."""
        heights, likely = self.heights, self.likely
        lowest = precision.min()
        if lowest <= heights[0] and len(precision) == 1:
            return self
        joined = np.unique(np.concatenate([heights[heights > lowest], precision]))
        from_old = np.searchsorted(heights, joined, side="right") - 1
        taken = np.take(likely, np.maximum(from_old, 0), axis=1)
        taken *= (joined >= precision[:, np.newaxis]) & (from_old >= 0)
        return _Envelope(joined, taken)

    @property
    def means(self) -> Floats:
        """`(S,)`, mean height times the probability of each state."""
        return np.asarray(
            self.likely[:, -1] * self.heights[-1] - self.likely[:, :-1] @ np.diff(self.heights), dtype=np.float64
        )


@dataclass(frozen=True)
class _Group:
    """All states of a tied group, from all of its pairs left over to none.

    `left`: `(S, K)`, how many pairs of each of the `shares` are left. `precision`: `(S,)`, at the last rank that they
    take. `layers`: numbers of the states by how many pairs are left in all.
    """

    left: Integers
    shares: Floats
    precision: Floats
    layers: list[Integers]

    @classmethod
    def of(cls, counts: Integers, shares: Floats, start: int, found: float) -> _Group:
        """Of a group that begins after `start` pairs, with `found` positives among them."""
        axes = np.meshgrid(*(np.arange(count + 1) for count in counts.tolist()), indexing="ij")
        left = np.stack([axis.ravel() for axis in axes], axis=1)
        total = left.sum(axis=1)
        precision = (found + left @ shares) / np.maximum(start + total, 1)
        layers = np.split(np.argsort(total, kind="stable"), np.cumsum(np.bincount(total))[:-1])
        return cls(left, shares, np.round(precision, _DIGITS), layers)

    def step(self, left_over: int, envelope: _Envelope) -> tuple[float, _Envelope]:
        """What the rank adds to the area, and the envelope of the states with one pair less."""
        states, following = self.layers[left_over], self.layers[left_over - 1]
        # States stand in order of their counts, so that one pair less of a share is so many places before.
        sizes = self.left[-1] + 1
        strides = np.concatenate([np.cumprod(sizes[:0:-1])[::-1], [1]])
        place = np.empty(len(self.left), dtype=np.int64)
        place[following] = np.arange(len(following))
        row, share = np.nonzero(self.left[states])
        chance = self.left[states[row], share] / left_over
        area = float(np.sum(chance * self.shares[share] * envelope.means[row]))
        towards = place[states[row] - strides[share]]
        moves = csr_array((chance, (towards, row)), shape=(len(following), len(states)))
        return area, _Envelope(envelope.heights, moves @ envelope.likely)
