"""What people preferred, for who trains a metric on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pandas as pd

from analysis.columns.simulated import WhoAnswered
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.shares import StimulusShare, stimulus_shares


@dataclass(frozen=True)
class Preferences:
    """By the first accepted answers, catch triplets left out.

    Attributes:
        shares: of each stimulus with answers, triplet by triplet.
        simulated: whether observers answered who are no people.
        notes: sentences on what was left out.
    """

    shares: tuple[StimulusShare, ...]
    simulated: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, responses: pd.DataFrame) -> Self:
        """Those of a tidy response table of the task `2afc`; raises `AnalysisError` as `Choices.of` does."""
        choices = Choices.of(responses)
        return cls(stimulus_shares(choices), bool(WhoAnswered.of(responses).simulated), choices.notes)
