"""Which triplets a participant judges, in which order, and where their images stand."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass

from study_server.tasks.assignment import Cell, Design, dealt
from study_server.tasks.task import Arrangement, PlannedTrial
from study_server.tasks.two_afc.apart import order_apart
from study_server.tasks.two_afc.settings import TwoAfcSettings

FIRST_LEFT: Arrangement = ("first", "reference", "second")
FIRST_RIGHT: Arrangement = ("second", "reference", "first")


@dataclass(frozen=True)
class TripletAssignment:
    """Every participant judges some triplets in all versions, some of these stimuli twice, and some catch triplets.

    Over the slots of a round every triplet is judged equally often, and so is every catch stimulus.
    """

    settings: TwoAfcSettings

    @property
    def _triplets(self) -> Design:
        s = self.settings
        return Design(len(s.stimuli.judged), (s.trials.triplets,), s.trials.seed)

    @property
    def _catch_cells(self) -> list[Cell]:
        """(triplet, version) of all catch stimuli; as many in a row as there are catch triplets are of different ones.

        A version is the index of its shift.
        """
        s = self.settings.stimuli
        return [(number - 1, version) for version in range(len(s.shifts)) for number in sorted(s.catches)]

    @property
    def n_trials(self) -> int:
        """Trials of one participant."""
        s = self.settings
        return s.trials.triplets * len(s.stimuli.shifts) + s.trials.retests + s.trials.catches

    @property
    def round_slots(self) -> int:
        """After this many slots every stimulus has been used as often as the others of its kind."""
        cells, each = len(self._catch_cells), self.settings.trials.catches
        return math.lcm(self._triplets.round_slots, cells // math.gcd(cells, each) if each else 1)

    @property
    def round_answers(self) -> int:
        """So many answers has every stimulus then, or more; retests not counted."""
        answers = self.round_slots * self.settings.trials.triplets // len(self.settings.stimuli.judged)
        if self.settings.trials.catches:
            answers = min(answers, self.round_slots * self.settings.trials.catches // len(self._catch_cells))
        return answers

    @property
    def is_balanced(self) -> bool:
        """It always is."""
        return True

    def slots_for(self, answers: int) -> int:
        """With this many slots every stimulus that is judged has so many answers, or more; retests not counted.

        Catch stimuli, which come in turn, need no whole round.
        """
        slots, each = self._triplets.slots_for(answers), self.settings.trials.catches
        return max(slots, math.ceil(answers * len(self._catch_cells) / each)) if each else slots

    def plan_ahead(self, slots: range) -> None:
        """Compute now what `trials` will need."""
        for slot in self._triplets.rounds_of(slots):
            dealt(self._triplets, slot)

    def trials(self, slot: int, arrival: int) -> list[PlannedTrial]:
        """A participant's trials in order.

        Which version of a triplet comes first, and on which side each stimulus has its images, takes turns from one who
        judges the triplet to the next. Sides of stimuli that are asked again, which these are, and the order of all
        are drawn for the arrival.
        """
        settings = self.settings
        judged, seed = settings.stimuli.judged, settings.trials.seed
        rng = random.Random(f"{seed}/order/{slot}/{arrival}")
        groups = {judged[index]: self._versions(judged[index], turn) for index, turn in self._turns(slot)}
        for group in rng.sample(sorted(groups), settings.trials.retests):
            trials = groups[group]
            place = rng.randrange(len(trials))
            again = PlannedTrial(group, trials[place].stratum, rng.choice((FIRST_LEFT, FIRST_RIGHT)), repetition=2)
            trials.insert(rng.randint(place + 1, len(trials)), again)
        groups |= {trial.group: [trial] for trial in self._catches(slot)}
        return order_apart(groups, settings.trials.separation, rng)

    def _turns(self, slot: int) -> list[tuple[int, int]]:
        """(index of the triplet, how many slots judge it before this one) of the slot's triplets."""
        design = self._triplets
        number, place = divmod(slot, design.round_slots)
        before: Counter[int] = Counter()
        for earlier in range(slot - place, slot):
            before.update(dealt(design, earlier))
        each_round = design.round_answers
        return [(index, number * each_round + before[index]) for index in dealt(design, slot)]

    def _versions(self, group: int, turn: int) -> list[PlannedTrial]:
        """All versions of a triplet: which is first, and sides, by whose turn it is."""
        shifts, seed = self.settings.stimuli.shifts, self.settings.trials.seed
        rng = random.Random(f"{seed}/versions/{group}")
        first = rng.randrange(len(shifts)) + turn
        right_first = [rng.random() >= 0.5 for _ in shifts]
        # After all versions have been first once, the sides are swapped: order and side are not of one turn.
        swapped = (turn // len(shifts)) % 2 if len(shifts) % 2 == 0 else turn % 2
        # Then versions change sides against each other, each two of them half of the time (Walsh functions): who
        # leans to a side would otherwise seem to flip in the triplets whose versions never stand alike.
        block = turn // (2 * len(shifts))
        against = [(version & block).bit_count() % 2 for version in range(len(shifts))]
        order = [(first + step) % len(shifts) for step in range(len(shifts))]
        return [
            PlannedTrial(
                group, shifts[version], FIRST_RIGHT if right_first[version] ^ swapped ^ against[version] else FIRST_LEFT
            )
            for version in order
        ]

    def _catches(self, slot: int) -> list[PlannedTrial]:
        cells, each = self._catch_cells, self.settings.trials.catches
        trials = []
        for step in range(slot * each, (slot + 1) * each):
            group, version = cells[step % len(cells)]
            at_first = random.Random(f"{self.settings.trials.seed}/catch/{group}/{version}").randrange(2)
            shown = FIRST_LEFT if (at_first + step // len(cells)) % 2 else FIRST_RIGHT
            trials.append(PlannedTrial(group, self.settings.stimuli.shifts[version], shown))
        return trials
