"""Means over samples, drawn anew with replacement category by category."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEWEST_CLUSTERS = 10
"""Fewer say more about themselves than about others of their kind."""

ALIKE = 1e-12
"""Draws that are less apart differ by rounding."""

_Z = 1.959963984540054
# A value of so few clusters is drawn quicker one by one than as a binomial number.
_RARE = 4
# Numbers that are drawn at once.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class DrawnMeans:
    """Means of S columns, of all samples of a category or, where `category` is none of them, of the macro average.

    `observed`: `(S,)`. `drawn`: `(B, S)`, around it, with the spread that an interval of so few clusters needs.
    `effective`: number of clusters that would tell as much of a share, were they of one category.
    """

    samples: int
    clusters: int
    observed: Floats
    drawn: Floats
    enough: bool
    effective: int

    @classmethod
    def pooled(cls, parts: list[DrawnMeans]) -> DrawnMeans:
        """Means over the samples of all categories together, whichever they are of."""
        samples = sum(part.samples for part in parts)
        weights = [part.samples / samples for part in parts]
        return cls(
            samples=samples,
            clusters=sum(part.clusters for part in parts),
            observed=sum((w * part.observed for w, part in zip(weights, parts, strict=True)), np.zeros(1)),
            drawn=sum((w * part.drawn for w, part in zip(weights, parts, strict=True)), np.zeros(1)),
            enough=all(part.enough for part in parts),
            effective=sum(part.clusters for part in parts),
        )

    @property
    def determined(self) -> NDArray[np.bool_]:
        """`(S,)`: whether the draws say how far off the mean may be."""
        found: NDArray[np.bool_] = (np.ptp(self.drawn, axis=0) > ALIKE) & self.enough
        return found


def draw_means(
    values: Floats, category: Integers, cluster: Integers, *, replicates: int, seed: int
) -> tuple[DrawnMeans, list[DrawnMeans]]:
    """Macro averages over categories, and the means of each category, in draws of its clusters.

    A draw is of as many clusters as a category has. As a sum over them depends only on how often each distinct value
    comes up, these numbers are drawn, from their multinomial distribution: the same as drawing rows, and quicker.
    Deviations from the observed mean are stretched by √(k / (k − 1)) and by Student's quantile over the normal one, of
    k − 1 degrees of freedom in a category of k clusters and of K − C in the average of C categories.

    Args:
        values: `(N, S)`, finite; those that are alike in all columns are drawn together.
        category: `(N,)`, numbers from 0, without gaps.
        cluster: `(N,)`, numbers of what is drawn; one has samples of one category only.
        replicates: B, at least 100.
        seed: of the draws; categories have streams of their own.

    Raises: `AnalysisError` where there are too few replicates.
    """
    if replicates < 100:
        raise AnalysisError(f"replicates is {replicates}; give 100 or more.")
    count = int(category.max()) + 1
    parts, deviations = [], np.zeros((replicates, values.shape[1]))
    for number, stream in enumerate(np.random.SeedSequence(seed).spawn(count)):
        here = category == number
        sums, sizes = _by_cluster(values[here], cluster[here])
        observed = sums.sum(axis=0) / sizes.sum()
        away = _drawn(sums, sizes, replicates, np.random.default_rng(stream)) - observed
        clusters = len(sizes)
        away *= math.sqrt(clusters / max(clusters - 1, 1))
        deviations += away / count
        parts.append(
            DrawnMeans(
                samples=int(sizes.sum()),
                clusters=clusters,
                observed=observed,
                drawn=observed + away * _student(clusters - 1),
                enough=clusters >= FEWEST_CLUSTERS,
                effective=clusters,
            )
        )
    clusters = sum(part.clusters for part in parts)
    observed = np.mean([part.observed for part in parts], axis=0)
    macro = DrawnMeans(
        samples=len(values),
        clusters=clusters,
        observed=observed,
        drawn=observed + deviations * _student(clusters - count),
        enough=clusters - count >= FEWEST_CLUSTERS - 1 and min(part.clusters for part in parts) > 1,
        effective=math.floor(count**2 / sum(1 / part.clusters for part in parts)),
    )
    return macro, parts


def _student(freedom: int) -> float:
    return float(stdtrit(freedom, 0.975)) / _Z if freedom > 0 else 1.0


def _by_cluster(values: Floats, cluster: Integers) -> tuple[Floats, Floats]:
    """Sums of each cluster, `(k, S)`, and numbers of its samples, `(k,)`."""
    _, of_cluster, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
    if len(sizes) == len(values):
        return values, np.ones(len(values))
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, of_cluster, values)
    return sums, sizes.astype(np.float64)


def _drawn(sums: Floats, sizes: Floats, replicates: int, generator: np.random.Generator) -> Floats:
    """Means of as many clusters as there are, drawn with replacement, `(replicates, S)`."""
    rows, times = np.unique(np.column_stack([sizes, sums]), axis=0, return_counts=True)
    total = int(times.sum())
    common = times > _RARE
    # Those of rare values count as one at first, and are then shared out one by one.
    odds = np.append(times[common], times[~common].sum()) / total
    odds /= odds.sum()
    rare = np.repeat(rows[~common], times[~common], axis=0)
    found = np.empty((replicates, rows.shape[1]))
    step = max(1, _AT_ONCE // max(len(odds), len(rare)))
    for start in range(0, replicates, step):
        drawn = generator.multinomial(total, odds, size=min(step, replicates - start))
        here = drawn[:, :-1] @ rows[common]
        if len(rare):
            here += _shared_out(drawn[:, -1], len(rare), generator) @ rare
        found[start : start + step] = here
    means: Floats = found[:, 1:] / found[:, :1]
    return means


def _shared_out(numbers: Integers, count: int, generator: np.random.Generator) -> Floats:
    """How often each of `count` comes up in `numbers[b]` draws with replacement, `(len(numbers), count)`."""
    places = generator.integers(0, count, int(numbers.sum()), dtype=np.int32)
    places += np.repeat(np.arange(len(numbers), dtype=np.int32) * np.int32(count), numbers)
    times = np.bincount(places, minlength=len(numbers) * count)
    return times.reshape(len(numbers), count).astype(np.float64)
