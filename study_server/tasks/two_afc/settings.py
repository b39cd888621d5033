"""Settings of the two-alternative task beside those of every study."""

from __future__ import annotations

from dataclasses import dataclass, field

from study_server.settings import (
    AcceptanceSettings,
    DisplaySettings,
    PracticeSettings,
    Settings,
    StimuliSettings,
    StudySettings,
    TextSettings,
    TrialSettings,
    setting,
)
from study_server.stimuli.directions import Directions
from study_server.tasks.two_afc.words import CONSENT, INSTRUCTIONS, QUESTION, TITLE


@dataclass(frozen=True)
class TwoAfcStudy(StudySettings):
    task: str = setting("2afc", "What participants are asked: the name of a task. A record; change it with `new`.")
    title: str = setting(TITLE, "Title that participants see.")


@dataclass(frozen=True)
class TwoAfcStimuli(StimuliSettings):
    source: str = setting(
        "demo",
        "Where the triplets came from: demo, a folder of photographs, coco:SPLIT, or triplets:PATH. A record; change "
        "it with `new`.",
    )
    count: int = setting(50, "Number of triplets. A record, like the rest of this section.", low=1, high=99999)
    shifts: list[int] = setting(
        [0, 1],
        "Versions of each triplet: by how much both distorted images are shifted, pixels, ascending from 0.",
        low=0,
        high=256,
    )
    direction: Directions = setting(
        "right",
        "Where the distorted images' window moves to; on a diagonal it moves by the shift along both axes. mixed: each "
        "way for as equal a number of triplets as possible.",
    )
    catches: list[int] = setting(
        [],
        "Numbers of the catch triplets, of which everybody sees which image is more similar.",
        low=1,
        high=99999,
    )

    @property
    def judged(self) -> list[int]:
        """Indices of the triplets that are no catch triplets."""
        catches = {*self.catches}
        return [index for index in range(self.count) if index + 1 not in catches]


@dataclass(frozen=True)
class TwoAfcTrials(TrialSettings):
    triplets: int = setting(20, "Triplets that a participant judges, each in all its versions.", low=1, high=1000)
    separation: int = setting(
        10, "A participant sees a triplet again after this many trials at the earliest.", low=1, high=1000
    )
    retests: int = setting(
        8,
        "Stimuli that a participant is asked about a second time: how often people change their mind where nothing was "
        "shifted.",
        low=0,
        high=1000,
    )
    catches: int = setting(5, "Catch triplets that a participant judges, each in one version.", low=0, high=1000)


@dataclass(frozen=True)
class TwoAfcDisplay(DisplaySettings):
    key_left: str = setting("f", "Key that answers «left»: one letter or digit.", pattern=r"[a-z0-9]")
    key_right: str = setting("j", "Key that answers «right»: one letter or digit.", pattern=r"[a-z0-9]")


@dataclass(frozen=True)
class TwoAfcPractice(PracticeSettings):
    trials: int = setting(4, "Practice trials, of which the answer is plain. 0: no practice.", low=0, high=100)


@dataclass(frozen=True)
class TwoAfcAcceptance(AcceptanceSettings):
    most_catch_errors: int = setting(
        -1,
        "Who answers more of the catch triplets wrong is not used (`catch_errors`). -1: the validation test alone, "
        "which lets a third of them be wrong.",
        low=-1,
        high=1000,
    )
    least_retest_agreement: float = setting(
        0.0,
        "Who answers this share of the stimuli that they were asked twice as before, or less, is not used "
        "(`retest_agreement`), where there were eight or more. 0: nobody is: without who agrees least with themselves, "
        "the rate at which people change their mind comes out too low, and a shift seems to change more.",
        low=0,
        high=0.99,
    )


@dataclass(frozen=True)
class TwoAfcTexts(TextSettings):
    consent: str = setting(
        CONSENT,
        "Consent form. An empty line begins a new paragraph; line breaks are kept. "
        "{minutes} is about how long it takes.",
    )
    instructions: str = setting(
        INSTRUCTIONS, "Instructions, shown above an example. {time} says whether images disappear."
    )
    question: str = setting(QUESTION, "Question under the three images.")


@dataclass(frozen=True)
class TwoAfcSettings(Settings):
    """All settings of a two-alternative study."""

    study: TwoAfcStudy = field(default_factory=TwoAfcStudy)
    stimuli: TwoAfcStimuli = field(default_factory=TwoAfcStimuli)
    trials: TwoAfcTrials = field(default_factory=TwoAfcTrials)
    display: TwoAfcDisplay = field(default_factory=TwoAfcDisplay)
    practice: TwoAfcPractice = field(default_factory=TwoAfcPractice)
    acceptance: TwoAfcAcceptance = field(default_factory=TwoAfcAcceptance)
    texts: TwoAfcTexts = field(default_factory=TwoAfcTexts)
