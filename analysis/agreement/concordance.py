"""Whether distances order pairs of the same shift as people do: concordance that owes nothing to the shift."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import Floats

# With more photographs than this, what a draw does is computed to first order: for so many it makes no difference to
# an interval, and the products of all photographs with all others would fill the memory.
MOST_PHOTOGRAPHS = 500
_DRAWS_AT_ONCE = 1_000
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Concordance:
    """Goodman and Kruskal's γ of distance and share of "different", of pairs of the same shift.

    γ is (C − D) / (C + D): of all two pairs of the same shift that both people and the metric order, C are ordered
    alike and D otherwise, summed over shifts. Chance, and whatever depends on the shift alone, has a mean of 0.

    `gamma`: NaN where no two pairs are ordered by both. `drawn`: `(B,)`, in the draws of photographs; empty where
    these are too few. `influences`: `(T,)`, of each answer, for `participant_variance`. `contributions`: `(G,)` of
    each photograph, to first order; they sum to `gamma`, and scatter as it does: n times their variance is its own.

    Source: Goodman & Kruskal 1954, pooled over strata as by Davis 1967.
    """

    gamma: float
    drawn: Floats
    influences: Floats
    contributions: Floats

    @classmethod
    def of(cls, pairs: JudgedPairs, distances: Floats, draws: PhotographDraws) -> Concordance:
        """Of distances, `(N,)`, finite."""
        different = 1 - pairs.same_share
        sums = _sums(distances, different, pairs)
        concordant, ordered = sums.sum(axis=1)
        if ordered == 0:
            return cls(math.nan, np.empty(0), np.zeros(len(pairs.answer_pair)), np.zeros(pairs.n_photographs))
        gamma = float(concordant / ordered)
        by_photograph = np.array([np.bincount(pairs.photograph, weights=row) for row in sums])
        influence = 2 * (by_photograph[0] - gamma * by_photograph[1]) / ordered
        return cls(
            gamma,
            _drawn(distances, different, pairs, by_photograph, draws.counts) if draws.enough else np.empty(0),
            _answers_left_out(distances, different, pairs, sums),
            influence + gamma / pairs.n_photographs,
        )

    @classmethod
    def of_the_shift(cls, pairs: JudgedPairs, draws: PhotographDraws) -> Concordance:
        """What the shift alone has, in every draw: 0, which is the mean over random orders of pairs of one shift."""
        drawn = np.zeros(draws.counts.shape[1] if draws.enough else 0)
        return cls(0.0, drawn, np.zeros(len(pairs.answer_pair)), np.zeros(pairs.n_photographs))

    @property
    def standard_error(self) -> float:
        """Between studies with other photographs, to first order; answers scatter with the photographs."""
        number = len(self.contributions)
        return math.sqrt(number * float(np.var(self.contributions, ddof=1)))

    def less(self, other: Concordance) -> Concordance:
        """The difference of two on the same pairs and draws."""
        return Concordance(
            self.gamma - other.gamma,
            self.drawn - other.drawn if len(self.drawn) and len(other.drawn) else np.empty(0),
            self.influences - other.influences,
            self.contributions - other.contributions,
        )


def exchanged_p_value(
    distances: Floats, pairs: JudgedPairs, permutations: int, generator: np.random.Generator
) -> float | None:
    """One-sided p-value of γ: how often it is as large when distances are exchanged among pairs of the same shift.

    It is about these answers, and takes the pairs of a shift as unrelated. A metric with opinions of its own on
    photographs is found too often by it, for the same photograph has pairs at several shifts.

    Returns: None where no two pairs are ordered by both.
    """
    stratum = pairs.stratum
    _, share = np.unique(pairs.same_share, return_inverse=True)
    net = np.zeros(permutations + 1, dtype=np.int64)
    ordered = np.zeros_like(net)
    for number in range(int(stratum.max()) + 1):
        members = np.flatnonzero(stratum == number)
        order = members[np.argsort(distances[members], kind="stable")]
        ascending = distances[order]
        run = np.searchsorted(ascending, ascending, side="left")
        portion = max(1, _AT_ONCE // len(order))
        for start in range(0, permutations + 1, portion):
            rows = np.tile(share[order], (min(portion, permutations + 1 - start), 1))
            if start == 0:
                rows[1:] = generator.permuted(rows[1:], axis=1)
            else:
                rows = generator.permuted(rows, axis=1)
            fewer, more = _before(rows, run)
            # The nearer pair has fewer "different" answers, so a larger share of "same".
            net[start : start + portion] += more - fewer
            ordered[start : start + portion] += more + fewer
    if ordered[0] == 0:
        return None
    found = net / np.maximum(ordered, 1)
    return float(np.count_nonzero(found >= found[0] - 1e-12)) / (1 + permutations)


def flipped_p_value(contributions: Floats, permutations: int, generator: np.random.Generator) -> float:
    """Two-sided p-value for the sum of the photographs' contributions being 0: each may as well have the other sign."""
    signs = 2.0 * generator.integers(0, 2, (permutations, len(contributions)), dtype=np.int8) - 1
    signs[0] = 1
    sums = np.abs(signs @ contributions)
    # Rounding must not make a flip that changes nothing differ from what was observed.
    return float(np.count_nonzero(sums >= sums[0] - 1e-12)) / permutations


