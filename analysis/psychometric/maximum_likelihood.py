"""The psychometric function: how likely a pair is called different, by shift.

Arrays in, one result out; nothing here needs pandas.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri, xlogy

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]

# Above one half the answers would say the opposite of what is seen. So bounded, the curve cannot fall either.
LARGEST_RATE = 0.5

# As many as the function has parameters: with fewer, many curves fit equally well.
FEWEST_SHIFTS = 4

# Shifts beyond are no pixels of a picture, and their logarithms no sound start.
SMALLEST_SHIFT_PX, LARGEST_SHIFT_PX = 1e-6, 1e6

# The likelihood is climbed from so many peaks of a grid, on which the rates were bettered so many times.
STARTS = 8
EM_STEPS = 30

# Keeps the logarithm of a probability finite while the optimiser tries a rate of 0.
_TINY = 1e-100


@dataclass(frozen=True)
class PsychometricFit:
    """P(x) = γ + (1 − γ − λ) F(x): probability of "different" at a shift of x pixels, fitted to answers.

    F is the distribution function of a log-normal: its median is `median_px`, and the logarithm of x has the
    standard deviation `log_sd`; F(0) = 0. γ is `false_alarm_rate`, the probability of "different" without a
    shift; λ is `lapse_rate`, that of "same" however large the shift. Both are in [0, 0.5].

    `threshold_px`: shift at which P is one half; None where that is at no shift between the smallest and the
    largest that were shown. Where both rates are 0 it is `median_px`. `median_px` and `log_sd` are also given
    where the answers hardly determine them, and `median_px` may lie outside the shifts that were shown.

    `log_likelihood`: natural logarithm of the probability of the answers, in the order in which they were given
    (without binomial coefficients). `deviance`: twice the difference to the log-likelihood of a function that
    meets the observed share at each shift. `shifts`, `answers`: number of different shifts and of answers.
    """

    threshold_px: float | None
    median_px: float
    log_sd: float
    false_alarm_rate: float
    lapse_rate: float
    log_likelihood: float
    deviance: float
    shifts: int
    answers: int

    def probability(self, shift_px: ArrayLike) -> Floats:
        """Probability of "different" at shifts ≥ 0 in pixels; an array of their shape.

        Raises: `AnalysisError` where a shift is negative or no number.
        """
        shift = _numbers("shift_px", shift_px)
        if np.any(shift < 0) or np.any(np.isnan(shift)):
            raise AnalysisError("shift_px holds a value that is not a number ≥ 0; a psychometric function has none.")
        parameters = (math.log(self.median_px), math.log(self.log_sd), self.false_alarm_rate, self.lapse_rate)
        return _probabilities(np.array(parameters), shift)[0]

    def to_json(self) -> dict[str, Any]:
        """The fields under their names."""
        return asdict(self)


def fit(shift_px: ArrayLike, different: ArrayLike, total: ArrayLike) -> PsychometricFit:
    """The psychometric function of highest likelihood: median, spread, false-alarm rate and lapse rate are free.

    Args:
        shift_px: `(K,)` shifts in pixels, each 0 or from 0.000001 to 1,000,000, in any order; one may stand more
            than once.
        different: `(K,)` number of answers "different" at each.
        total: `(K,)` number of answers at each; where it is 0 the shift is ignored.

    Raises: `AnalysisError` where the arrays differ in shape or hold values that they cannot, and where fewer
        than four different shifts have answers.

    Source: Wichmann & Hill 2001, "The psychometric function: I", Eq. 1.

    >>> counts = [10, 29, 66, 98, 98, 110, 115, 119, 123, 135]  # Ghildyal & Liu 2022, Table 1
    >>> round(fit(range(10), counts, [150] * 10).threshold_px, 2)
    2.39
    """
    shift, hits, answers = _pooled(*_checked(shift_px, different, total))
    bounds = _bounds(shift)
    found = [_descend(start, shift, hits, answers, bounds) for start in _starts(shift, hits, answers, bounds)]
    best = min(found, key=lambda parameters: _loss(parameters, shift, hits, answers)[0])
    log_likelihood = float(_log_likelihood(*_probabilities(best[:, np.newaxis], shift), hits, answers))
    share = hits / answers
    return PsychometricFit(
        threshold_px=_crossing(best, shift),
        median_px=math.exp(best[0]),
        log_sd=math.exp(best[1]),
        false_alarm_rate=float(best[2]),
        lapse_rate=float(best[3]),
        log_likelihood=log_likelihood,
        deviance=max(0.0, 2 * (float(_log_likelihood(share, 1 - share, hits, answers)) - log_likelihood)),
        shifts=len(shift),
        answers=int(answers.sum()),
    )


def _checked(shift_px: ArrayLike, different: ArrayLike, total: ArrayLike) -> tuple[Floats, Floats, Floats]:
    shift, hits, answers = _numbers("shift_px", shift_px), _numbers("different", different), _numbers("total", total)
    if shift.ndim != 1 or not shift.shape == hits.shape == answers.shape:
        raise AnalysisError(
            f"shift_px, different and total have the shapes {shift.shape}, {hits.shape} and {answers.shape}; "
            "give three lists of one length."
        )
    if not np.all((shift == 0) | ((shift >= SMALLEST_SHIFT_PX) & (shift <= LARGEST_SHIFT_PX))):
        raise AnalysisError(
            f"shift_px holds a value that is neither 0 nor from {SMALLEST_SHIFT_PX} to {LARGEST_SHIFT_PX:,.0f} pixels; "
            "correct it."
        )
    for name, counts in (("different", hits), ("total", answers)):
        if not np.all(np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))):
            raise AnalysisError(f"{name} holds a value that is not a whole number ≥ 0; give numbers of answers.")
    if np.any(hits > answers):
        at = shift[np.argmax(hits > answers)]
        raise AnalysisError(f"More answers are different than there are answers at a shift of {at:g} px; correct them.")
    return shift, hits, answers


def _numbers(name: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(f"{name} is not a list of numbers; correct it.") from None


def _pooled(shift: Floats, hits: Floats, answers: Floats) -> tuple[Floats, Floats, Floats]:
    """Shifts that have answers, ascending, each once."""
    shown = answers > 0
    levels, place = np.unique(shift[shown], return_inverse=True)
    if len(levels) < FEWEST_SHIFTS:
        raise AnalysisError(
            f"A psychometric function needs answers at {FEWEST_SHIFTS} different shifts or more; "
            f"these have answers at {len(levels)}."
        )
    counts = [np.bincount(place, given[shown]).astype(np.float64) for given in (hits, answers)]
    return levels, counts[0], counts[1]


def _bounds(shift: Floats) -> list[tuple[float, float]]:
    """Bounds of log median, log of `log_sd`, false-alarm rate and lapse rate.

    They let the core be a step between two neighbouring shifts, lie beyond all of them, or be nearly level.
    """
    logs = np.log(shift[shift > 0])
    span, step = max(logs[-1] - logs[0], 1.0), max(np.diff(logs).min(), 0.001)
    rate = (0.0, LARGEST_RATE)
    return [(logs[0] - span, logs[-1] + span), (math.log(step / 20), math.log(10 * span)), rate, rate]


def _starts(shift: Floats, hits: Floats, answers: Floats, bounds: list[tuple[float, float]]) -> list[Floats]:
    """The highest peaks of the likelihood over a grid of cores, each with its likeliest rates."""
    logs = np.log(shift[shift > 0])
    # Four places from each shift to the next, for a steep core can hide between them; 60 at most.
    places = np.concatenate([[logs[0] - 0.5], logs, [logs[-1] + 0.5]])
    count = min(4 * len(places) - 3, 60)
    log_median = np.interp(np.linspace(0, len(places) - 1, count), np.arange(len(places)), places)
    log_sd = np.linspace(bounds[1][0] + 0.5, max(math.log(4), bounds[1][0] + 1), 12)
    medians, spreads = np.meshgrid(log_median, log_sd, indexing="ij")
    grid = np.stack([medians, spreads, np.full_like(medians, 0.1), np.full_like(medians, 0.1)])[..., np.newaxis]
    for _ in range(EM_STEPS):
        # Expectation–maximisation: the share of the answers that each rate accounts for is its next value.
        different, same = _probabilities(grid, shift)
        guessed = (hits / different).sum(axis=-1, keepdims=True) / answers.sum()
        lapsed = ((answers - hits) / same).sum(axis=-1, keepdims=True) / answers.sum()
        grid[2:] = np.clip(grid[2:] * np.stack([guessed, lapsed]), 1e-9, LARGEST_RATE)
    likely = _log_likelihood(*_probabilities(grid, shift), hits, answers)
    peaks = np.flatnonzero(likely == maximum_filter(likely, size=3, mode="nearest"))
    highest = peaks[np.argsort(-likely.ravel()[peaks], kind="stable")][:STARTS]
    return list(grid.reshape(4, -1).T[highest])


def _descend(start: Floats, shift: Floats, hits: Floats, answers: Floats, bounds: list[tuple[float, float]]) -> Floats:
    # Where a rate comes to rest at 0, L-BFGS-B stops short of the top; SLSQP goes on.
    found = minimize(
        _loss,
        start,
        args=(shift, hits, answers),
        method="SLSQP",
        jac=True,
        bounds=bounds,
        options={"ftol": 1e-14, "maxiter": 500},
    )
    lowest, highest = np.transpose(bounds)
    return np.asarray(np.clip(found.x, lowest, highest), dtype=np.float64)


def _loss(parameters: Floats, shift: Floats, hits: Floats, answers: Floats) -> tuple[float, Floats]:
    """Negative log-likelihood an answer, and its gradient."""
    log_median, log_sd, false_alarm_rate, lapse_rate = parameters
    z = _standard(shift, log_median, log_sd)
    different, same = _probabilities(parameters[:, np.newaxis], shift)
    # How the loss changes with P at each shift; a shift of 0 has no part in the core.
    slope = (answers - hits) / np.maximum(same, _TINY) - hits / np.maximum(different, _TINY)
    seen = shift > 0
    scores = z[seen]
    by_score = slope[seen] * (1 - false_alarm_rate - lapse_rate) * np.exp(-0.5 * scores**2) / math.sqrt(2 * math.pi)
    gradient = [
        -by_score.sum() / math.exp(log_sd),
        -(by_score * scores).sum(),
        (slope * ndtr(-z)).sum(),
        -(slope * ndtr(z)).sum(),
    ]
    total = answers.sum()
    return -float(_log_likelihood(different, same, hits, answers)) / total, np.array(gradient) / total


def _probabilities(parameters: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """Of "different" and of "same": neither as one less the other, which would lose the digits of a small one."""
    log_median, log_sd, false_alarm_rate, lapse_rate = parameters
    z = _standard(shift, log_median, log_sd)
    rest = 1 - false_alarm_rate - lapse_rate
    return false_alarm_rate + rest * ndtr(z), lapse_rate + rest * ndtr(-z)


def _standard(shift: Floats, log_median: ArrayLike, log_sd: ArrayLike) -> Floats:
    """Standard normal score of the logarithm of each shift; −∞ at a shift of 0."""
    logs = np.full(shift.shape, -np.inf)
    np.log(shift, out=logs, where=shift > 0)
    return np.asarray((logs - log_median) / np.exp(log_sd), dtype=np.float64)


def _log_likelihood(different: Floats, same: Floats, hits: Floats, answers: Floats) -> Floats:
    """Of answers at the shifts that the last axis counts."""
    found = xlogy(hits, np.maximum(different, _TINY)) + xlogy(answers - hits, np.maximum(same, _TINY))
    return np.asarray(found.sum(axis=-1), dtype=np.float64)


def _crossing(parameters: Floats, shift: Floats) -> float | None:
    """Shift at which "different" is as likely as "same", if it lies among those that were shown."""
    log_median, log_sd, false_alarm_rate, lapse_rate = map(float, parameters)
    if max(false_alarm_rate, lapse_rate) >= 0.5:
        return None
    share = (0.5 - false_alarm_rate) / (1 - false_alarm_rate - lapse_rate)
    crossing = log_median + math.exp(log_sd) * float(ndtri(share))
    first = math.log(shift[0]) if shift[0] > 0 else -math.inf
    return math.exp(crossing) if first <= crossing <= math.log(shift[-1]) else None
