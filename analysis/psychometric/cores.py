"""Core functions: the shape of the psychometric function between its false-alarm rate and its lapse rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr, ndtri

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
CoreName = Literal["log-normal", "log-logistic", "weibull", "logistic", "normal"]


@dataclass(frozen=True)
class Core:
    """A distribution function F(z) of z = (t − location) / spread, with F(0) = 1/2.

    t is the natural logarithm of the shift in pixels where `logarithmic`, so that F is 0 without a shift, and the
    shift itself otherwise. `above` is 1 − F(z), with its small values exact; `density` is dF/dz, `bend` d²F/dz²;
    `quantile` is F⁻¹, −∞ at 0 and ∞ at 1.
    """

    name: CoreName
    logarithmic: bool
    below: Callable[[Floats], Floats]
    above: Callable[[Floats], Floats]
    density: Callable[[Floats], Floats]
    bend: Callable[[Floats], Floats]
    quantile: Callable[[ArrayLike], Floats]

    def position(self, shift_px: ArrayLike) -> Floats:
        """t of shifts ≥ 0 in pixels; −∞ at a shift of 0 where `logarithmic`."""
        shift = np.asarray(shift_px, dtype=np.float64)
        if not self.logarithmic:
            return shift
        logs = np.full(shift.shape, -np.inf)
        np.log(shift, out=logs, where=shift > 0)
        return logs

    def shift(self, position: ArrayLike) -> Floats:
        """The shift in pixels at positions t."""
        place = np.asarray(position, dtype=np.float64)
        # e^700 is near the largest number, and no shift.
        return np.exp(np.minimum(place, 700.0)) if self.logarithmic else place


def _normal_density(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi), dtype=np.float64)


def _logistic_density(z: Floats) -> Floats:
    return np.asarray(expit(z) * expit(-z), dtype=np.float64)


def _weibull_hazard(z: Floats) -> Floats:
    # e^700 is near the largest number; by then the distribution function is 1 in every digit.
    return np.asarray(math.log(2) * np.exp(np.minimum(z, 700.0)), dtype=np.float64)


def _weibull_density(z: Floats) -> Floats:
    hazard = _weibull_hazard(z)
    return np.asarray(hazard * np.exp(-hazard), dtype=np.float64)


def _weibull_quantile(share: ArrayLike) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(-np.log1p(-np.asarray(share, dtype=np.float64)) / math.log(2)))


def _normal_bend(z: Floats) -> Floats:
    # Beyond, where z itself may be without end, the density is 0 in every digit.
    return np.asarray(-np.clip(z, -40.0, 40.0) * _normal_density(z), dtype=np.float64)


def _logistic_bend(z: Floats) -> Floats:
    return np.asarray(_logistic_density(z) * (expit(-z) - expit(z)), dtype=np.float64)


def _weibull_bend(z: Floats) -> Floats:
    return np.asarray(_weibull_density(z) * (1 - _weibull_hazard(z)), dtype=np.float64)


def _normal_quantile(share: ArrayLike) -> Floats:
    return np.asarray(ndtri(np.asarray(share, dtype=np.float64)), dtype=np.float64)


def _logistic_quantile(share: ArrayLike) -> Floats:
    return np.asarray(logit(np.asarray(share, dtype=np.float64)), dtype=np.float64)


_NORMAL = (ndtr, lambda z: ndtr(-z), _normal_density, _normal_bend, _normal_quantile)
_LOGISTIC = (expit, lambda z: expit(-z), _logistic_density, _logistic_bend, _logistic_quantile)
_WEIBULL = (
    lambda z: -np.expm1(-_weibull_hazard(z)),
    lambda z: np.exp(-_weibull_hazard(z)),
    _weibull_density,
    _weibull_bend,
    _weibull_quantile,
)

CORES: dict[str, Core] = {
    core.name: core
    for core in (
        Core("log-normal", True, *_NORMAL),
        Core("log-logistic", True, *_LOGISTIC),
        Core("weibull", True, *_WEIBULL),
        Core("logistic", False, *_LOGISTIC),
        Core("normal", False, *_NORMAL),
    )
}


def core_named(name: str) -> Core:
    """The core of this name.

    Raises: `AnalysisError` where there is none.
    """
    if name not in CORES:
        raise AnalysisError(f"{name} is no core of a psychometric function; choose one of {', '.join(CORES)}.")
    return CORES[name]
