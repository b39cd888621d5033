"""The mean average precision over all orders of tied pairs, exactly and without going through the orders."""

from __future__ import annotations

import numpy as np

from analysis.agreement.precision_recall import Floats

# How many values may be carried from state to state before it is given up; about a second.
_MOST_STEPS = 1_000_000


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
    found = np.concatenate([[0.0], np.cumsum(ranked)]).tolist()
    area, steps = 0.0, 0
    envelopes = {0.0: 1.0}
    for start, end in reversed(groups):
        values, counts = np.unique(ranked[start:end], return_counts=True)
        shares: list[float] = values.tolist()
        states = {tuple(counts.tolist()): envelopes}
        for left_over in range(end - start, 0, -1):
            before: dict[tuple[int, ...], dict[float, float]] = {}
            for left, chances in states.items():
                inside = sum(count * share for count, share in zip(left, shares, strict=True))
                lifted = _lift(chances, (found[start] + inside) / (start + left_over))
                mean = sum(envelope * chance for envelope, chance in lifted.items())
                for place, count in enumerate(left):
                    if count == 0:
                        continue
                    likely = count / left_over
                    area += likely * shares[place] * mean
                    target = before.setdefault((*left[:place], count - 1, *left[place + 1 :]), {})
                    for envelope, chance in lifted.items():
                        target[envelope] = target.get(envelope, 0.0) + likely * chance
                    steps += len(lifted)
                if steps > _MOST_STEPS:
                    return None
            states = before
        (envelopes,) = states.values()
    return float(area / found[-1])


def _lift(chances: dict[float, float], precision: float) -> dict[float, float]:
    """The envelope's values with their probabilities, once a point of this precision is under it."""
    lifted: dict[float, float] = {}
    for envelope, chance in chances.items():
        higher = max(envelope, precision)
        lifted[higher] = lifted.get(higher, 0.0) + chance
    return lifted
