"""The area under the precision/recall curve of many weighted samples of the same pairs at once.

A draw of images with replacement gives each image a count, by which all its pairs count. The ranking stays as it is, so
the pairs are sorted once, and the draws go through the ranks side by side, a row of numbers at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.agreement.precision_recall import Floats

Integers = NDArray[np.int64]
# Two numbers of single precision differ in the seventh digit, a bootstrap's draws in the second.
_Single = NDArray[np.float32]

# Numbers that are held at once, as many ranks as there are of as many draws as fit: the longer the rows, the less
# NumPy's own time for each of them counts.
_AT_ONCE = 16_000_000
_MOST_DRAWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Ranking:
    """Pairs by ascending distance, with runs of equal distances.

    `order`: `(N,)`, numbers of the pairs, nearest first. `bounds`: `(R + 1,)`, where each run begins, and N.
    """

    order: Integers
    bounds: Integers

    @classmethod
    def of(cls, distances: Floats) -> Ranking:
        """The ranking by `distances`, `(N,)`, finite."""
        order = np.argsort(distances, kind="stable").astype(np.int64)
        ascending = distances[order]
        starts = np.flatnonzero(ascending[1:] > ascending[:-1]) + 1
        return cls(order, np.concatenate([[0], starts, [len(order)]]).astype(np.int64))

    @property
    def run(self) -> Integers:
        """`(N,)`, number of the run at each rank."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def spread(self, values: Floats) -> Floats:
        """`(..., N)` by pair → by rank, where each pair of a run has the run's mean."""
        ranked = values[..., self.order]
        sizes = np.diff(self.bounds)
        if len(sizes) == len(self.order):
            return ranked
        means = np.add.reduceat(ranked, self.bounds[:-1], axis=-1) / sizes
        return np.asarray(np.repeat(means, sizes, axis=-1), dtype=np.float64)


def drawn_areas(
    ranking: Ranking, positive: Floats, cluster: Integers, counts: NDArray[np.float32], mixed: Integers | None = None
) -> Floats:
    """`interpolated_area` of each draw, with the positives of tied pairs spread evenly over their run.

    Copies of a pair are one step of the ranking. To spread ties evenly gives a little less than the mean over their
    orders, by about as much in each draw, and brings no luck into the draws.

    Args:
        ranking: of N pairs.
        positive: `(N,)`, how much of each pair is positive, in [0, 1].
        cluster: `(N,)`, the cluster with which each pair is drawn, from 0 to G − 1.
        counts: `(G, B)`, how often each cluster is drawn.
        mixed: `(N,)`, groups from 0. Within each, pairs have the mean positive of the group's drawn pairs: what they
            have on average if distances are exchanged among them.

    Returns: `(B,)`; NaN where a draw has nothing positive.
    """
    width = max(1, min(_MOST_DRAWS_AT_ONCE, _AT_ONCE // len(cluster)))
    parts = [
        _areas(ranking, positive, cluster, np.ascontiguousarray(counts[:, start : start + width]), mixed)
        for start in range(0, counts.shape[1], width)
    ]
    return np.concatenate(parts).astype(np.float64)


def _areas(
    ranking: Ranking, positive: Floats, cluster: Integers, counts: _Single, mixed: Integers | None
) -> NDArray[np.float32]:
    width = counts.shape[1]
    means = None if mixed is None else _group_means(positive, cluster, counts, mixed)
    # Of each run, how many pairs a draw has in it and how much of them is positive: rows, or a row and its share.
    runs = list(_runs(ranking, positive, cluster, counts, mixed, means))
    found = np.zeros(width, dtype=np.float32)
    seen = np.full(width, 1e-9, dtype=np.float32)  # nothing of nothing is a precision of 0
    precision = np.empty((len(cluster), width), dtype=np.float32)
    step = np.empty(width, dtype=np.float32)
    rank = 0
    for size, pairs, gain, share in runs:
        if size > 1:
            pairs = pairs / np.float32(size)
        if share:
            np.multiply(gain, np.float32(share / size), out=step)
        for _ in range(size):
            np.add(seen, pairs, out=seen)
            if share:
                np.add(found, step, out=found)
            np.divide(found, seen, out=precision[rank])
            rank += 1
    area = np.zeros(width, dtype=np.float32)
    envelope = np.zeros(width, dtype=np.float32)
    for size, _, gain, share in reversed(runs):
        for _ in range(size):
            rank -= 1
            np.maximum(envelope, precision[rank], out=envelope)
            if share:
                np.multiply(envelope, gain, out=step)
                if share != size:
                    np.multiply(step, np.float32(share / size), out=step)
                np.add(area, step, out=area)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(found > 0, area / found, np.float32(np.nan))


def _runs(
    ranking: Ranking,
    positive: Floats,
    cluster: Integers,
    counts: _Single,
    mixed: Integers | None,
    means: _Single | None,
) -> list[tuple[int, _Single, _Single, float]]:
    """(size, pairs drawn, row, share) of each run: what a draw has of it that is positive is row × share."""
    runs = []
    bounds, order = ranking.bounds.tolist(), ranking.order.tolist()
    clusters, shares = cluster.tolist(), positive.tolist()
    for start, end in pairwise(bounds):
        if end - start == 1 and means is None:
            pair = order[start]
            row = counts[clusters[pair]]
            runs.append((1, row, row, shares[pair]))
            continue
        members = ranking.order[start:end]
        drawn = counts[cluster[members]]
        if means is None:
            gain = positive[members].astype(np.float32) @ drawn
        else:
            assert mixed is not None
            gain = np.einsum("nb,nb->b", means[mixed[members]], drawn)
        runs.append((end - start, drawn.sum(axis=0), gain, 1.0))
    return runs


def _group_means(positive: Floats, cluster: Integers, counts: _Single, mixed: Integers) -> _Single:
    """`(K, B)`, mean positive of the drawn pairs of each group."""
    table = np.zeros((2, int(mixed.max()) + 1, len(counts)), dtype=np.float32)
    np.add.at(table[0], (mixed, cluster), positive.astype(np.float32))
    np.add.at(table[1], (mixed, cluster), np.float32(1))
    found, seen = table @ counts
    return np.asarray(found / np.maximum(seen, np.float32(1e-9)), dtype=np.float32)
