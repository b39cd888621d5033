"""The outcome of a hierarchical psychometric function: four parameters an answer, and all slopes by them.

P = γ + (1 − γ − λ) F(z), z = (t − location) / spread, t the logarithm of the shift. The parameters are the location,
the logarithm of the spread, and the logits of 2γ and of 2λ, so that either rate lies between 0 and one half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.hierarchical.model import Floats, Slopes
from analysis.psychometric.cores import Core
from analysis.psychometric.likelihood import LARGEST_RATE, TINY

LOCATION, LOG_SPREAD, FALSE_ALARM, LAPSE = range(4)


def rates(logits: Floats) -> Floats:
    """False-alarm or lapse rates in (0, 0.5) of their parameters."""
    return np.asarray(LARGEST_RATE * expit(logits), dtype=np.float64)


def logits(shares: Floats) -> Floats:
    """The parameters of rates in (0, 0.5)."""
    return np.asarray(np.log(shares) - np.log(LARGEST_RATE - shares), dtype=np.float64)


@dataclass(frozen=True)
class SeenShift:
    """Answers `(N,)`, true for "different", to pairs whose shifts lie at `position` `(N,)`, −∞ for a shift of 0."""

    different: NDArray[np.bool_]
    position: Floats
    core: Core

    def log_likelihood(self, eta: Floats) -> float:
        """Of parameters `(N, 4)`."""
        return float(np.log(np.maximum(self._given(*self._shares(eta)), TINY)).sum())

    def slopes(self, eta: Floats) -> Slopes:
        """Its derivatives by the parameters."""
        different, same = self._shares(eta)
        first, second = self._first_second(eta)
        given = np.maximum(self._given(different, same), TINY)
        by_share = np.where(self.different, 1.0, -1.0) / given
        square = first[:, :, np.newaxis] * first[:, np.newaxis, :]
        curvature = square * (by_share**2)[:, np.newaxis, np.newaxis] - second * by_share[:, np.newaxis, np.newaxis]
        expected = square / np.maximum(different * same, TINY)[:, np.newaxis, np.newaxis]
        return Slopes(float(np.log(given).sum()), first * by_share[:, np.newaxis], curvature, expected)

    def curvature_slope(self, eta: Floats, weights: Floats) -> Floats:
        """By the third derivatives of the logarithm of the answer's probability."""
        first, second = self._first_second(eta)
        third = self._third(eta)
        given = np.maximum(self._given(*self._shares(eta)), TINY)
        once = np.where(self.different, 1.0, -1.0) / given
        weighted = np.einsum("njk,nk->nj", weights, first)
        squared = np.einsum("nj,nj->n", weighted, first)
        summed = np.einsum("njk,njk->n", weights, second)
        crossed = np.einsum("nj,njm->nm", weighted, second)
        cubed = 2 * (once**3 * squared)[:, np.newaxis] * first
        mixed = -((once**2)[:, np.newaxis]) * (summed[:, np.newaxis] * first + 2 * crossed)
        plain = once[:, np.newaxis] * np.einsum("njk,njkm->nm", weights, third)
        return -0.5 * np.asarray(cubed + mixed + plain, dtype=np.float64)

    def _given(self, different: Floats, same: Floats) -> Floats:
        return np.where(self.different, different, same)

    def _shares(self, eta: Floats) -> tuple[Floats, Floats]:
        """Probabilities of "different" and "same"; neither as one less the other."""
        z = (self.position - eta[:, LOCATION]) * np.exp(-eta[:, LOG_SPREAD])
        false_alarm, lapse = rates(eta[:, FALSE_ALARM]), rates(eta[:, LAPSE])
        seeing = 1 - false_alarm - lapse
        return false_alarm + seeing * self.core.below(z), lapse + seeing * self.core.above(z)

    def _place(self, eta: Floats) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats], tuple[Floats, Floats]]:
        """z, 1 / spread, the core's density and its two slopes, and F and 1 − F; no density without a shift."""
        narrow = np.exp(-eta[:, LOG_SPREAD])
        z = (self.position - eta[:, LOCATION]) * narrow
        shifted = np.isfinite(z)
        inner = np.where(shifted, z, 0.0)
        density = tuple(np.where(shifted, one, 0.0) for one in density_slopes(self.core, inner))
        return inner, narrow, (density[0], density[1], density[2]), (self.core.below(z), self.core.above(z))

    def _first_second(self, eta: Floats) -> tuple[Floats, Floats]:
        """dP and d²P: `(N, 4)` and `(N, 4, 4)`."""
        z, narrow, (f, f1, _), (below, above) = self._place(eta)
        g, h = rate_slopes(eta[:, FALSE_ALARM]), rate_slopes(eta[:, LAPSE])
        seeing = 1 - g[0] - h[0]
        core_first, core_second = np.stack([-narrow * f, -z * f], axis=-1), _core_second(z, narrow, f, f1)
        first = np.stack([seeing * core_first[:, 0], seeing * core_first[:, 1], g[1] * above, -h[1] * below], axis=-1)
        second = np.zeros((len(z), 4, 4))
        second[:, :2, :2] = seeing[:, np.newaxis, np.newaxis] * core_second
        for rate, slopes in ((FALSE_ALARM, g), (LAPSE, h)):
            second[:, rate, :2] = second[:, :2, rate] = -slopes[1][:, np.newaxis] * core_first
        second[:, FALSE_ALARM, FALSE_ALARM] = g[2] * above
        second[:, LAPSE, LAPSE] = -h[2] * below
        return first, second

    def _third(self, eta: Floats) -> Floats:
        """d³P: `(N, 4, 4, 4)`."""
        z, narrow, (f, f1, f2), (below, above) = self._place(eta)
        g, h = rate_slopes(eta[:, FALSE_ALARM]), rate_slopes(eta[:, LAPSE])
        seeing = 1 - g[0] - h[0]
        core_first, core_second = np.stack([-narrow * f, -z * f], axis=-1), _core_second(z, narrow, f, f1)
        third = np.zeros((len(z), 4, 4, 4))
        third[:, :2, :2, :2] = seeing[:, np.newaxis, np.newaxis, np.newaxis] * _core_third(z, narrow, f, f1, f2)
        for rate, slopes, level in ((FALSE_ALARM, g, above), (LAPSE, h, -below)):
            once = -slopes[1][:, np.newaxis, np.newaxis] * core_second
            twice = -slopes[2][:, np.newaxis] * core_first
            third[:, rate, :2, :2] = third[:, :2, rate, :2] = third[:, :2, :2, rate] = once
            third[:, rate, rate, :2] = third[:, rate, :2, rate] = third[:, :2, rate, rate] = twice
            third[:, rate, rate, rate] = slopes[3] * level
        return third


