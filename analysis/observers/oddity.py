"""Signal detection for odd-one-out (the triangular method): how far apart a shifted image is from an unshifted one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import owens_t

from analysis.errors import AnalysisError
from analysis.observers.dprime import Correction
from analysis.resampling import REPLICATES, draw, estimate, spreads
from analysis.results import Estimate, Result
from analysis.trial_counts import TrialCounts

Floats = NDArray[np.float64]

GUESSING = 1 / 3
"""Share of right answers of somebody who guesses."""

_ROUNDING = 1e-12  # by which a share of a third may be above a third
_BISECTIONS = 60
_LARGEST = 40.0  # beyond, every share is 1 in double precision


def correct_oddity(d_prime: ArrayLike) -> Floats:
    """Share of right answers of observers who name the image that is farthest from the two others.

    Two of the three sensations have one mean, the third another, d′ away. Named is the one that is not of the nearest
    two: right where |x| > √3 |z|, x normal around d′ √(2/3), z around 0. This is 1 − 4 T(d′/√6, √3) with Owen's T: the
    integral of Macmillan & Creelman 2005, Chapter 9, in closed form.

    Args:
        d_prime: ≥ 0; any shape.

    Source: Frijters 1979, "The paradox of discriminatory nondiscriminators resolved"; Ennis 1993, "The power of sensory
    discrimination methods".

    >>> round(float(correct_oddity(1.0)), 4)
    0.418
    """
    distance = np.asarray(d_prime, dtype=np.float64)
    return np.asarray(1 - 4 * owens_t(distance / math.sqrt(6), math.sqrt(3)), dtype=np.float64)


def d_prime_oddity(correct: ArrayLike) -> Floats:
    """d′ of such observers from their share of right answers in [0, 1]; any shape.

    Returns: d′ ≥ 0; 0 at a third and below, which is what guessing gives; infinite at 1; NaN where the share is.

    Raises: `AnalysisError` where a share is not in [0, 1].

    >>> round(float(d_prime_oddity(0.8)), 3)
    3.129
    """
    share = np.asarray(correct, dtype=np.float64)
    if np.any((share < 0) | (share > 1)):
        raise AnalysisError("A share of right answers is not a number from 0 to 1; correct it.")
    low, high = np.zeros(share.shape), np.full(share.shape, _LARGEST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        enough = correct_oddity(middle) >= share
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found = np.where(share > GUESSING + _ROUNDING, (low + high) / 2, 0.0)
    found = np.where(share == 1, np.inf, found)
    return np.where(np.isnan(share), np.nan, found)


@dataclass(frozen=True)
class ShiftOddity(Result):
    """What was found at one shift.

    `correct`: share of right answers, in [0, 1], as they were given. `d_prime`: of the differencing model, from the
    share that `used` says, which is corrected.
    """

    shift_px: float
    answers: int
    correct: Estimate
    d_prime: Estimate
    used: float


@dataclass(frozen=True)
class Oddity(Result):
    """Share of right answers and d′ at every shift."""

    rows: tuple[ShiftOddity, ...]
    model: Literal["differencing"]
    correction: Correction
    answers: int
    participants: int | None
    photographs: int | None
    notes: tuple[str, ...]


def oddity(
    counts: TrialCounts, *, correction: Correction = "log-linear", replicates: int = REPLICATES, seed: int = 0
) -> Oddity:
    """Share of right answers and d′ by shift, with bootstrap intervals over participants and photographs.

    Args:
        counts: of an odd-one-out study, `TrialCounts.of(responses)`.
        correction: `log-linear` adds one answer to each total, of which a third is right, as a guess would be, so that
            no share is 1, and one third stays one third; `none` takes the shares as they are.
        replicates: how often participants, photographs and answers are each drawn anew.
        seed: of the draws.
    """
    one = 1.0 if correction == "log-linear" else 0.0

    def statistics(right: Floats, total: Floats) -> Floats:
        # A draw that holds no answer at a shift says nothing of it.
        answered = np.where(total > 0, total, np.nan)
        return np.hstack([right / answered, d_prime_oddity((right + GUESSING * one) / (answered + one))]).T

    drawn = draw(counts, replicates, np.random.default_rng(seed))
    spread = list(spreads(drawn, statistics))
    values = statistics(counts.different[np.newaxis], counts.total[np.newaxis])[:, 0]
    levels = len(counts.shift_px)
    rows = tuple(
        ShiftOddity(
            shift_px=float(counts.shift_px[level]),
            answers=int(counts.total[level]),
            correct=estimate(float(values[level]), spread[level], drawn.method, limits=(0.0, 1.0)),
            d_prime=estimate(
                float(values[levels + level]), spread[levels + level], drawn.method, limits=(0.0, math.inf)
            )
            if math.isfinite(values[levels + level])
            else Estimate(None, None, None, "infinite: every answer is right; correct the counts log-linearly"),
            used=float((counts.different[level] + GUESSING * one) / (counts.total[level] + one)),
        )
        for level in range(levels)
    )
    return Oddity(
        rows=rows,
        model="differencing",
        correction=correction,
        answers=int(counts.total.sum()),
        participants=None if counts.by_participant is None else len(counts.by_participant),
        photographs=None if counts.by_photograph is None else len(counts.by_photograph),
        notes=(*counts.notes, *_notes(counts, correction)),
    )


def _notes(counts: TrialCounts, correction: Correction) -> list[str]:
    def at(which: NDArray[np.bool_]) -> str:
        return ", ".join(f"{px:g}" for px in counts.shift_px[which])

    notes = []
    guessed = 3 * counts.different <= counts.total
    if guessed.any():
        notes.append(
            f"At a shift of {at(guessed)} px no more than a third of the answers were right, as by guessing: d′ is 0 "
            "there."
        )
    always = counts.different == counts.total
    if always.any() and correction == "log-linear":
        notes.append(
            f"At a shift of {at(always)} px every answer was right: how large d′ is there, the correction says and not "
            "the answers."
        )
    return notes
