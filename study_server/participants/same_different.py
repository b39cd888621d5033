"""The same–different task: what a trial shows and records, how it is assigned, how an observer is simulated.

Another kind of task would be another module with the same names.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from operator import add
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from study_server.folder.settings import Settings
from study_server.participants.assignment import STRATEGIES, Design

Side = Literal["left", "right"]
Answer = Literal["same", "different"]


# --- what it shows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlannedTrial:
    """One trial of a participant: image `image` (an index) shifted by `shift_px`, its reference on one side."""

    image: int
    shift_px: int
    reference_side: Side


def page_settings(settings: Settings) -> dict[str, Any]:
    """What the page needs to know to show trials. Nothing in it depends on any pair."""
    d = settings.display
    return {
        "size": settings.stimuli.size,
        "pixelScale": d.pixel_scale,
        "gap": d.gap_px,
        "background": d.background,
        "fixationMs": d.fixation_ms,
        "interTrialMs": d.inter_trial_ms,
        "timeLimitMs": d.time_limit_ms,
        "keys": {d.key_same: "same", d.key_different: "different"},
    }


# --- how it is assigned ----------------------------------------------------------------------------------------------


def design(settings: Settings) -> Design:
    """The assignment's design, from the settings."""
    trials, shifts = settings.trials, settings.stimuli.all_shifts
    counts = trials.at_each_shift or [trials.per_shift] * len(shifts)
    more = [trials.more_catch * (shift in (shifts[0], shifts[-1])) for shift in shifts]
    return Design(settings.stimuli.count, tuple(map(add, counts, more)), trials.seed)


def trials_of_shift(settings: Settings, shift_px: int) -> int:
    """How many pairs with this shift a participant judges."""
    return design(settings).counts[settings.stimuli.all_shifts.index(shift_px)]


def plan_ahead(settings: Settings, slots: range) -> None:
    """Compute now what `plan_trials` will need for these slots."""
    planned = design(settings)
    for slot in range(slots.start, slots.stop, planned.round_slots):
        STRATEGIES[settings.trials.strategy](planned, slot)


def plan_trials(settings: Settings, slot: int, arrival: int) -> list[PlannedTrial]:
    """A participant's trials in order. Pairs depend on the slot; order and sides on the arrival's number too, so that
    whoever gets a slot that was given up does not repeat its order."""
    cells = STRATEGIES[settings.trials.strategy](design(settings), slot)
    rng = random.Random(f"{settings.trials.seed}/order/{slot}/{arrival}")
    rng.shuffle(cells)
    shifts = settings.stimuli.all_shifts
    return [PlannedTrial(image, shifts[place], "left" if rng.random() < 0.5 else "right") for image, place in cells]


# --- what it records -------------------------------------------------------------------------------------------------


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""To an integer of a message: in JSON, 26.0 is one too."""


class Recorded(BaseModel):
    """What the browser reports of one trial; the fields are columns of the response table (docs/responses.md)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    response: Answer
    reaction_time_ms: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    device_pixel_ratio: Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]
    pixel_scale: Annotated[int, Field(ge=1, le=100), WHOLE]
    viewport_width: Annotated[int, Field(ge=1, le=100_000), WHOLE]
    viewport_height: Annotated[int, Field(ge=1, le=100_000), WHOLE]
    hidden: bool
    visit: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] | None = None
    window_changes: Annotated[int, Field(ge=0, le=1_000_000), WHOLE] | None = None
    refresh_rate_hz: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] | None = None
    sent_after_ms: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] | None = None


# --- how an observer is simulated ------------------------------------------------------------------------------------

# Ghildyal & Liu 2022, Table 1: "same" of 150 answers at each shift from 0 to 9 px.
TABLE_1_SAME = (140, 121, 84, 52, 52, 40, 35, 31, 27, 15)


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

    def respond(self, shift_px: int, reference_side: Side | None, rng: random.Random) -> tuple[Answer, float]:
        """An answer and a reaction time in ms (log-normal about 1.8 s; a number to fill the column, no model)."""
        answer: Answer = "same" if rng.random() < self.p_same(shift_px, reference_side) else "different"
        return answer, 1000 * rng.lognormvariate(0.6, 0.4)
