"""How many people prefer the second image of each triplet, version by version."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.results import Estimate, Result
from analysis.two_alternative.choices import Choices
from analysis.wilson import wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StimulusShare(Result):
    """Of the first answers to one stimulus, how many prefer the second image.

    `share_second`: in [0, 1], with Wilson's interval: each answer is of another person.
    """

    stimulus: str
    triplet: str
    shift_px: int
    answers: int
    second: int
    share_second: Estimate


@dataclass(frozen=True)
class VersionShares:
    """Answers to one version of each triplet: `answers` and `second`, `(T,)` each."""

    answers: Floats
    second: Floats

    @classmethod
    def of(cls, choices: Choices, shift_px: int) -> VersionShares:
        """Of the first answers to the stimuli of this shift; a repetition is not counted."""
        here = choices.first_asked(shift_px)
        size = len(choices.triplets)
        answers = np.bincount(choices.triplet[here], minlength=size).astype(np.float64)
        second = np.bincount(choices.triplet[here & choices.second], minlength=size).astype(np.float64)
        return cls(answers, second)

    @property
    def share(self) -> Floats:
        """`(T,)`, share preferring the second image; NaN where nobody answered."""
        share = np.full(len(self.answers), np.nan)
        np.divide(self.second, self.answers, out=share, where=self.answers > 0)
        return share


def stimulus_shares(choices: Choices) -> tuple[StimulusShare, ...]:
    """The shares of all stimuli with answers, triplet by triplet."""
    of_version = {shift: VersionShares.of(choices, shift) for shift in choices.versions}
    return tuple(
        StimulusShare(
            stimulus=f"{name}_n-{shift}",
            triplet=name,
            shift_px=shift,
            answers=int(shares.answers[place]),
            second=int(shares.second[place]),
            share_second=wilson(int(shares.second[place]), int(shares.answers[place])),
        )
        for place, name in enumerate(choices.triplets)
        for shift, shares in of_version.items()
        if shares.answers[place]
    )
