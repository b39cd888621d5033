"""How often two different people disagree on a triplet, across two versions of it and within one.

Of shares p of version 0 and q of version k preferring the second image, two people disagree across the versions with
the chance p (1 − q) + (1 − p) q, and within them, on the mean, with p (1 − p) + q (1 − q). The first is larger by
(p − q)²: what people's shares change, however little single people are to be relied on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.resampling import Replicates, Spread, estimate
from analysis.results import Estimate
from analysis.trial_counts import FEWEST_CLUSTERS
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.drawn_means import in_percent

Floats = NDArray[np.float64]
_Cells = tuple[Floats, Floats, Floats, Floats]

# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 2_000_000


class _Sums(NamedTuple):
    """Of each triplet: answers and those for the second image, before and after; people in both, and who flipped.

    Where people are weighed, `squares` are the sums of squared weights of the answers before and after, and `both` and
    `flipped` are sums of squared weights too: what one person has with themselves, which is no pair of two.
    """

    n0: Floats
    s0: Floats
    n1: Floats
    s1: Floats
    squares0: Floats
    squares1: Floats
    both: Floats
    flipped: Floats

    def rates(self) -> tuple[Floats, Floats]:
        """Across the versions and within them; NaN where there are no two people in one of these."""
        with np.errstate(divide="ignore", invalid="ignore"):
            across = self.s0 * (self.n1 - self.s1) + (self.n0 - self.s0) * self.s1 - self.flipped
            across = across / _positive(self.n0 * self.n1 - self.both)
            before = 2 * self.s0 * (self.n0 - self.s0) / _positive(self.n0**2 - self.squares0)
            after = 2 * self.s1 * (self.n1 - self.s1) / _positive(self.n1**2 - self.squares1)
        within = (before + after) / 2
        known = np.isfinite(across) & np.isfinite(within)
        return np.where(known, across, np.nan), np.where(known, within, np.nan)


@dataclass(frozen=True)
class Disagreement:
    """In percent of pairs of two different people: `across` two versions, `within` one; `share_change`, the first less
    the second, is the mean squared change of the share. `triplets`: with two people or more in both versions.
    """

    across: Estimate
    within: Estimate
    share_change: Estimate
    triplets: int


def disagreement(choices: Choices, shift_px: int, *, replicates: int, seed: int, before_px: int = 0) -> Disagreement:
    """Between people, of two versions, by their first answers; without bias.

    Where it is not known who answered, each answer is taken as another person's.

    Args:
        choices: the answers.
        shift_px: of one version; `before_px`: of the other. Of one and the same, `across` is `within`.
        replicates: draws of each kind.
        seed: of the draws.
    """
    cells = _cells(choices, before_px, shift_px)
    people = cells[0].shape[0]
    across, within = (one[0] for one in _sums(cells, np.ones((1, people))).rates())
    which = np.flatnonzero(np.isfinite(across))
    if not len(which):
        nothing = Estimate(None, None, None, "no triplet has two people's answers to both versions")
        return Disagreement(nothing, nothing, nothing, 0)
    generator = np.random.default_rng(seed)
    trials = _mean_over_triplets(*_redrawn(cells, which, replicates, generator).rates())
    by_people = None
    if people >= FEWEST_CLUSTERS and np.all(choices.person >= 0):
        parts = []
        step = max(1, _AT_ONCE // max(1, cells[0].shape[1]))
        for start in range(0, replicates, step):
            count = min(step, replicates - start)
            weights = generator.multinomial(people, np.full(people, 1 / people), count).astype(np.float64)
            parts.append(_mean_over_triplets(*_sums(cells, weights).rates()))
        by_people = np.concatenate(parts, axis=1)
    photographs, cluster = np.unique(choices.photograph[which], return_inverse=True)
    by_photograph = None
    if len(photographs) >= FEWEST_CLUSTERS:
        number = len(photographs)
        weights = generator.multinomial(number, np.full(number, 1 / number), replicates).astype(np.float64)
        sizes = weights @ np.bincount(cluster)
        by_photograph = np.stack([weights @ np.bincount(cluster, each[which]) / sizes for each in (across, within)])
    observed = across[which].mean(), within[which].mean()
    # What is the same for all three, and says how they came about.
    placeholder = np.empty((replicates, 0))
    empty = (placeholder, placeholder)
    how = Replicates(
        empty if by_people is not None else None,
        empty if by_photograph is not None else None,
        empty,
        people,
        len(photographs),
    ).method
    found = []
    for weights_of, limits in (((1, 0), (0.0, 1.0)), ((0, 1), (0.0, 1.0)), ((1, -1), (-1.0, 1.0))):
        mixed = [None if part is None else np.array(weights_of) @ part for part in (by_people, by_photograph)]
        spread = Spread(mixed[0], mixed[1], np.array(weights_of) @ trials, people, len(photographs))
        found.append(in_percent(estimate(float(np.dot(weights_of, observed)), spread, how, limits=limits)))
    return Disagreement(found[0], found[1], found[2], len(which))


def _positive(pairs: Floats) -> Floats:
    return np.where(pairs > 0, pairs, np.nan)


def _cells(choices: Choices, before_px: int, shift_px: int) -> _Cells:
    """`(P, T)` each: whether a person answered the first version, and preferred the second image; of the other too."""
    person = choices.person
    if np.any(person < 0):
        person = np.arange(len(person))
    used = choices.first_asked(before_px) | choices.first_asked(shift_px)
    numbers, row = np.unique(person[used], return_inverse=True)
    rows = np.zeros(len(person), dtype=np.int64)
    rows[used] = row
    found = []
    for shift in (before_px, shift_px):
        here = choices.first_asked(shift)
        for which in (here, here & choices.second):
            table = np.zeros((len(numbers), len(choices.triplets)))
            table[rows[which], choices.triplet[which]] = 1.0
            found.append(table)
    return found[0], found[1], found[2], found[3]


def _sums(cells: _Cells, weights: Floats) -> _Sums:
    """Sums with people weighed: `weights` is `(B, P)`, what comes out `(B, T)` each."""
    before, second_before, after, second_after = cells
    both = before * after
    squared = weights**2
    return _Sums(
        weights @ before,
        weights @ second_before,
        weights @ after,
        weights @ second_after,
        squared @ before,
        squared @ after,
        squared @ both,
        squared @ (both * (second_before != second_after)),
    )


def _redrawn(
    cells: _Cells,
    which: NDArray[np.int64],
    replicates: int,
    generator: np.random.Generator,
) -> _Sums:
    """Other answers of the same people to the same triplets: a person's two answers are drawn together."""
    before, second_before, after, second_after = (table[:, which] for table in cells)
    both = before * after
    # First-first, first-second, second-first, second-second.
    kinds = np.stack(
        [(both * (second_before == one) * (second_after == other)).sum(axis=0) for one in (0, 1) for other in (0, 1)],
        axis=1,
    )
    number: Floats = kinds.sum(axis=1)
    size = (replicates, len(which))
    drawn = generator.multinomial(number.astype(np.int64), (kinds + 0.25) / (number + 1)[:, np.newaxis], size)
    # Those of whom there is one answer alone.
    totals, seconds = [], []
    for mine, second_of_mine in ((before, second_before), (after, second_after)):
        alone = mine * (1 - both)
        total, second = alone.sum(axis=0), (alone * second_of_mine).sum(axis=0)
        totals.append(number + total)
        seconds.append(generator.binomial(total.astype(np.int64), (second + 0.5) / (total + 1), size))
    return _Sums(
        n0=totals[0],
        s0=np.asarray(drawn[..., 2] + drawn[..., 3] + seconds[0], dtype=np.float64),
        n1=totals[1],
        s1=np.asarray(drawn[..., 1] + drawn[..., 3] + seconds[1], dtype=np.float64),
        squares0=totals[0],
        squares1=totals[1],
        both=number,
        flipped=np.asarray(drawn[..., 1] + drawn[..., 2], dtype=np.float64),
    )


def _mean_over_triplets(across: Floats, within: Floats) -> Floats:
    """`(2, B)` means of `(B, T)`; NaN where no triplet has one."""
    known = np.isfinite(across)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([np.where(known, each, 0).sum(axis=1) / known.sum(axis=1) for each in (across, within)])
