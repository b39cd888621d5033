"""Odd-one-out (the triangular method): which of three images differs from the other two?

One image of a shifted pair stands once, the other twice. Unlike "same or different?", it leaves observers no criterion
to shift. Source: Macmillan & Creelman 2005, "Detection Theory", Chapter 9.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from study_server.settings import DisplaySettings, TextSettings, setting
from study_server.tasks.odd_one_out.arrangements import PLACES, ROLES, arranged, odd, odd_place
from study_server.tasks.odd_one_out.dashboard import DASHBOARD
from study_server.tasks.odd_one_out.words import CONSENT, INSTRUCTIONS, QUESTION, WORDS
from study_server.tasks.shifted_pairs.pair_row import PairRow
from study_server.tasks.shifted_pairs.population import Person, Population
from study_server.tasks.shifted_pairs.settings import AlwaysShiftedPractice, ShiftedPairSettings
from study_server.tasks.shifted_pairs.shifted_pairs import ShiftedPairs
from study_server.tasks.task import Answered, Arrangement, Example, Verdict


@dataclass(frozen=True)
class OddOneOutDisplay(DisplaySettings):
    key_left: str = setting("f", "Key that answers «left»: one letter or digit.", pattern=r"[a-z0-9]")
    key_middle: str = setting("h", "Key that answers «middle»: one letter or digit.", pattern=r"[a-z0-9]")
    key_right: str = setting("k", "Key that answers «right»: one letter or digit.", pattern=r"[a-z0-9]")


@dataclass(frozen=True)
class OddOneOutTexts(TextSettings):
    consent: str = setting(
        CONSENT,
        "Consent form. An empty line begins a new paragraph; line breaks are kept. "
        "{minutes} is about how long it takes.",
    )
    instructions: str = setting(INSTRUCTIONS, "Instructions.")
    question: str = setting(QUESTION, "Question under the three images.")


@dataclass(frozen=True)
class OddOneOutSettings(ShiftedPairSettings):
    """All settings of an odd-one-out study."""

    display: OddOneOutDisplay = field(default_factory=OddOneOutDisplay)
    texts: OddOneOutTexts = field(default_factory=OddOneOutTexts)
    practice: AlwaysShiftedPractice = field(default_factory=AlwaysShiftedPractice)


@dataclass(frozen=True)
class Observer:
    """See a shift of n px with the probability 1 - exp(-n / 3), over people and photographs, or else guess.

    lapse_rate: how often they do not look, in [0, 1]; side_bias: how often a guess is «left» whatever else.
    population: how people and photographs differ; person: who it is, None for somebody like all.
    """

    lapse_rate: float = 0.0
    side_bias: float = 0.0
    population: Population = field(default_factory=Population)
    person: Person | None = None

    def differing(self, **by: float) -> Observer:
        """The same, of another `Population`."""
        return replace(self, population=replace(self.population, **by))

    def drawn(self, rng: random.Random) -> Observer:
        """One of them."""
        return replace(self, person=self.population.person(rng))

    def respond(self, row: PairRow, arrangement: Arrangement | None, rng: random.Random) -> tuple[str, float]:
        """A place and a reaction time in ms (log-normal about 2.7 s; a number to fill the column, no model)."""
        seen = 1 - math.exp(-row.stratum / 3)
        if self.person is not None:
            seen = self.person.sees(seen, row.source_sha256)
        sees = arrangement is not None and rng.random() < (1 - self.lapse_rate) * seen
        guess = "left" if rng.random() < self.side_bias else rng.choice(PLACES)
        return odd_place(arrangement) if sees and arrangement else guess, 1000 * rng.lognormvariate(1.0, 0.4)


class OddOneOut(ShiftedPairs[OddOneOutSettings]):
    """Strata: shifts from the smallest that is one; each image of a pair is the odd one as often."""

    name = "odd-one-out"
    about = "which of three crops differs from the other two, by a shift"
    settings_type = OddOneOutSettings
    places = answers = PLACES
    words = WORDS
    dashboard = DASHBOARD
    columns = replace(
        ShiftedPairs.columns,
        trial={
            "odd_place": lambda arrangement, _repetition: odd_place(arrangement),
            "odd_role": lambda arrangement, _repetition: arrangement[odd(arrangement)],
        },
    )

    def keys(self, settings: OddOneOutSettings) -> dict[str, str]:
        d = settings.display
        return dict(zip((d.key_left, d.key_middle, d.key_right), PLACES, strict=True))

    def judged_shifts(self, settings: OddOneOutSettings) -> tuple[int, ...]:
        return tuple(shift for shift in settings.stimuli.all_shifts if shift)

    def arrange(self, shift_px: int, rng: random.Random) -> Arrangement:
        return arranged(rng.randrange(3), rng.choice(("reference", "shifted")))

    def practise(self, row: PairRow, number: int) -> tuple[Arrangement, str]:
        arrangement = arranged(number % 3, ("reference", "shifted")[number % 2])
        return arrangement, odd_place(arrangement)

    def example(self, rows: Sequence[PairRow]) -> Example | None:
        row = max(rows, key=lambda row: row.shift_px, default=None)
        return Example(row, ("reference", "shifted", "reference"), ("left", "middle")) if row else None

    def judge(self, answers: Sequence[Answered], settings: OddOneOutSettings) -> Verdict:
        """Who answers more than half of the trials with the largest shift wrong fails."""
        largest = [each for each in answers if each.row.stratum == settings.stimuli.max_shift]
        wrong = sum(each.response != odd_place(each.arrangement) for each in largest)
        return Verdict(2 * wrong <= len(largest))

    def arrangements(self, row: PairRow) -> Iterable[Arrangement]:
        return (arranged(place, role) for place, role in product(range(3), ROLES))

    def observer(self, lapse_rate: float = 0.0, side_bias: float = 0.0) -> Observer:
        return Observer(lapse_rate, side_bias)


TASK = OddOneOut()
