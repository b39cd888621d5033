"""The psychometric function that makes numbers of answers likeliest. Arrays in, one result out; no pandas."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import chdtrc

from analysis.errors import AnalysisError
from analysis.psychometric.cores import CORES, Core, CoreName, Floats, core_named
from analysis.psychometric.fisher_scoring import bounds
from analysis.psychometric.likelihood import TINY, log_likelihood, probabilities, slopes
from analysis.psychometric.many_fits import highest, preferred
from analysis.psychometric.starting_points import starts
from analysis.results import Result

# As many as the function has parameters: with fewer, many curves fit equally well.
FEWEST_SHIFTS = 4

# A misfit that chance makes more seldom is said in words.
UNLIKELY = 0.05
# With so many answers a shift, the distribution of Pearson's χ² is near enough to that of χ².
ENOUGH = 10

# Shifts beyond are no pixels of a picture, and their logarithms no sound start.
SMALLEST_SHIFT_PX, LARGEST_SHIFT_PX = 1e-6, 1e6

# From so many cores of a table is the likelihood climbed, besides all steps.
_PEAKS = 12

# A function that rises by less over all shifts is level.
_LEVEL = 1e-3


@dataclass(frozen=True)
class PsychometricFit(Result):
    """P(x) = γ + (1 − γ − λ) F(x): probability of "different" at a shift of x pixels, fitted to answers.

    F is the distribution function `core`: of a log-normal, log-logistic or Weibull distribution, with F(0) = 0, or of
    a logistic or normal one. Its median is `median_px`. `spread` is the standard deviation of the normal or the scale
    of the logistic, of the shift in pixels or, in the first three, of its natural logarithm (1 / shape of a Weibull).
    `guess_rate` is γ and `lapse_rate` λ, that of "same" however large the shift; both are in [0, 0.5].
    `false_alarm_rate` is P(0), the probability of "different" without a shift: γ where F(0) = 0.

    `threshold_px`: shift at which P is one half; None where that is at no shift between the smallest and the
    largest that were shown. Where both rates are 0 it is `median_px`. `median_px` and `spread` are also given
    where the answers hardly determine them, and `median_px` may lie outside the shifts that were shown.

    `log_likelihood`: natural logarithm of the probability of the answers, in the order in which they were given
    (without binomial coefficients). `deviance`: twice the difference to the log-likelihood of a function that
    meets the observed share at each shift. `overdispersion`: Pearson's χ² over `shifts` − 4; about 1 where answers
    scatter like independent ones, None where four shifts leave nothing to tell it by. `aic`: Akaike's information
    criterion, 8 − 2 `log_likelihood`. `shifts`, `answers`: number of different shifts and of answers.
    """

    core: CoreName
    threshold_px: float | None
    median_px: float
    spread: float
    guess_rate: float
    false_alarm_rate: float
    lapse_rate: float
    log_likelihood: float
    deviance: float
    overdispersion: float | None
    aic: float
    shifts: int
    answers: int

    @property
    def pearson_p(self) -> float:
        """Share of χ² that is at least Pearson's, with `shifts` − 4 degrees of freedom; 1 where there is none."""
        free = self.shifts - FEWEST_SHIFTS
        return 1.0 if self.overdispersion is None else float(chdtrc(free, free * self.overdispersion))

    @property
    def misfit(self) -> str | None:
        """A sentence for beside the threshold where Pearson's χ² says that the function does not fit, else None.

        Of few answers, fewer than `ENOUGH` a shift, it says nothing.
        """
        few = self.answers < ENOUGH * self.shifts
        if self.overdispersion is None or few or self.pearson_p >= UNLIKELY:
            return None
        return (
            f"The function does not fit these answers: Pearson's χ² is {self.overdispersion:.1f} times its degrees of "
            f"freedom (p {'< 0.001' if self.pearson_p < 0.001 else f'= {self.pearson_p:.3f}'}), so that the threshold "
            "is uncertain. Look at the shifts whose points lie far from the curve; shift-study psychometric says which "
            "that is, tries other cores, and with --hierarchical lets people and photographs differ."
        )

    @property
    def parameters(self) -> Floats:
        """`(4,)`: location of the core, logarithm of its spread, γ and λ."""
        location = math.log(self.median_px) if CORES[self.core].logarithmic else self.median_px
        return np.array([location, math.log(self.spread), self.guess_rate, self.lapse_rate])

    def probability(self, shift_px: ArrayLike) -> Floats:
        """Probability of "different" at shifts ≥ 0 in pixels; an array of their shape.

        Raises: `AnalysisError` where a shift is negative or no number.
        """
        shift = _numbers("shift_px", shift_px)
        if np.any(shift < 0) or np.any(np.isnan(shift)):
            raise AnalysisError("shift_px holds a value that is not a number ≥ 0; a psychometric function has none.")
        core = CORES[self.core]
        return probabilities(self.parameters, core.position(shift), core)[0]


