"""What people answer in the course of the study, ten trials at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.results import Estimate, Result
from analysis.wilson import wilson_percent

BLOCK = 10


@dataclass(frozen=True)
class TrialBlock(Result):
    """Share of "different" among answers to shifted and to 0-pixel pairs in ten trials, percent, Wilson intervals."""

    first_trial: int
    last_trial: int
    shifted_percent: Estimate
    unshifted_percent: Estimate
    answers: int


def trial_blocks(answers: AcceptedAnswers) -> tuple[TrialBlock, ...]:
    """Blocks of ten trials with an answer, in order; none where the order of the trials is not known."""
    trial = answers.responses["trial"]
    if answers.participant is None or trial.isna().any():
        return ()
    place = (trial.to_numpy(dtype=np.int64) - 1) // BLOCK
    blocks = []
    for number in np.unique(place).tolist():
        here = place == number
        shifted, unshifted = here & (answers.shift_px > 0), here & (answers.shift_px == 0)
        blocks.append(
            TrialBlock(
                first_trial=number * BLOCK + 1,
                last_trial=(number + 1) * BLOCK,
                shifted_percent=wilson_percent(int(answers.different[shifted].sum()), int(shifted.sum())),
                unshifted_percent=wilson_percent(int(answers.different[unshifted].sum()), int(unshifted.sum())),
                answers=int(here.sum()),
            )
        )
    return tuple(blocks)
