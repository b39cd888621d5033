"""The smallest difference between two metrics that studies of a design find, from studies in which there are some."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from analysis.planning.simulated_study import Floats
from analysis.results import Estimate

_POWER = 0.8
_RESAMPLES = 400


def smallest_difference(
    differences: Floats, found: NDArray[np.bool_], generator: np.random.Generator, method: str
) -> Estimate:
    """Where four studies out of five find it, between the differences that were simulated.

    Args:
        differences: `(S, R)`, in S studies, of a metric from R others, from one that is as good to the worst.
        found: `(S, R)`, whether the study says so.

    Returns: with the interval that so many studies leave it; none where even the largest is found too seldom.
    """
    value = _crossing(differences, found)
    if value is None:
        largest = float(np.nanmean(differences[:, -1]))
        return Estimate(None, None, None, f"even a difference of {largest:.2g} is found by fewer than four out of five")
    resampled = []
    for _ in range(_RESAMPLES):
        drawn = generator.integers(0, len(found), len(found))
        crossing = _crossing(differences[drawn], found[drawn])
        resampled.append(np.inf if crossing is None else crossing)
    low, high = np.quantile(resampled, (0.025, 0.975), method="nearest")
    how = f"80% power, two-sided 5%; {method}"
    if not np.isfinite(high):
        return Estimate(value, None, None, how)
    return Estimate(value, min(float(low), value), max(float(high), value), how)


def _crossing(differences: Floats, found: NDArray[np.bool_]) -> float | None:
    size = np.nanmean(differences, axis=0)
    half = 0.5 / len(found)
    power = ndtri(np.clip(found.mean(axis=0), half, 1 - half))
    above = np.flatnonzero(power >= ndtri(_POWER))
    if not len(above):
        return None
    at = int(above[0])
    if at == 0:
        return float(size[0])
    # Power as a normal distribution of the difference, straight between two of those that were simulated.
    share = (ndtri(_POWER) - power[at - 1]) / (power[at] - power[at - 1])
    return float(size[at - 1] + share * (size[at] - size[at - 1]))
