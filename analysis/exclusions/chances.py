"""Whom the paper's validation test catches: how likely somebody who guesses fails it, and somebody who does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.columns.participants import participant_codes
from analysis.results import Result
from analysis.tasks.same_different_rules import catch_trials, validation


@dataclass(frozen=True)
class ValidationChances(Result):
    """Probabilities to fail the validation test, exact for independent answers, as the mean over participants.

    `catch_trials`: mean number of pairs without a shift and with the largest that a participant judged.
    `guessing`: of somebody who answers by a coin. `accepted`: of somebody who calls 0-pixel pairs different, and
    pairs with the largest shift the same, as often as the participants who pass do (`false_alarm_rate`,
    `miss_rate`); None where nobody passes. `participants`: number of participants that this is about.
    """

    participants: int
    catch_trials: tuple[float, float]
    guessing: float
    false_alarm_rate: float | None
    miss_rate: float | None
    accepted: float | None

    def to_text(self) -> str:
        """What the test does and does not catch, in a sentence or two."""
        zero, largest = self.catch_trials
        text = (
            f"With {zero:.3g} pairs without a shift and {largest:.3g} with the largest, a participant who answers by a "
            f"coin fails the validation test with a probability of {self.guessing:.2f}"
        )
        if self.accepted is None or self.false_alarm_rate is None or self.miss_rate is None:
            return f"{text}."
        return (
            f"{text}; one who errs as often as those who pass it ({100 * self.false_alarm_rate:.1f}% and "
            f"{100 * self.miss_rate:.1f}%) with one of {self.accepted:.2g}."
        )


def failing(trials: int, error_rate: float) -> float:
    """Probability that more than two thirds of `trials` independent answers are wrong; 0 for no trials.

    >>> failing(5, 0.5) == 6 / 32
    True
    """
    from scipy.stats import binom

    # Not more than two thirds, in whole numbers, is at most ⌊2n/3⌋ wrong ones.
    return float(binom.sf(2 * trials // 3, trials, error_rate))


def validation_chances(responses: pd.DataFrame) -> ValidationChances | None:
    """Chances for the numbers of catch trials of a study's participants; None where no participant is known.

    Participants who did not reach the end are left out, unless nobody did or that is unknown.
    """
    known = responses[responses["participant"].notna()]
    if known.empty:
        return None
    finished = known[(known["participant_state"] == "finished").fillna(False).to_numpy(dtype=bool)]
    judged = known if finished.empty else finished
    codes, count = participant_codes(judged)
    zero, zero_wrong, largest, largest_wrong = catch_trials(judged, codes, count)
    passes = np.ones(count, dtype=np.bool_)
    passes[codes[validation(judged)[0]]] = False
    false_alarm_rate = _share(zero_wrong[passes], zero[passes])
    miss_rate = _share(largest_wrong[passes], largest[passes])
    return ValidationChances(
        participants=count,
        catch_trials=(float(zero.mean()), float(largest.mean())),
        guessing=_mean_failing(zero, largest, 0.5, 0.5),
        false_alarm_rate=false_alarm_rate,
        miss_rate=miss_rate,
        accepted=None
        if false_alarm_rate is None or miss_rate is None
        else _mean_failing(zero, largest, false_alarm_rate, miss_rate),
    )


def _mean_failing(zero: NDArray[np.int64], largest: NDArray[np.int64], false_alarms: float, misses: float) -> float:
    numbers, participants = np.unique(np.stack([zero, largest]), axis=1, return_counts=True)
    fails = [1 - (1 - failing(int(z), false_alarms)) * (1 - failing(int(n), misses)) for z, n in numbers.T]
    return float(np.average(fails, weights=participants))


def _share(wrong: NDArray[np.int64], of: NDArray[np.int64]) -> float | None:
    return float(wrong.sum() / of.sum()) if of.sum() else None
