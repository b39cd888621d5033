"""Settings of tasks whose stimuli are pairs: a crop of a photograph, and the same crop shifted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from study_server.settings import PracticeSettings, Settings, StimuliSettings, TrialSettings, setting
from study_server.stimuli.directions import Directions


@dataclass(frozen=True)
class ShiftedStimuli(StimuliSettings):
    max_shift: int = setting(
        9, "Largest shift, pixels; there is a pair for each shift from 0 to this.", low=1, high=256
    )
    shifts: list[int] = setting(
        [],
        "Shifts, pixels, where they are others than all of 0 to max_shift: ascending from 0 to max_shift.",
        low=0,
        high=256,
    )
    direction: Directions = setting(
        "right",
        "Where the crop window moves to; on a diagonal it moves by the shift along both axes. mixed: each way for as "
        "equal a number of images as possible.",
    )
    selected_by: list[str] = setting(
        [], "Two metrics on whose disagreement at equal shift the images were selected; []: they were drawn."
    )

    @property
    def all_shifts(self) -> tuple[int, ...]:
        """Shifts of which each image has a pair, pixels, from 0 to the largest."""
        return tuple(self.shifts) or tuple(range(self.max_shift + 1))


@dataclass(frozen=True)
class ShiftedTrials(TrialSettings):
    strategy: Literal["balanced", "paper"] = setting(
        "balanced",
        "How pairs are given to participants. balanced: each image once a participant, and as equal a number of "
        "answers for every pair as possible. paper: for each shift, images drawn at random.",
    )
    per_shift: int = setting(5, "Pairs of each shift that a participant judges.", low=1, high=1000)
    at_each_shift: list[int] = setting(
        [],
        "Pairs of each shift that a participant judges, one number for each from the smallest, where they are not the "
        "same for all.",
        low=1,
        high=1000,
    )
    more_catch: int = setting(
        0,
        "How many more pairs with the smallest shift (same-different: without one), and with the largest, a "
        "participant judges beside those: with them it is told better who guesses.",
        low=0,
        high=1000,
    )


@dataclass(frozen=True)
class ShiftedPractice(PracticeSettings):
    shifts: list[int] = setting(
        [9, 0, 4, 0], "Shift of each practice pair, pixels, in order. []: no practice.", low=0, high=256
    )


@dataclass(frozen=True)
class AlwaysShiftedPractice(ShiftedPractice):
    """Of tasks in which one image always differs."""

    shifts: list[int] = setting(
        [9, 9, 6, 4], "Shift of each practice trial, pixels, in order. []: no practice.", low=1, high=256
    )


@dataclass(frozen=True)
class ShiftedPairSettings(Settings):
    """All settings of a study with shifted pairs."""

    stimuli: ShiftedStimuli = field(default_factory=ShiftedStimuli)
    trials: ShiftedTrials = field(default_factory=ShiftedTrials)
    practice: ShiftedPractice = field(default_factory=ShiftedPractice)
