"""Logistic regression with errors that hold where answers of one person, and to one image, are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_STEPS = 60
# A probability that differs from 0 or 1 by less than 1e-13 on all of some answers: there is no end to the climb.
_LARGEST_LOGIT = 30.0


@dataclass(frozen=True)
class LogisticFit:
    """Log odds and their standard errors where answers of a cluster are alike, `(K,)` each.

    `df`: degrees of freedom of the t distribution of an estimate over its error: the smallest number of clusters, less
    one.
    """

    log_odds: Floats
    errors: Floats
    df: int


def fit_logistic(predictors: Floats, outcome: NDArray[np.bool_], clusters: Sequence[Integers]) -> LogisticFit:
    """Logistic regression of highest likelihood with cluster-robust errors.

    Args:
        predictors: `(N, K)`, with a column of ones.
        outcome: `(N,)`.
        clusters: one or two groupings of the rows, each `(N,)` whole numbers from 0; with two, their variances are
            added and those of the single rows, which are in both, taken off. Where that leaves less than one of
            them alone, the larger is taken.

    Each variance is multiplied by n / (n − 1) of its clusters.

    Raises: `AnalysisError` where all outcomes are alike, predictors depend on each other, or separate the outcomes.

    Source: Liang & Zeger 1986; Cameron, Gelbach & Miller 2011, "Robust Inference With Multiway Clustering", Eq. 2.11.
    """
    log_odds, information = climb(predictors, outcome)
    scores = predictors * (outcome - expit(predictors @ log_odds))[:, np.newaxis]
    inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
    variances = [_variances(inverse, scores, groups) for groups in clusters]
    largest = np.max(variances, axis=0)
    if len(variances) == 2:
        # The difference of estimates can come out too small, even below 0.
        both = variances[0] + variances[1] - _variances(inverse, scores, np.arange(len(scores)))
        largest = np.maximum(largest, both)
    fewest = min(len(np.unique(groups)) for groups in clusters)
    return LogisticFit(log_odds, np.asarray(np.sqrt(largest), dtype=np.float64), fewest - 1)


def climb(predictors: Floats, outcome: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Log odds of highest likelihood, `(K,)`, by Newton's method, and the information there, `(K, K)`.

    Raises: `AnalysisError` where there are none.
    """
    if outcome.all() or not outcome.any():
        raise AnalysisError("All answers are the same, so that nothing can explain when they differ.")
    if np.linalg.matrix_rank(predictors) < predictors.shape[1]:
        raise AnalysisError("The predictors follow from each other, so that their effects cannot be told apart.")
    log_odds = np.zeros(predictors.shape[1])
    for _ in range(_STEPS):
        share = expit(predictors @ log_odds)
        information = (predictors * (share * (1 - share))[:, np.newaxis]).T @ predictors
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e14:
            break
        step = np.linalg.solve(information, predictors.T @ (outcome - share))
        log_odds = log_odds + step
        if np.abs(predictors @ log_odds).max() > _LARGEST_LOGIT:
            break
        if np.abs(step).max() < 1e-10:
            return log_odds, information
    raise AnalysisError(
        "Some predictor tells the answers apart without an error (perfect separation), so that its odds ratio has no "
        "end; more answers are needed."
    )


def _variances(inverse: Floats, scores: Floats, groups: Integers) -> Floats:
    number = int(groups.max()) + 1
    summed = np.stack([np.bincount(groups, score, number) for score in scores.T], axis=1)
    present = len(np.unique(groups))
    covariance = inverse @ (summed.T @ summed) @ inverse
    return np.asarray(np.diag(covariance) * present / (present - 1), dtype=np.float64)
