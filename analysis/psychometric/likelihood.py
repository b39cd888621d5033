"""Probabilities and likelihoods of P(x) = γ + (1 − γ − λ) F(z), z = (t(x) − location) / spread.

Parameters stand in one array: location, logarithm of the spread, γ (false-alarm rate), λ (lapse rate).
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from analysis.psychometric.cores import Core, Floats

# Above one half the answers would say the opposite of what is seen. So bounded, the curve cannot fall either.
LARGEST_RATE = 0.5

# Keeps the logarithm of a probability finite while the optimiser tries a rate of 0.
TINY = 1e-100


def standard(parameters: Floats, position: Floats) -> Floats:
    """z at positions t of shifts; `parameters` is `(4, …)` and its rest is broadcast against `position`."""
    return np.asarray((position - parameters[0]) / np.exp(parameters[1]), dtype=np.float64)


def probabilities(parameters: Floats, position: Floats, core: Core) -> tuple[Floats, Floats]:
    """Of "different" and of "same": neither as one less the other, which would lose the digits of a small one."""
    _, _, false_alarm_rate, lapse_rate = parameters
    z = standard(parameters, position)
    rest = 1 - false_alarm_rate - lapse_rate
    return false_alarm_rate + rest * core.below(z), lapse_rate + rest * core.above(z)


def log_likelihood(different: Floats, same: Floats, hits: Floats, answers: Floats) -> Floats:
    """Of answers at the shifts that the last axis counts, from the probabilities of "different" and "same"."""
    found = xlogy(hits, np.maximum(different, TINY)) + xlogy(answers - hits, np.maximum(same, TINY))
    return np.asarray(found.sum(axis=-1), dtype=np.float64)


def slopes(parameters: Floats, position: Floats, core: Core) -> Floats:
    """dP/dparameter: `(4, …)`, at positions t; a shift of 0 has no part in a core of logarithms."""
    _, log_spread, false_alarm_rate, lapse_rate = parameters
    z = standard(parameters, position)
    finite = np.where(np.isfinite(z), z, 0.0)
    steep = (1 - false_alarm_rate - lapse_rate) * np.where(np.isfinite(z), core.density(finite), 0.0)
    return np.stack(np.broadcast_arrays(-steep / np.exp(log_spread), -steep * finite, core.above(z), -core.below(z)))


def curvature(parameters: Floats, position: Floats, pull: Floats, core: Core) -> Floats:
    """Σ pull d²P/dparameter², summed over the K shifts: `(B, 4, 4)`, of `(4, B)` parameters and `(B, K)` pulls."""
    _, log_spread, false_alarm_rate, lapse_rate = parameters
    z = standard(parameters[..., np.newaxis], position)
    finite = np.isfinite(z)
    z = np.where(finite, z, 0.0)
    density, bend = (pull * np.where(finite, of(z), 0.0) for of in (core.density, core.bend))
    rest, spread = 1 - false_alarm_rate - lapse_rate, np.exp(log_spread)
    found = np.zeros((len(rest), 4, 4))
    found[:, 0, 0] = rest * bend.sum(axis=1) / spread**2
    found[:, 0, 1] = found[:, 1, 0] = rest * (bend * z + density).sum(axis=1) / spread
    found[:, 1, 1] = rest * ((bend * z + density) * z).sum(axis=1)
    for rate in (2, 3):
        found[:, 0, rate] = found[:, rate, 0] = density.sum(axis=1) / spread
        found[:, 1, rate] = found[:, rate, 1] = (density * z).sum(axis=1)
    return found
