"""The outcome of logistic regression: one parameter an answer, its log odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.hierarchical.model import Floats


@dataclass(frozen=True)
class LogOdds:
    """Answers `(N,)`, of which each is true with the log odds that its parameter says."""

    answers: NDArray[np.bool_]

    def log_likelihood(self, eta: Floats) -> Floats:
        """Of log odds `(…, N, 1)`."""
        odds = np.where(self.answers, eta[..., 0], -eta[..., 0])
        return -np.logaddexp(0.0, -odds)

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Answer less probability."""
        return self.log_likelihood(eta), np.asarray(self.answers[:, np.newaxis] - expit(eta), dtype=np.float64)

    def information(self, eta: Floats) -> Floats:
        """Variance of the answer, which is what is observed, too."""
        return np.asarray(expit(eta) * expit(-eta), dtype=np.float64)[..., np.newaxis]

    def information_slope(self, eta: Floats, weights: Floats) -> Floats:
        """Half of the weight × the third derivative of log(1 + e^η)."""
        share, other = expit(eta), expit(-eta)
        return np.asarray(0.5 * weights[:, 0, :] * share * other * (other - share), dtype=np.float64)
