"""Rank correlations of distances with the share of "different" answers, also in weighted samples of the pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.agreement.judged_pairs import Integers
from analysis.agreement.precision_recall import Floats

_DRAWS_AT_ONCE = 1_000
_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Correlations:
    """Of distance and share, in [−1, 1], `(B,)` each; `partial` ones with the shift held fixed.

    NaN where one of the quantities is constant, or follows from the shift.
    """

    spearman: Floats
    kendall: Floats
    partial_spearman: Floats
    partial_kendall: Floats


def correlations(
    distances: Floats, share: Floats, shift_px: Floats, cluster: Integers, counts: NDArray[np.float32]
) -> Correlations:
    """Spearman's ρ and Kendall's τ-b of weighted samples of N pairs, where each pair counts as its cluster does.

    Args:
        distances, share, shift_px: `(N,)`.
        cluster: `(N,)`, from 0 to G − 1.
        counts: `(G, B)`, how often each cluster is drawn; ones for the pairs as they are.

    Source: Kendall 1942 for the partial correlation of ranks, (r_xy − r_xz r_yz) / √((1 − r_xz²)(1 − r_yz²)).
    """
    order = np.argsort(cluster, kind="stable")
    values = np.stack([distances, share, shift_px])[:, order]
    sorted_cluster = cluster[order]
    forms = _sign_forms(values, sorted_cluster, len(counts))
    parts = []
    for start in range(0, counts.shape[1], _DRAWS_AT_ONCE):
        drawn = counts[:, start : start + _DRAWS_AT_ONCE].astype(np.float64)
        signs = np.einsum("xygb,gb->xyb", forms @ drawn, drawn)
        parts.append((_rank_products(values, sorted_cluster, drawn), signs))
    ranks, signs = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return _correlations(ranks, signs)


def without_an_answer(distances: Floats, share: Floats, shift_px: Floats, replaced: Floats) -> Correlations:
    """The correlations where one pair at a time has another share: `(N,)` each.

    Args:
        distances, share, shift_px: `(N,)`.
        replaced: `(N,)`, what stands in for the share of each pair.
    """
    number = len(share)
    values = np.stack([distances, share, shift_px])
    centred = np.stack([np.concatenate([rows.sum(axis=1) / 2 for _, rows in _sign_rows(row)]) for row in values])
    whole = _sign_forms(values, np.zeros(number, dtype=np.int64), 1)[:, :, 0, 0]
    ranks = np.repeat((centred @ centred.T)[:, :, np.newaxis], number, axis=2)
    signs = np.repeat(whole[:, :, np.newaxis], number, axis=2)
    for pairs, before in _sign_rows(share):
        own = np.arange(len(pairs)), pairs
        after = np.sign(replaced[pairs, np.newaxis] - share)
        after[own] = 0.0
        change = after - before
        # A centred rank is half the sum of signs: the pair has a new one, and each other one moves a little.
        moved = centred[1] - change / 2
        moved[own] = after.sum(axis=1) / 2
        ranks[1, 1, pairs] = np.sum(moved**2, axis=1)
        signs[1, 1, pairs] += 2 * np.sum(after**2 - before**2, axis=1)
        for other in (0, 2):
            ranks[1, other, pairs] = ranks[other, 1, pairs] = moved @ centred[other]
            signs[1, other, pairs] += 2 * np.sum(
                change * np.sign(values[other, pairs, np.newaxis] - values[other]), axis=1
            )
            signs[other, 1, pairs] = signs[1, other, pairs]
    return _correlations(ranks, signs)


def _sign_rows(values: Floats) -> Iterator[tuple[Integers, Floats]]:
    """Some numbers of pairs at a time, and the signs of their values less all values: few rows of N × N."""
    for start in range(0, len(values), _ROWS_AT_ONCE):
        pairs = np.arange(start, min(start + _ROWS_AT_ONCE, len(values)))
        yield pairs, np.sign(values[pairs, np.newaxis] - values)


def _sign_forms(values: Floats, cluster: Integers, clusters: int) -> Floats:
    """`(3, 3, G, G)`: products of the signs of differences, summed over the pairs of each two clusters.

    `cluster` is ascending, and none of the `clusters` is empty.
    """
    starts = np.searchsorted(cluster, np.arange(clusters))
    forms = np.zeros((3, 3, clusters, clusters))
    for rows in zip(*(_sign_rows(row) for row in values), strict=True):
        pairs = rows[0][0]
        for x in range(3):
            for y in range(x, 3):
                summed = np.add.reduceat(rows[x][1] * rows[y][1], starts, axis=1)
                np.add.at(forms[x, y], cluster[pairs], summed)
    for x in range(3):
        for y in range(x):
            forms[x, y] = forms[y, x]
    return forms


def _rank_products(values: Floats, cluster: Integers, drawn: Floats) -> Floats:
    """`(3, 3, B)`: products of centred midranks, summed over the drawn pairs. `cluster` is ascending."""
    weights = drawn[cluster]
    half = weights.sum(axis=0) / 2
    centred = []
    for row in values:
        steps, level = np.unique(row, return_inverse=True)
        per_level = np.zeros((len(steps), len(drawn)))
        np.add.at(per_level, (level, cluster), 1.0)
        here = per_level @ drawn
        centred.append((np.cumsum(here, axis=0) - here / 2 - half)[level])
    weighted = [row * weights for row in centred]
    return np.array([[np.einsum("nb,nb->b", x, y) for y in centred] for x in weighted])


def _correlations(ranks: Floats, signs: Floats) -> Correlations:
    return Correlations(*(_correlation(part) for part in (ranks, signs)), *(_partial(part) for part in (ranks, signs)))


def _correlation(products: Floats, x: int = 0, y: int = 1) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(products[x, y] / np.sqrt(products[x, x] * products[y, y]), dtype=np.float64)


def _partial(products: Floats) -> Floats:
    xy, xz, yz = (_correlation(products, *places) for places in ((0, 1), (0, 2), (1, 2)))
    left = (1 - xz**2) * (1 - yz**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        # What the shift determines leaves nothing but rounding.
        return np.where(left > 1e-12, (xy - xz * yz) / np.sqrt(np.maximum(left, 0.0)), np.nan)
