"""What the answers say of one standard deviation, everything else as likely as can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from analysis.hierarchical.laplace import Conditional, MixedLogistic
from analysis.hierarchical.maximum import WIDEST_SD, Climb, climb_over

# By so much the log-likelihood falls at the ends of a 95% interval.
_FALL = 0.5 * float(chi2.ppf(0.95, 1))
_PRECISION = 1e-3
# Of the log-likelihood; it is some hundreds or thousands.
_GAIN = 1e-9


@dataclass(frozen=True)
class Profile:
    """`low`, `high`: ends of the 95% interval of a standard deviation; `low` is 0 where 0 is in it.

    `p`: of the likelihood-ratio test that it is 0, the edge of what it can be: half of chi-squared's tail.
    """

    low: float
    high: float
    p: float


def profile(model: MixedLogistic, top: Conditional, kind: int) -> Profile:
    """Of the standard deviation of a kind of groups, by its number, around the top.

    Source: Bates et al. 2015, "lme4", Section 5.1; Self & Liang 1987 (the test at the edge).
    """
    climb = Climb(model, top.effects)
    others = [index for index in range(len(model.kinds)) if index != kind]
    likeliest = float(top.sds[kind])
    # Where a search ended tells where the next one begins.
    ends = {likeliest: top}

    def fall(sd: float) -> float:
        nearest = ends[min(ends, key=lambda known: abs(known - sd))]
        held = np.where(np.arange(len(model.kinds)) == kind, sd, np.maximum(nearest.sds, 0.01))
        climb.last = nearest.effects
        ends[sd] = climb_over(climb, nearest.fixed, held, others, gain=_GAIN)
        return top.log_likelihood - ends[sd].log_likelihood

    at_none = max(fall(0.0), 0.0) if likeliest > 0 else 0.0
    low = _crossing(fall, 0.0, likeliest) if at_none > _FALL else 0.0
    far = max(1.5 * likeliest, likeliest + 0.2)
    while far < WIDEST_SD and fall(far) < _FALL:
        far *= 1.5
    high = _crossing(fall, likeliest, far) if far < WIDEST_SD else WIDEST_SD
    return Profile(low, high, 0.5 * float(chi2.sf(2 * at_none, 1)))


def _crossing(fall: Callable[[float], float], first: float, last: float) -> float:
    return float(brentq(lambda sd: fall(sd) - _FALL, first, last, xtol=_PRECISION, rtol=_PRECISION))
