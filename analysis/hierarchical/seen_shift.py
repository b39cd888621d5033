"""What answers say of four parameters: those of a psychometric function that may differ from answer to answer.

P = γ + (1 − γ − λ) F(z), z = (t − location) / spread, t the logarithm of the shift. The parameters are the location,
the logarithm of the spread, and the logits of 2γ and of 2λ, so that either rate lies between 0 and one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.psychometric.cores import Core, Floats
from analysis.psychometric.likelihood import LARGEST_RATE, TINY

LOCATION, LOG_SPREAD, FALSE_ALARM, LAPSE = range(4)
PARAMETERS = 4
# A spread of e⁻³⁰ is a step in every digit.
_STEEPEST = 30.0


def rates(logit: Floats) -> Floats:
    """False-alarm or lapse rates in (0, 0.5) of their parameters."""
    return np.asarray(LARGEST_RATE * expit(logit), dtype=np.float64)


def logits(share: Floats | float) -> Floats:
    """The parameters of rates in (0, 0.5)."""
    return np.asarray(np.log(share) - np.log(LARGEST_RATE - share), dtype=np.float64)


@dataclass(frozen=True)
class SeenShift:
    """Answers `(N,)`, true for "different", to pairs whose shifts lie at `position` `(N,)`, −∞ for a shift of 0."""

    different: NDArray[np.bool_]
    position: Floats
    core: Core

    def share(self, eta: Floats) -> Floats:
        """Probability of "different", `(…, N)`, of parameters `(4, …, N)`."""
        return self._share_and_slopes(eta)[0]

    def log_likelihood_and_slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Of parameters `(4, …, N)`: `(…, N)`, and the slopes by each of the four."""
        share, slopes = self._share_and_slopes(eta)
        given = np.maximum(np.where(self.different, share, 1 - share), TINY)
        return np.log(given), slopes * np.where(self.different, 1 / given, -1 / given)

    def root_information(self, eta: Floats) -> Floats:
        """`(4, …, N)` r, of which r rᵀ is Fisher's expected information of an answer."""
        share, slopes = self._share_and_slopes(eta)
        return slopes / np.sqrt(np.maximum(share * (1 - share), TINY))

    def _share_and_slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """The core of a shift of 0 has no slope. The rates, being above 0, keep digits for both answers."""
        narrow = np.exp(np.minimum(-eta[LOG_SPREAD], _STEEPEST))
        z = (self.position - eta[LOCATION]) * narrow
        guess, lapse = expit(eta[FALSE_ALARM]), expit(eta[LAPSE])
        false_alarm, missed = LARGEST_RATE * guess, LARGEST_RATE * lapse
        below = self.core.below(z)
        seeing = 1 - false_alarm - missed
        shifted = np.isfinite(z)
        inner = np.where(shifted, z, 0.0)
        steep = np.where(shifted, seeing * self.core.density(inner), 0.0)
        slopes = np.stack(
            [-steep * narrow, -steep * inner, false_alarm * (1 - guess) * (1 - below), -missed * (1 - lapse) * below]
        )
        return false_alarm + seeing * below, slopes
