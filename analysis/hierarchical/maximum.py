"""The likeliest fixed effects and standard deviations, of which the latter may be 0, and intervals by profiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import chi2

from analysis.errors import AnalysisError
from analysis.hierarchical.laplace import Conditional, conditional, slope
from analysis.hierarchical.model import Floats, Model

# Nearer to 0 a standard deviation changes no figure; the slope by the variance is taken here.
_NEARLY_NONE = 1e-4
_HALF_95 = 0.5 * float(chi2.ppf(0.95, 1))
_STEP = 1e-3
_WIDEST_SD = 20.0


@dataclass
class Climb:
    """The logarithm of the likelihood, and of the prior where there is one, with the last effects as the next start."""

    model: Model
    last: list[Floats] | None = field(default=None)

    def at(self, fixed: Floats, sds: Floats) -> Conditional:
        """The effects there; where from the last ones nothing is found, from none."""
        found = conditional(self.model, fixed, sds, self.last)
        if not math.isfinite(found.log_likelihood) and self.last is not None:
            found = conditional(self.model, fixed, sds)
        if math.isfinite(found.log_likelihood):
            self.last = found.effects
        return found

    def height(self, found: Conditional) -> float:
        """What is climbed."""
        return found.log_likelihood + self.model.log_prior(found.fixed, found.sds)

    def slope(self, found: Conditional) -> Floats:
        """`(K + T,)` of what is climbed."""
        own = slope(self.model, found)
        prior = self.model.prior
        return own if prior is None else own + prior.slope(found.fixed, found.sds)


@dataclass(frozen=True)
class Maximum:
    """The top. `height`: log-likelihood and log-prior there. `curvature`: `(K + T, K + T)`, minus the second
    derivatives; of a standard deviation of 0 those by its sign and size, as if it could be negative.
    """

    model: Model
    top: Conditional
    height: float
    curvature: Floats

    @property
    def fixed(self) -> Floats:
        """`(K,)`."""
        return self.top.fixed

    @property
    def sds(self) -> Floats:
        """`(T,)`, each 0 or more."""
        return self.top.sds


def maximise(model: Model, fixed: Floats, sds: Floats) -> Maximum:
    """Climb from fixed effects `(K,)` and standard deviations `(T,)` above 0.

    Over variances and not their roots, for at a root of 0 the likelihood is always level.

    Raises: `AnalysisError` where no top is found.
    """
    climb = Climb(model)
    top = _top(climb, fixed, sds, range(model.terms))
    return Maximum(model, top, climb.height(top), _curvature(climb, top))


def _top(climb: Climb, fixed: Floats, sds: Floats, free: Sequence[int]) -> Conditional:
    """The top over all fixed effects and the standard deviations in `free`; the others stay."""
    many = len(fixed)
    chosen = list(free)

    def unpacked(point: Floats) -> tuple[Floats, Floats]:
        all_sds = sds.copy()
        all_sds[chosen] = np.sqrt(point[many:])
        return point[:many], all_sds

    def loss(point: Floats) -> tuple[float, Floats]:
        beta, spread = unpacked(point)
        spread[chosen] = np.maximum(spread[chosen], _NEARLY_NONE)
        found = climb.at(beta, spread)
        if not math.isfinite(found.log_likelihood):
            return 1e10, np.zeros(len(point))
        by = climb.slope(found)
        return -climb.height(found), -np.concatenate([by[:many], by[many:][chosen] / (2 * spread[chosen])])

    limits = [(None, None)] * many + [(0.0, _WIDEST_SD**2)] * len(chosen)
    point = np.concatenate([fixed, sds[chosen] ** 2])
    with np.errstate(over="ignore"):
        for _ in range(3):
            found = minimize(
                loss,
                point,
                method="L-BFGS-B",
                jac=True,
                bounds=limits,
                options={"ftol": 1e-12, "gtol": 1e-5, "maxiter": 500},
            )
            point = found.x
            if found.success:
                break
    beta, spread = unpacked(point)
    # What is so near to 0 that it changes nothing is 0.
    spread[chosen] = np.where(spread[chosen] <= 2 * _NEARLY_NONE, 0.0, spread[chosen])
    top = climb.at(beta, spread)
    if not math.isfinite(top.log_likelihood) or np.any(spread >= _WIDEST_SD):
        raise AnalysisError(
            "The model of participants and photographs has no likeliest values: too few answers tell how they differ."
        )
    return top


def _curvature(climb: Climb, top: Conditional) -> Floats:
    many = len(top.fixed)
    here = np.concatenate([top.fixed, top.sds])
    rows = []
    for index in range(len(here)):
        move = np.zeros(len(here))
        move[index] = _STEP
        ends = [climb.slope(climb.at(*np.split(here + side * move, [many]))) for side in (1, -1)]
        rows.append((ends[1] - ends[0]) / (2 * _STEP))
    climb.last = top.effects
    found = np.array(rows)
    return np.asarray((found + found.T) / 2, dtype=np.float64)


@dataclass(frozen=True)
class Profile:
    """What the answers say of one standard deviation, everything else as likely as can be.

    `low`, `high`: ends of the 95% interval; `low` is 0 where 0 is in it. `p`: of the likelihood-ratio test that it is
    0, which lies on the edge of what it can be: half of chi-squared's tail.
    """

    low: float
    high: float
    p: float


def profile(maximum: Maximum, term: int) -> Profile:
    """The profile of the standard deviation `term`.

    Source: Self & Liang 1987 (the test at the edge); Bates et al. 2015, Section 5.1 (profiles).
    """
    model, top = maximum.model, maximum.top
    climb = Climb(model, top.effects)
    many = len(top.fixed)
    size = many + model.terms
    rest = [index for index in range(size) if index != many + term]
    inner = maximum.curvature[np.ix_(rest, rest)]
    towards = -np.linalg.pinv(inner) @ maximum.curvature[rest, many + term]

    def fall(sd: float) -> float:
        """By how much the log-likelihood falls where the standard deviation is held at `sd`."""
        start = np.concatenate([top.fixed, top.sds])
        start[rest] += towards * (sd - top.sds[term])
        start[many + term] = sd
        return maximum.height - _ridge(climb, start, rest, inner, many)

    at_none = 0.0 if top.sds[term] == 0 else max(fall(0.0), 0.0)
    p = 0.5 * float(chi2.sf(2 * at_none, 1)) if at_none > 0 else 0.5
    low = 0.0
    if at_none > _HALF_95:
        low = _crossing(fall, 0.0, float(top.sds[term]))
    guess = float(top.sds[term]) + 2 / math.sqrt(max(maximum.curvature[many + term, many + term], 1e-2))
    while fall(guess) < _HALF_95 and guess < _WIDEST_SD:
        guess *= 1.5
    high = _crossing(fall, float(top.sds[term]), min(guess, _WIDEST_SD))
    return Profile(low, high, p)


def _crossing(fall: Callable[[float], float], first: float, last: float) -> float:
    ends = [fall(place) - _HALF_95 for place in (first, last)]
    if ends[0] * ends[1] > 0:
        return first if abs(ends[0]) < abs(ends[1]) else last
    return float(brentq(lambda sd: fall(sd) - _HALF_95, first, last, xtol=2e-3, rtol=1e-3))


def _ridge(climb: Climb, start: Floats, rest: list[int], inner: Floats, many: int) -> float:
    """The height where all but one parameter are as good as can be, by steps with the curvature of the top."""
    lowest = np.where(np.arange(len(start)) < many, -np.inf, 0.0)
    here = np.maximum(start, lowest)
    inverse = np.linalg.pinv(inner + 1e-6 * np.eye(len(inner)))
    found = climb.at(*np.split(here, [many]))
    height = climb.height(found)
    for _ in range(12):
        step = np.zeros(len(here))
        step[rest] = inverse @ climb.slope(found)[rest]
        for _ in range(6):
            there = np.maximum(here + step, lowest)
            reached = climb.at(*np.split(there, [many]))
            if climb.height(reached) >= height:
                break
            step /= 3
        else:
            return height
        gain = climb.height(reached) - height
        here, found, height = there, reached, climb.height(reached)
        if gain < 1e-3:
            break
    return height
