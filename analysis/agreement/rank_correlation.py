"""Rank correlations of distances with the share of "different" answers, also in weighted samples of the pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from analysis.agreement.concordance import MOST_PHOTOGRAPHS
from analysis.agreement.judged_pairs import Integers
from analysis.agreement.precision_recall import Floats

_DRAWS_AT_ONCE = 1_000
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 1_000_000
_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Correlations:
    """Of distance and share, in [−1, 1], `(B,)` each; NaN where one of the quantities is constant."""

    spearman: Floats
    kendall: Floats


def correlations(distances: Floats, share: Floats, cluster: Integers, counts: NDArray[np.float32]) -> Correlations:
    """Spearman's ρ and Kendall's τ-b of weighted samples of N pairs, where each pair counts as its cluster does.

    Args:
        distances, share: `(N,)`.
        cluster: `(N,)`, from 0 to G − 1.
        counts: `(G, B)`, how often each cluster is drawn; ones for the pairs as they are.
    """
    order = np.argsort(cluster, kind="stable")
    values = np.stack([distances, share])[:, order]
    sorted_cluster = cluster[order]
    exact = len(counts) <= MOST_PHOTOGRAPHS
    forms = _sign_forms(values, sorted_cluster, len(counts)) if exact else _sign_sums(values, sorted_cluster)
    parts = []
    portion = max(1, min(_DRAWS_AT_ONCE, _AT_ONCE // len(share)))
    for start in range(0, counts.shape[1], portion):
        drawn = counts[:, start : start + portion].astype(np.float64)
        # The sums of products are quadratic in how often photographs are drawn: twice those with each once.
        signs = np.einsum("xygb,gb->xyb", forms @ drawn, drawn) if exact else forms @ (2 * drawn - 1)
        parts.append((_rank_products(values, sorted_cluster, drawn), signs))
    ranks, signs = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return _correlations(ranks, signs)


def without_an_answer(distances: Floats, share: Floats, replaced: Floats) -> Correlations:
    """The correlations where one pair at a time has another share: `(N,)` each.

    Args:
        distances, share: `(N,)`.
        replaced: `(N,)`, what stands in for the share of each pair.
    """
    number = len(share)
    values = np.stack([distances, share])
    # A centred midrank is half the sum of the signs of a value's differences to all.
    centred = rankdata(values, axis=1) - (number + 1) / 2
    ranks = np.repeat((centred @ centred.T)[:, :, np.newaxis], number, axis=2)
    signs = np.repeat(_concordances(values).sum(axis=2)[:, :, np.newaxis], number, axis=2)
    # All pairs of one share see the replaced one move in the same way.
    levels, level, size = np.unique(share, return_inverse=True, return_counts=True)
    after, before = np.sign(replaced[:, np.newaxis] - levels), np.sign(share[:, np.newaxis] - levels)
    change = after - before
    own = change[np.arange(number), level]
    # The pair itself has a new rank, and each other one moves a little; it is none of the others.
    moved = (after @ size - after[np.arange(number), level]) / 2
    others = change @ (size * centred[1][np.unique(level, return_index=True)[1]]) - own * centred[1]
    ranks[1, 1] += moved**2 - centred[1] ** 2 - others + (change**2 @ size - own**2) / 4
    signs[1, 1] += 2 * ((after**2 - before**2) @ size - own**2)
    by_level = np.bincount(level, weights=centred[0])
    shared = change @ by_level - own * centred[0]
    ranks[1, 0] += (moved - centred[1]) * centred[0] - shared / 2
    signs[1, 0] += 2 * np.einsum("nk,nk->n", change, _balance(values[0], level, len(levels)))
    ranks[0, 1], signs[0, 1] = ranks[1, 0], signs[1, 0]
    return _correlations(ranks, signs)


def _balance(values: Floats, level: Integers, levels: int) -> Floats:
    """`(N, levels)`: how many pairs of each level have a lower value than a pair, less how many have a higher one."""
    order = np.argsort(values, kind="stable")
    seen = np.zeros((len(values) + 1, levels))
    seen[np.arange(1, len(values) + 1), level[order]] = 1
    np.cumsum(seen, axis=0, out=seen)
    ascending = values[order]
    below = np.searchsorted(ascending, values, side="left")
    up_to = np.searchsorted(ascending, values, side="right")
    return np.asarray(seen[below] + seen[up_to] - seen[-1], dtype=np.float64)


def _concordances(values: Floats) -> Floats:
    """`(2, 2, N)`: products of the signs of a pair's differences, summed over all pairs."""
    number = values.shape[1]
    found = np.empty((2, 2, number))
    for x in range(2):
        _, at, size = np.unique(values[x], return_inverse=True, return_counts=True)
        found[x, x] = number - size[at]
    # Shares take few values, distances many.
    levels, level = np.unique(values[1], return_inverse=True)
    balance = np.cumsum(_balance(values[0], level, len(levels)), axis=1)
    up_to = balance[np.arange(number), level]
    below = np.where(level > 0, balance[np.arange(number), level - 1], 0.0)
    found[0, 1] = found[1, 0] = below + up_to - balance[:, -1]
    return found


def _sign_sums(values: Floats, cluster: Integers) -> Floats:
    """`(2, 2, G)`: products of the signs of differences, of the pairs of each cluster with all."""
    return np.array([[np.bincount(cluster, weights=row) for row in rows] for rows in _concordances(values)])


def _sign_rows(values: Floats) -> Iterator[tuple[Integers, Floats]]:
    """Some numbers of pairs at a time, and the signs of their values less all values: few rows of N × N."""
    for start in range(0, len(values), _ROWS_AT_ONCE):
        pairs = np.arange(start, min(start + _ROWS_AT_ONCE, len(values)))
        yield pairs, np.sign(values[pairs, np.newaxis] - values)


def _sign_forms(values: Floats, cluster: Integers, clusters: int) -> Floats:
    """`(2, 2, G, G)`: products of the signs of differences, summed over the pairs of each two clusters.

    `cluster` is ascending, and none of the `clusters` is empty.
    """
    starts = np.searchsorted(cluster, np.arange(clusters))
    forms = np.zeros((2, 2, clusters, clusters))
    for rows in zip(*(_sign_rows(row) for row in values), strict=True):
        pairs = rows[0][0]
        for x in range(2):
            for y in range(x, 2):
                summed = np.add.reduceat(rows[x][1] * rows[y][1], starts, axis=1)
                np.add.at(forms[x, y], cluster[pairs], summed)
    forms[1, 0] = forms[0, 1]
    return forms


def _rank_products(values: Floats, cluster: Integers, drawn: Floats) -> Floats:
    """`(2, 2, B)`: products of centred midranks, summed over the drawn pairs. `cluster` is ascending."""
    weights = drawn[cluster]
    half = weights.sum(axis=0) / 2
    centred = []
    for row in values:
        order = np.argsort(row, kind="stable")
        ascending = row[order]
        starts = np.flatnonzero(np.concatenate([[True], ascending[1:] > ascending[:-1]]))
        here = np.add.reduceat(weights[order], starts, axis=0)
        level = np.searchsorted(ascending[starts], row)
        centred.append((np.cumsum(here, axis=0) - here / 2 - half)[level])
    weighted = [row * weights for row in centred]
    return np.array([[np.einsum("nb,nb->b", x, y) for y in centred] for x in weighted])


def _correlations(ranks: Floats, signs: Floats) -> Correlations:
    return Correlations(*(_correlation(part) for part in (ranks, signs)))


def _correlation(products: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(products[0, 1] / np.sqrt(products[0, 0] * products[1, 1]), dtype=np.float64)
