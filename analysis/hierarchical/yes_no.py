"""The outcome of logistic regression: one parameter an answer, its log odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.hierarchical.model import Floats, Slopes


@dataclass(frozen=True)
class LogOdds:
    """Answers `(N,)`, of which each is true with the log odds that its parameter says."""

    answers: NDArray[np.bool_]

    def log_likelihood(self, eta: Floats) -> float:
        """Of log odds `(N, 1)`."""
        odds = np.where(self.answers, eta[:, 0], -eta[:, 0])
        return -float(np.logaddexp(0.0, -odds).sum())

    def slopes(self, eta: Floats) -> Slopes:
        """Its derivatives; what is observed is what is expected."""
        share = expit(eta[:, 0])
        curvature = (share * expit(-eta[:, 0]))[:, np.newaxis, np.newaxis]
        return Slopes(self.log_likelihood(eta), (self.answers - share)[:, np.newaxis], curvature, curvature)

    def curvature_slope(self, eta: Floats, weights: Floats) -> Floats:
        """Half of the weight × the third derivative of log(1 + e^η)."""
        share, other = expit(eta), expit(-eta)
        return np.asarray(0.5 * weights[:, 0, :] * share * other * (other - share), dtype=np.float64)
