"""The likeliest fixed effects and standard deviations, of which the latter may be 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from analysis.errors import AnalysisError
from analysis.hierarchical.groups import Floats
from analysis.hierarchical.laplace import Conditional, MixedLogistic, conditional, slope

# Nearer to 0 a standard deviation changes no figure; the slope by the variance is taken here.
_NEARLY_NONE = 1e-4
# Of log odds: who differs by more gives one answer only.
WIDEST_SD = 20.0


@dataclass
class Climb:
    """Laplace's log-likelihood at one point after the other, with the last effects as the next start."""

    model: MixedLogistic
    last: list[Floats] | None = field(default=None)

    def at(self, fixed: Floats, sds: Floats) -> Conditional:
        """At fixed effects `(K,)` and standard deviations of each kind."""
        found = conditional(self.model, fixed, sds, self.last)
        self.last = found.effects
        return found

    def slope(self, at: Conditional) -> Floats:
        """`(K + kinds,)`."""
        return slope(self.model, at)


def maximise(model: MixedLogistic, fixed: Floats, sds: Floats) -> Conditional:
    """The top, climbed to from fixed effects `(K,)` and standard deviations above 0.

    Raises: `AnalysisError` where a standard deviation has no likeliest value.
    """
    top = climb_over(Climb(model), fixed, sds, range(len(model.kinds)))
    if np.any(top.sds >= 0.99 * WIDEST_SD):
        raise AnalysisError(
            "How much participants and photographs differ has no likeliest value: their answers are too few, or too "
            "much alike."
        )
    return top


def climb_over(climb: Climb, fixed: Floats, sds: Floats, free: Sequence[int], *, gain: float = 1e-12) -> Conditional:
    """The top over all fixed effects and the standard deviations in `free`; the others stay as they are.

    `gain`: share of the log-likelihood; a step that betters it by less is the last one.

    Over variances and not their roots, for at a root of 0 the likelihood is always level.
    """
    many, chosen = len(fixed), list(free)

    def unpacked(point: Floats) -> tuple[Floats, Floats]:
        spread = sds.copy()
        spread[chosen] = np.sqrt(np.maximum(point[many:], 0.0))
        return point[:many], spread

    def loss(point: Floats) -> tuple[float, Floats]:
        beta, spread = unpacked(point)
        spread[chosen] = np.maximum(spread[chosen], _NEARLY_NONE)
        found = climb.at(beta, spread)
        by = climb.slope(found)
        return -found.log_likelihood, -np.concatenate([by[:many], by[many:][chosen] / (2 * spread[chosen])])

    limits: list[tuple[float | None, float | None]] = [(None, None)] * many
    limits += [(0.0, WIDEST_SD**2)] * len(chosen)
    point = np.concatenate([fixed, sds[chosen] ** 2])
    found = minimize(
        loss,
        point,
        method="L-BFGS-B",
        jac=True,
        bounds=limits,
        options={"ftol": gain, "gtol": 1e-6, "maxiter": 500},
    )
    beta, spread = unpacked(found.x)
    spread[chosen] = np.where(spread[chosen] <= 2 * _NEARLY_NONE, 0.0, spread[chosen])
    return climb.at(beta, spread)
