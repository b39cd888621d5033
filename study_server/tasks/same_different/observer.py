"""A simulated observer of the same–different task, as the participants of the paper were."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from study_server.stimuli.manifest import ManifestRow
from study_server.tasks.task import Arrangement

Side = Literal["left", "right"]
Answer = Literal["same", "different"]

# Ghildyal & Liu 2022, Table 1: "same" of 150 answers at each shift from 0 to 9 px.
TABLE_1_SAME = (140, 121, 84, 52, 52, 40, 35, 31, 27, 15)


def reference_side(arrangement: Arrangement) -> Side:
    """Where the reference stands."""
    return "left" if arrangement[0] == "reference" else "right"


@dataclass(frozen=True)
class Observer:
    """A simulated observer whose psychometric function is the paper's Table 1.

    lapse_rate: share of trials answered by a coin instead, in [0, 1].
    side_bias: added to the probability of «different» where the reference is on the left, taken away where it is on
    the right, in [-1, 1].
    """

    lapse_rate: float = 0.0
    side_bias: float = 0.0

    def p_same(self, shift_px: int, reference_side: Side | None = None) -> float:
        """Probability of answering «same»; averaged over sides where the side is unknown."""
        same = TABLE_1_SAME[min(shift_px, len(TABLE_1_SAME) - 1)] / 150
        if reference_side is None:
            return (self.p_same(shift_px, "left") + self.p_same(shift_px, "right")) / 2
        same += -self.side_bias if reference_side == "left" else self.side_bias
        same = min(1.0, max(0.0, same))
        return (1 - self.lapse_rate) * same + self.lapse_rate / 2

    def respond(self, row: ManifestRow, arrangement: Arrangement | None, rng: random.Random) -> tuple[Answer, float]:
        """An answer and a reaction time in ms (log-normal about 1.8 s; a number to fill the column, no model)."""
        side = reference_side(arrangement) if arrangement else None
        answer: Answer = "same" if rng.random() < self.p_same(row.stratum, side) else "different"
        return answer, 1000 * rng.lognormvariate(0.6, 0.4)