def _before(levels: Integers, run: Integers) -> tuple[Integers, Integers]:
    """`(P,)` each: of all two places of a row, how often a lower level is nearer, and a higher one; not in one run.

    Args:
        levels: `(P, n)`, from 0, by ascending distance.
        run: `(n,)`, the first place with the same distance.
    """
    lower, higher = np.zeros((2, len(levels)), dtype=np.int64)
    seen = np.zeros((len(levels), levels.shape[1] + 1), dtype=np.int64)
    for level in range(int(levels.max()) + 1):
        np.cumsum(levels == level, axis=1, out=seen[:, 1:])
        nearer = seen[:, run]
        lower += np.einsum("pn,pn->p", nearer, levels > level)
        higher += np.einsum("pn,pn->p", nearer, levels < level)
    return lower, higher


def _blocks(values: Floats, others: Floats, members: Integers) -> Iterator[tuple[Integers, Floats]]:
    """Some members of a shift at a time, and the products of the signs of their differences to all members."""
    rows = max(1, _AT_ONCE // len(members))
    for start in range(0, len(members), rows):
        some = members[start : start + rows]
        yield (
            some,
            np.sign(values[some, np.newaxis] - values[members]) * np.sign(others[some, np.newaxis] - others[members]),
        )


def _sums(distances: Floats, different: Floats, pairs: JudgedPairs) -> Floats:
    """`(2, N)`: of each pair, the concordant others of its shift less the discordant ones, and both together."""
    stratum = pairs.stratum
    found = np.zeros((2, len(distances)))
    for number in range(int(stratum.max()) + 1):
        members = np.flatnonzero(stratum == number)
        for some, products in _blocks(distances, different, members):
            found[0, some] = products.sum(axis=1)
            found[1, some] = np.abs(products).sum(axis=1)
    return found


def _drawn(
    distances: Floats, different: Floats, pairs: JudgedPairs, by_photograph: Floats, counts: NDArray[np.float32]
) -> Floats:
    """γ in draws of photographs, `(B,)`; NaN where no two pairs of a draw are ordered by both."""
    exact = pairs.n_photographs <= MOST_PHOTOGRAPHS
    forms = _forms(distances, different, pairs) if exact else by_photograph
    parts = []
    portion = _DRAWS_AT_ONCE if exact else max(1, _AT_ONCE // pairs.n_photographs)
    for start in range(0, counts.shape[1], portion):
        drawn = counts[:, start : start + portion].astype(np.float64)
        # The sums are quadratic in how often photographs are drawn: twice the sums with each drawn once.
        sums = np.einsum("xgb,gb->xb", forms @ drawn, drawn) if exact else forms @ (2 * drawn - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            parts.append(np.where(sums[1] > 0, sums[0] / sums[1], np.nan))
    return np.concatenate(parts)


def _forms(distances: Floats, different: Floats, pairs: JudgedPairs) -> Floats:
    """`(2, G, G)`: what `_sums` has, of the pairs of each two photographs."""
    stratum, photograph = pairs.stratum, pairs.photograph
    forms = np.zeros((2, pairs.n_photographs, pairs.n_photographs))
    for number in range(int(stratum.max()) + 1):
        members = np.flatnonzero(stratum == number)
        members = members[np.argsort(photograph[members], kind="stable")]
        there, starts = np.unique(photograph[members], return_index=True)
        for some, products in _blocks(distances, different, members):
            for form, values in zip(forms, (products, np.abs(products)), strict=True):
                np.add.at(form, (photograph[some, np.newaxis], there), np.add.reduceat(values, starts, axis=1))
    return forms


def _answers_left_out(distances: Floats, different: Floats, pairs: JudgedPairs, sums: Floats) -> Floats:
    """`(T,)`: by how much γ falls when an answer is left out, less the mean of its pair: ranks have no derivatives."""
    if pairs.answer_participant is None:
        return np.zeros(len(pairs.answer_pair))
    stratum = pairs.stratum
    others = np.maximum(pairs.responses - 1, 1)
    said = pairs.responses - pairs.same
    totals = sums.sum(axis=1)
    gamma = totals[0] / totals[1]
    left_out = []
    for remaining in ((said - 1) / others, said / others):  # of "different" answers one less, and of "same" ones
        replaced = np.where(pairs.responses > 1, np.clip(remaining, 0.0, 1.0), different)
        changed = np.zeros_like(sums)
        for number in range(int(stratum.max()) + 1):
            members = np.flatnonzero(stratum == number)
            for some, products in _replaced_blocks(distances, different, replaced, members):
                changed[0, some] = products.sum(axis=1)
                changed[1, some] = np.abs(products).sum(axis=1)
        after = totals[:, np.newaxis] + 2 * (changed - sums)
        left_out.append(gamma - after[0] / np.maximum(after[1], 1))
    fall = np.where(pairs.answer_same, left_out[1][pairs.answer_pair], left_out[0][pairs.answer_pair])
    # Fewer answers change γ whatever they are; what counts is how a pair's answers differ.
    mean = np.bincount(pairs.answer_pair, weights=fall) / pairs.responses
    return np.asarray(fall - mean[pairs.answer_pair], dtype=np.float64)


def _replaced_blocks(
    values: Floats, others: Floats, replaced: Floats, members: Integers
) -> Iterator[tuple[Integers, Floats]]:
    """As `_blocks`, where the one pair at a time has its `replaced` value, and all others their own."""
    rows = max(1, _AT_ONCE // len(members))
    for start in range(0, len(members), rows):
        some = members[start : start + rows]
        products = np.sign(values[some, np.newaxis] - values[members])  # 0 with itself, whatever it is replaced by
        yield some, products * np.sign(replaced[some, np.newaxis] - others[members])
