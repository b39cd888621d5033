"""Values of answers, such as whether a person flipped, and their mean over triplets, each of which counts the same.

Metrics have one value a triplet (Eq. 2, and the 2AFC score of BAPPS), so that people's stand beside them triplet by
triplet. Triplets without a value are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.two_alternative.choices import Choices, Integers, Mask

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TripletValues:
    """One value, in [0, 1], for each of m triplets: `value` and `triplet`, `(m,)` each."""

    value: Floats
    triplet: Integers

    @property
    def mean(self) -> float | None:
        """None where there is no triplet."""
        return float(self.value.mean()) if len(self.value) else None

    def by_photograph(self, choices: Choices) -> Floats:
        """`(C, 2)`: sum of the values of a photograph's triplets, and how many these are."""
        cluster, size = choices.photograph[self.triplet], int(choices.photograph.max()) + 1
        return np.column_stack([np.bincount(cluster, self.value, size), np.bincount(cluster, minlength=size)])


@dataclass(frozen=True)
class AnswerValues:
    """A value, in [0, 1], of each of M answers (or pairs of answers) to triplets; `(M,)` each.

    `person`: -1 where it is not known who answered.
    """

    person: Integers
    triplet: Integers
    value: Floats

    @property
    def by_triplet(self) -> TripletValues:
        """The mean of each triplet that has any."""
        total = np.bincount(self.triplet)
        which = np.flatnonzero(total)
        return TripletValues(np.bincount(self.triplet, self.value)[which] / total[which], which)

    def by_person(self, people: int) -> Floats:
        """`(people, 2)`: what each person adds to the sum of the triplets' means, and to the number of triplets."""
        weight = 1 / np.bincount(self.triplet)[self.triplet]
        return np.column_stack([np.bincount(self.person, weight * each, people) for each in (self.value, 1.0)])


def flip_pairs(choices: Choices, shift_px: int) -> AnswerValues:
    """Whether a person's first answers to a triplet, unshifted and shifted by `shift_px`, differ: 1 for yes."""
    return _paired(choices, choices.first_asked(0), choices.first_asked(shift_px), _person_and_triplet(choices))


def retest_pairs(choices: Choices) -> AnswerValues:
    """Whether a person's two answers to one and the same stimulus, asked twice, differ; of all versions together."""
    key = _person_and_triplet(choices) * (int(choices.shift_px.max()) + 1) + choices.shift_px
    return _paired(choices, choices.repetition == 1, choices.repetition == 2, key)


def agreements(choices: Choices, shift_px: int, prefers_second: Floats) -> AnswerValues:
    """Whether the first answers to a version are those of a metric: 1 for yes, a half where it finds both alike.

    Args:
        prefers_second: `(T,)`, 1 where the metric finds the second image nearer, 0 the first, a half neither; NaN for
            a triplet without distances, whose answers are left out.
    """
    here = choices.first_asked(shift_px) & np.isfinite(prefers_second)[choices.triplet]
    triplet, second = choices.triplet[here], choices.second[here]
    told = prefers_second[triplet]
    return AnswerValues(choices.person[here], triplet, np.where(second, told, 1 - told))


def _person_and_triplet(choices: Choices) -> Integers:
    return choices.person * len(choices.triplets) + choices.triplet


def _paired(choices: Choices, before: Mask, after: Mask, key: Integers) -> AnswerValues:
    rows = [np.flatnonzero(which & (choices.person >= 0)) for which in (before, after)]
    _, *places = np.intersect1d(key[rows[0]], key[rows[1]], assume_unique=True, return_indices=True)
    first, second = (row[place] for row, place in zip(rows, places, strict=True))
    differ = choices.second[first] != choices.second[second]
    return AnswerValues(choices.person[first], choices.triplet[first], differ.astype(np.float64))
