"""Shifts for a study by the answers of a pilot: where people see a shift about as often as they miss it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analysis.errors import AnalysisError
from analysis.psychometric import fit
from analysis.trial_counts import TrialCounts

LEAST, MOST = 0.35, 0.65


def pilot_shifts(counts: TrialCounts, max_shift: int, lengths: Sequence[float] = (1.0,)) -> tuple[int, ...]:
    """0, the whole shifts at which the psychometric function lies between 35 and 65 %, and the largest.

    Pairs near the threshold differ most in how often they are called different, which is what metrics are to foretell;
    those at the ends are for the validation rule. Where no whole shift lies in between, the one nearest to half is
    taken.

    Args:
        counts: of the pilot's accepted answers.
        max_shift: largest shift that the study may have, pixels; one that nearly everybody sees.
        lengths: how far windows of the study move for a shift of one pixel: √2 on diagonals. Where there are several,
            the mean of their probabilities counts.

    Raises: `AnalysisError` where the answers determine no function, and where `max_shift` is among the shifts that are
        hard to see.
    """
    found = fit(counts.shift_px, counts.different, counts.total)
    shifts = np.arange(1, max(1, math.floor(counts.shift_px[-1] / max(lengths))) + 1)
    probability = np.mean([found.probability(length * shifts) for length in lengths], axis=0)
    between = shifts[(probability >= LEAST) & (probability <= MOST)]
    if not len(between):
        between = shifts[[np.argmin(np.abs(probability - 0.5))]]
    if between[-1] >= max_shift:
        raise AnalysisError(
            f"At {between[-1]} px the pilot's observers still miss many shifts, and the study's largest shift is to be "
            f"one that nearly everybody sees: give --max-shift {2 * int(between[-1])} or more."
        )
    return (0, *between.tolist(), max_shift)
