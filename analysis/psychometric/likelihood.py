"""Probabilities and likelihoods of P(x) = γ + (1 − γ − λ) F(z), z = (t(x) − location) / spread.

Parameters stand in one array: location, logarithm of the spread, γ (false-alarm rate), λ (lapse rate).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from analysis.psychometric.cores import Core, Floats

# Above one half the answers would say the opposite of what is seen. So bounded, the curve cannot fall either.
LARGEST_RATE = 0.5

# Keeps the logarithm of a probability finite while the optimiser tries a rate of 0.
TINY = 1e-100


def standard(parameters: Floats, position: Floats) -> Floats:
    """z at positions t of shifts; `parameters` is `(4, …)` and its rest is broadcast against `position`."""
    return np.asarray((position - parameters[0]) / np.exp(parameters[1]), dtype=np.float64)


@dataclass(frozen=True)
class Evaluated:
    """Functions at positions t of shifts, once computed: `z`, and the core's `below` and `above` there.

    `parameters` is `(4, …)`, and its rest is broadcast against the positions.
    """

    parameters: Floats
    core: Core
    z: Floats
    below: Floats
    above: Floats

    @classmethod
    def at(cls, parameters: Floats, position: Floats, core: Core) -> Evaluated:
        """Of these parameters at these positions."""
        z = standard(parameters, position)
        return cls(parameters, core, z, core.below(z), core.above(z))

    def of(self, which: NDArray[np.bool_]) -> Evaluated:
        """Of some of the parameters, `(4, B, 1)`."""
        return Evaluated(self.parameters[:, which], self.core, self.z[which], self.below[which], self.above[which])

    def probabilities(self) -> tuple[Floats, Floats]:
        """Of "different" and of "same": neither as one less the other, which would lose the digits of a small one."""
        _, _, false_alarm_rate, lapse_rate = self.parameters
        rest = 1 - false_alarm_rate - lapse_rate
        return false_alarm_rate + rest * self.below, lapse_rate + rest * self.above

    def slopes(self) -> Floats:
        """dP/dparameter: `(4, …)`; a shift of 0 has no part in a core of logarithms."""
        _, log_spread, false_alarm_rate, lapse_rate = self.parameters
        finite, density = self._flank(self.core.density)
        steep = (1 - false_alarm_rate - lapse_rate) * density
        return np.stack(np.broadcast_arrays(-steep / np.exp(log_spread), -steep * finite, self.above, -self.below))

    def curvature(self, pull: Floats) -> Floats:
        """Σ pull d²P/dparameter², summed over the K shifts: `(B, 4, 4)`, of `(4, B, 1)` parameters, `(B, K)` pulls."""
        _, log_spread, false_alarm_rate, lapse_rate = self.parameters[..., 0]
        z, density = self._flank(self.core.density)
        _, bend = self._flank(self.core.bend)
        density, bend = pull * density, pull * bend
        rest, spread = 1 - false_alarm_rate - lapse_rate, np.exp(log_spread)
        found = np.zeros((len(rest), 4, 4))
        found[:, 0, 0] = rest * bend.sum(axis=1) / spread**2
        found[:, 0, 1] = found[:, 1, 0] = rest * (bend * z + density).sum(axis=1) / spread
        found[:, 1, 1] = rest * ((bend * z + density) * z).sum(axis=1)
        for rate in (2, 3):
            found[:, 0, rate] = found[:, rate, 0] = density.sum(axis=1) / spread
            found[:, 1, rate] = found[:, rate, 1] = (density * z).sum(axis=1)
        return found

    def _flank(self, of: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """z and a derivative of the core there, both 0 where z is without end."""
        there = np.isfinite(self.z)
        finite = np.where(there, self.z, 0.0)
        return finite, np.where(there, of(finite), 0.0)


def probabilities(parameters: Floats, position: Floats, core: Core) -> tuple[Floats, Floats]:
    """Of "different" and of "same", of `(4, …)` parameters at positions t."""
    return Evaluated.at(parameters, position, core).probabilities()


def slopes(parameters: Floats, position: Floats, core: Core) -> Floats:
    """dP/dparameter: `(4, …)`, at positions t."""
    return Evaluated.at(parameters, position, core).slopes()


def log_likelihood(different: Floats, same: Floats, hits: Floats, answers: Floats) -> Floats:
    """Of answers at the shifts that the last axis counts, from the probabilities of "different" and "same"."""
    found = xlogy(hits, np.maximum(different, TINY)) + xlogy(answers - hits, np.maximum(same, TINY))
    return np.asarray(found.sum(axis=-1), dtype=np.float64)