def fit(
    shift_px: ArrayLike, different: ArrayLike, total: ArrayLike, core: CoreName | str = "log-normal"
) -> PsychometricFit:
    """The psychometric function of highest likelihood: median, spread, false-alarm rate and lapse rate are free.

    Args:
        shift_px: `(K,)` shifts in pixels, each 0 or from 0.000001 to 1,000,000, in any order; one may stand more
            than once.
        different: `(K,)` number of answers "different" at each.
        total: `(K,)` number of answers at each; where it is 0 the shift is ignored.
        core: `log-normal`, `log-logistic`, `weibull`, `logistic` or `normal`.

    Raises: `AnalysisError` where the arrays differ in shape or hold values that they cannot, where fewer
        than four different shifts have answers, and where the core is unknown.

    Source: Wichmann & Hill 2001, "The psychometric function: I", Eq. 1.

    >>> counts = [10, 29, 66, 98, 98, 110, 115, 119, 123, 135]  # Ghildyal & Liu 2022, Table 1
    >>> round(fit(range(10), counts, [150] * 10).threshold_px, 2)
    2.39
    """
    shape = core_named(core)
    shift, hits, answers = pooled(*_checked(shift_px, different, total))
    position = shape.position(shift)
    limits = bounds(position)
    one = hits[np.newaxis], answers[np.newaxis]
    top = highest(starts(position, *one, shape, peaks=_PEAKS, steps=len(shift)), position, *one, shape)
    polished = _polished(top[:, 0], position, hits, answers, limits, shape)
    both = np.stack([top, polished[:, np.newaxis]], axis=1)
    likely = log_likelihood(*probabilities(both[..., np.newaxis], position, shape), hits, answers)
    best = both[:, preferred(both, likely)[0], 0]
    return described(best, shift, hits, answers, shape)


def described(parameters: Floats, shift: Floats, hits: Floats, answers: Floats, core: Core) -> PsychometricFit:
    """The function of these `(4,)` parameters, and how well it meets `hits` of `answers` at each ascending shift."""
    different, same = probabilities(parameters, core.position(shift), core)
    likely = float(log_likelihood(different, same, hits, answers))
    share = hits / answers
    pearson = float(((hits - answers * different) ** 2 / np.maximum(answers * different * same, TINY)).sum())
    return PsychometricFit(
        core=core.name,
        threshold_px=_crossing(parameters, shift, core),
        median_px=float(core.shift(parameters[0])),
        spread=math.exp(parameters[1]),
        guess_rate=float(parameters[2]),
        false_alarm_rate=float(probabilities(parameters, core.position(0.0), core)[0]),
        lapse_rate=float(parameters[3]),
        log_likelihood=likely,
        deviance=max(0.0, 2 * (float(log_likelihood(share, 1 - share, hits, answers)) - likely)),
        overdispersion=pearson / (len(shift) - 4) if len(shift) > 4 else None,
        aic=8 - 2 * likely,
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


def pooled(shift: Floats, hits: Floats, answers: Floats) -> tuple[Floats, Floats, Floats]:
    """Shifts that have answers, ascending, each once, with the numbers of answers at each.

    Raises: `AnalysisError` where fewer than four are left.
    """
    shown = answers > 0
    levels, place = np.unique(shift[shown], return_inverse=True)
    if len(levels) < FEWEST_SHIFTS:
        raise AnalysisError(
            f"A psychometric function needs answers at {FEWEST_SHIFTS} different shifts or more; "
            f"these have answers at {len(levels)}."
        )
    counts = [np.bincount(place, given[shown]).astype(np.float64) for given in (hits, answers)]
    return levels, counts[0], counts[1]


def _polished(
    start: Floats, position: Floats, hits: Floats, answers: Floats, limits: list[tuple[float, float]], core: Core
) -> Floats:
    """To the top from near it: along a ridge, where Fisher scoring rests, a quasi-Newton search still finds the way."""
    lowest, highest = np.transpose(limits)
    found = minimize(
        _loss,
        start,
        args=(position, hits, answers, core),
        method="L-BFGS-B",
        jac=True,
        bounds=limits,
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 500},
    )
    at = np.asarray(np.clip(found.x, lowest, highest), dtype=np.float64)
    # Where a rate is nearly 0 it may end lower than it began.
    return min(start, at, key=lambda tried: _loss(tried, position, hits, answers, core)[0])


def _loss(parameters: Floats, position: Floats, hits: Floats, answers: Floats, core: Core) -> tuple[float, Floats]:
    """Negative log-likelihood an answer, and its gradient."""
    different, same = probabilities(parameters[:, np.newaxis], position, core)
    slope = (answers - hits) / np.maximum(same, TINY) - hits / np.maximum(different, TINY)
    gradient = (slopes(parameters[:, np.newaxis], position, core) * slope).sum(axis=-1)
    total = answers.sum()
    return -float(log_likelihood(different, same, hits, answers)) / total, gradient / total


def _crossing(parameters: Floats, shift: Floats, core: Core) -> float | None:
    """Shift at which "different" is as likely as "same", if it lies among those that were shown."""
    (place,) = crossings(parameters[:, np.newaxis], core)
    first, last = core.position(shift[[0, -1]])
    least, most = probabilities(parameters, np.array([first, last]), core)[0]
    # A level curve crosses nothing, whatever rounding makes of it.
    return float(core.shift(place)) if first <= place <= last and most - least > _LEVEL else None


def crossings(parameters: Floats, core: Core, level: float = 0.5) -> Floats:
    """`(B,)` positions t at which P is `level`, wherever they lie, of `(4, B)` parameters; NaN where there is none."""
    location, log_spread, guess_rate, lapse_rate = parameters
    rest = 1 - guess_rate - lapse_rate
    there = (guess_rate < level) & (level < 1 - lapse_rate)
    share = np.divide(level - guess_rate, rest, out=np.full(location.shape, np.nan), where=there)
    return np.asarray(location + np.exp(log_spread) * core.quantile(share), dtype=np.float64)
