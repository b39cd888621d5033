"""Means over triplets in draws of other people and of other photographs, several in the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from analysis.resampling import Replicates, Spread, draw, estimate, spreads
from analysis.results import Estimate
from analysis.trial_counts import TrialCounts
from analysis.two_alternative.answer_values import AnswerValues, TripletValues
from analysis.two_alternative.choices import Choices

Floats = NDArray[np.float64]

ALIKE = "no interval: the two are alike on each triplet"
# Of fewer photographs with a flip, or without one, draws would say that there never are more.
_RARE = 5


@dataclass(frozen=True)
class DrawnMeans:
    """Means of K columns, `observed` `(K,)`, in [0, 1] and NaN where a column has no triplet.

    `drawn`: the same in draws of people and photographs. `of_people`: `(K,)`, whether a column holds people's answers;
    those of metrics do not change with people. `first_alike`: `(K,)`, the first column that is the same as each.
    """

    observed: Floats
    drawn: Replicates
    of_people: tuple[bool, ...]
    first_alike: tuple[int, ...]

    @classmethod
    def of(
        cls, choices: Choices, columns: Sequence[AnswerValues | TripletValues], replicates: int, seed: int
    ) -> DrawnMeans:
        """Of answers, or of a metric's values, one a triplet.

        Args:
            choices: of whose triplets and people they are.
            columns: K of them; one at least is of answers.
            replicates: draws of each kind.
            seed: of the draws.
        """
        means = [column.by_triplet if isinstance(column, AnswerValues) else column for column in columns]
        observed = np.array([np.nan if one.mean is None else one.mean for one in means])
        total = np.array([len(column.value) for column in columns], dtype=np.float64)
        empty = total == 0
        by_person = None
        if np.all(choices.person >= 0):
            people = int(choices.person.max()) + 1
            tables = [
                # Whoever is drawn, a metric's mean is what it is.
                column.by_person(people) if isinstance(column, AnswerValues) else _constant(people, value)
                for column, value in zip(columns, observed, strict=True)
            ]
            answered = np.any([t[:, 1] > 0 for t, c in zip(tables, columns, strict=True) if _is_answers(c)], axis=0)
            by_person = np.stack(tables, axis=1)[answered]
        by_photograph = np.stack([one.by_photograph(choices) for one in means], axis=1)
        counts = TrialCounts(
            shift_px=np.arange(len(columns), dtype=np.float64),
            different=np.where(empty, 0.0, np.nan_to_num(observed) * total),
            total=np.where(empty, 1.0, total),
            by_participant=by_person,
            by_photograph=by_photograph[by_photograph[..., 1].any(axis=1)],
        )
        generator = np.random.default_rng(seed)
        drawn = draw(counts, replicates, generator)
        of_people = tuple(map(_is_answers, columns))
        hits, given = drawn.trials
        hits = np.where(np.array(of_people) & ~empty, hits, observed * given)
        photographs = _with_rare(drawn.photographs, by_photograph, of_people, generator)
        return cls(
            observed,
            replace(drawn, trials=(hits, given), photographs=photographs),
            of_people,
            tuple(_same(columns, place) for place in range(len(columns))),
        )

    def mean(self, column: int) -> Estimate:
        """The mean of a column of answers, in percent."""
        return self._estimates([(column, None)])[0][0]

    def differences(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[Estimate, float | None]]:
        """One column less another, in points of percent, with the two-sided p-value that there is no difference."""
        return self._estimates(pairs)

    def _estimates(self, pairs: Sequence[tuple[int, int | None]]) -> list[tuple[Estimate, float | None]]:
        def statistics(hits: Floats, given: Floats) -> Floats:
            means = np.divide(hits, given, out=np.full(hits.shape, np.nan), where=given > 0).T
            return np.stack([means[one] if other is None else means[one] - means[other] for one, other in pairs])

        return list(starmap(self._estimate, zip(pairs, spreads(self.drawn, statistics), strict=True)))

    def _estimate(self, pair: tuple[int, int | None], spread: Spread) -> tuple[Estimate, float | None]:
        one, other = pair
        if other is not None and self.first_alike[one] == self.first_alike[other]:
            return Estimate(0.0, None, None, ALIKE), None
        value = float(self.observed[one] - (0.0 if other is None else self.observed[other]))
        if not np.isfinite(value):
            return Estimate(None, None, None, "no answers to tell it from"), None
        how = self.drawn
        if not self.of_people[one] and (other is None or not self.of_people[other]):
            spread, how = replace(spread, participants=None, n_participants=0), replace(how, participants=None)
        limits = (0.0, 1.0) if other is None else (-1.0, 1.0)
        found = estimate(value, spread, how.method, limits=limits)
        return in_percent(found), None if found.low is None else spread.p_value(value)


def in_percent(share: Estimate) -> Estimate:
    """An estimate in [0, 1] in percent."""
    value, low, high = (None if end is None else 100 * end for end in (share.estimate, share.low, share.high))
    return Estimate(value, low, high, share.method)


def _is_answers(column: AnswerValues | TripletValues) -> bool:
    return isinstance(column, AnswerValues)


def _constant(people: int, value: float) -> Floats:
    return np.tile([np.nan_to_num(value), 1.0], (people, 1))


def _same(columns: Sequence[AnswerValues | TripletValues], place: int) -> int:
    """The first of the columns that is the same as this one."""
    this = columns[place]

    def alike(other: AnswerValues | TripletValues) -> bool:
        return (
            isinstance(this, TripletValues)
            and isinstance(other, TripletValues)
            and np.array_equal(this.triplet, other.triplet)
            and np.array_equal(this.value, other.value)
        )

    return next(number for number, other in enumerate(columns) if number == place or alike(other))


def _with_rare(
    photographs: tuple[Floats, Floats] | None,
    by_photograph: Floats,
    of_people: Sequence[bool],
    generator: np.random.Generator,
) -> tuple[Floats, Floats] | None:
    """The draws of photographs, in which a metric that flips on few of them, or on all but few, does on some others.

    Such a column's means are binomial draws instead, half a photograph away from none and from all.
    """
    if photographs is None:
        return None
    hits, given = photographs[0].copy(), photographs[1]
    for column, (flips, triplets) in enumerate(np.moveaxis(by_photograph, 1, 0).transpose(0, 2, 1)):
        having = int(np.count_nonzero(triplets))
        with_flip, without = np.count_nonzero(flips), np.count_nonzero(flips[triplets > 0] < triplets[triplets > 0])
        if of_people[column] or not having or min(with_flip, without) >= _RARE:
            continue
        chance = (having * flips.sum() / triplets.sum() + 0.5) / (having + 1)
        hits[:, column] = generator.binomial(having, chance, len(hits)) / having * given[:, column]
    return hits, given