def density_slopes(core: Core, z: Floats) -> tuple[Floats, Floats, Floats]:
    """F′, F″ and F‴ of the core's distribution function at `z`."""
    density = core.density(z)
    if core.name in ("log-normal", "normal"):
        return density, -z * density, (z**2 - 1) * density
    if core.name == "weibull":
        hazard = math.log(2) * np.exp(np.minimum(z, 700.0))
        # Where the density is 0 in every digit its slopes are, too.
        hazard = np.where(density > 0, hazard, 0.0)
        return density, (1 - hazard) * density, (1 - 3 * hazard + hazard**2) * density
    return density, (core.above(z) - core.below(z)) * density, (1 - 6 * density) * density


def rate_slopes(logit: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """A rate, and its first three derivatives by its parameter."""
    rate = rates(logit)
    first = rate * expit(-logit)
    return rate, first, first * (1 - 4 * rate), first * (1 - 12 * rate + 24 * rate**2)


def _core_second(z: Floats, narrow: Floats, f: Floats, f1: Floats) -> Floats:
    """`(N, 2, 2)`, of F by location and logarithm of the spread."""
    both = narrow * (f + z * f1)
    return _filled(2, [narrow**2 * f1, both, z * f + z**2 * f1])


def _core_third(z: Floats, narrow: Floats, f: Floats, f1: Floats, f2: Floats) -> Floats:
    """`(N, 2, 2, 2)`."""
    return _filled(
        3,
        [
            -(narrow**3) * f2,
            -(narrow**2) * (2 * f1 + z * f2),
            -narrow * (f + 3 * z * f1 + z**2 * f2),
            -z * f - 3 * z**2 * f1 - z**3 * f2,
        ],
    )


def _filled(order: int, by_count: list[Floats]) -> Floats:
    """A symmetric array of 2 × … × 2: each place holds what belongs to how often it names the spread."""
    places = np.indices((2,) * order).sum(axis=0)
    return np.stack(by_count, axis=-1)[..., places]
