"""Simulated observers of the same–different task, as the participants of the paper were."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Literal

from study_server.tasks.shifted_pairs.pair_row import PairRow
from study_server.tasks.shifted_pairs.population import Person, Population
from study_server.tasks.task import Arrangement

Side = Literal["left", "right"]
Answer = Literal["same", "different"]

# Ghildyal & Liu 2022, Table 1: "same" of 150 answers at each shift from 0 to 9 px.
TABLE_1_SAME = (140, 121, 84, 52, 52, 40, 35, 31, 27, 15)


def reference_side(arrangement: Arrangement) -> Side:
    """Where the reference stands."""
    return "left" if arrangement[0] == "reference" else "right"


# The rates that fit it: of «different» whatever the pair, which is that without a shift, and of «same» whatever the
# shift.
_FALSE_ALARMS = 1 - TABLE_1_SAME[0] / 150
_LAPSES = 0.0846


@dataclass(frozen=True)
class Observer:
    """Simulated observers whose answers are, over all people and photographs, those of the paper's Table 1.

    lapse_rate: share of trials answered by a coin instead, in [0, 1].
    side_bias: added to the probability of «different» where the reference is on the left, taken away where it is on
    the right, in [-1, 1].
    population: how people and photographs differ.
    person: who it is; None for somebody like all.
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
        return replace(self, person=self.population.person(rng, _FALSE_ALARMS, _LAPSES))

    def p_same(self, shift_px: int, reference_side: Side | None = None) -> float:
        """Mean probability of answering «same»; averaged over sides where the side is unknown."""
        return self._answered(_table_1(shift_px), reference_side)

    def respond(self, row: PairRow, arrangement: Arrangement | None, rng: random.Random) -> tuple[Answer, float]:
        """An answer and a reaction time in ms (log-normal about 1.8 s; a number to fill the column, no model)."""
        side = reference_side(arrangement) if arrangement else None
        same = self._answered(self._same(row), side)
        answer: Answer = "same" if rng.random() < same else "different"
        return answer, 1000 * rng.lognormvariate(0.6, 0.4)

    def _same(self, row: PairRow) -> float:
        same = _table_1(row.stratum)
        if self.person is None:
            return same
        seen = (1 - same - _FALSE_ALARMS) / (1 - _FALSE_ALARMS - _LAPSES)
        false_alarms, lapses = self.person.rates
        different = false_alarms + (1 - false_alarms - lapses) * self.person.sees(seen, row.source_sha256)
        return 1 - different

    def _answered(self, same: float, reference_side: Side | None) -> float:
        if reference_side is None:
            return (self._answered(same, "left") + self._answered(same, "right")) / 2
        same += -self.side_bias if reference_side == "left" else self.side_bias
        same = min(1.0, max(0.0, same))
        return (1 - self.lapse_rate) * same + self.lapse_rate / 2


def _table_1(shift_px: int) -> float:
    return TABLE_1_SAME[min(shift_px, len(TABLE_1_SAME) - 1)] / 150
