"""Logistic regression with errors that hold where answers of one person, and to one image, are alike."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Beyond, a probability differs from 0 or 1 by less than 1e-8 on all answers of a kind: there is no end to the climb.
_LARGEST_LOGIT = 18.0


@dataclass(frozen=True)
class LogisticFit:
    """Log odds and their standard errors where answers of a cluster are alike, `(K,)` each.

    `errors` is None where there are no clusters. `df`: degrees of freedom of the t distribution of an estimate over its
    error: the smallest number of clusters, less one.
    """

    log_odds: Floats
    errors: Floats | None
    df: int


def fit_logistic(predictors: Floats, outcome: NDArray[np.bool_], clusters: Sequence[Integers]) -> LogisticFit:
    """Logistic regression by generalised estimating equations, with independent working correlation.

    Args:
        predictors: `(N, K)`, with a column of ones.
        outcome: `(N,)`.
        clusters: none, one or two groupings of the rows, each `(N,)` whole numbers; with two, their variances are
            added and those of the rows that both have in common, which are in both, taken off. Where that leaves less
            than one of them alone, the larger is taken.

    Each variance is multiplied by n / (n − 1) of its clusters.

    Raises: `AnalysisError` where all outcomes are alike, predictors depend on each other, or separate the outcomes.

    Source: statsmodels' `GEE`; Liang & Zeger 1986; Cameron, Gelbach & Miller 2011, "Robust Inference With Multiway
        Clustering", Eq. 2.11.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    if outcome.all() or not outcome.any():
        raise AnalysisError("All answers are the same, so that nothing can explain when they differ.")
    if np.linalg.matrix_rank(predictors) < predictors.shape[1]:
        raise AnalysisError("The predictors follow from each other, so that their effects cannot be told apart.")
    answers = outcome.astype(np.float64)
    with warnings.catch_warnings():
        # Separation is judged below, by what was found.
        warnings.simplefilter("ignore")
        single = GLM(answers, predictors, family=Binomial()).fit(cov_type="cluster", cov_kwds=_cells(clusters, outcome))
        log_odds = np.asarray(single.params, dtype=np.float64)
        _check_separation(predictors, log_odds, single)
        variances = [_variances(answers, predictors, groups) for groups in clusters]
    if not variances:
        return LogisticFit(log_odds, None, 0)
    largest = np.max(variances, axis=0)
    if len(variances) == 2:
        # The difference of estimates can come out too small, even below 0.
        alone = np.diag(single.cov_params())
        largest = np.maximum(largest, variances[0] + variances[1] - alone)
    fewest = min(len(np.unique(groups)) for groups in clusters)
    return LogisticFit(log_odds, np.sqrt(largest), fewest - 1)


def _cells(clusters: Sequence[Integers], outcome: NDArray[np.bool_]) -> dict[str, Any]:
    """The clusters of rows that are together in both groupings: one person's answers to one image."""
    groups = np.arange(len(outcome))
    if len(clusters) == 2:
        _, groups = np.unique(np.stack(clusters, axis=1), axis=0, return_inverse=True)
    number = len(np.unique(groups))
    return {"groups": groups, "use_correction": False} if number > 1 else {"groups": np.arange(len(outcome))}


def _check_separation(predictors: Floats, log_odds: Floats, found: Any) -> None:
    if found.converged and np.isfinite(log_odds).all() and np.abs(predictors @ log_odds).max() < _LARGEST_LOGIT:
        return
    raise AnalysisError(
        "Some predictor tells the answers apart without an error (perfect separation), so that its odds ratio has no "
        "end; more answers are needed."
    )


def _variances(answers: Floats, predictors: Floats, groups: Integers) -> Floats:
    from statsmodels.genmod.cov_struct import Independence
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_estimating_equations import GEE

    order = np.argsort(groups, kind="stable")
    model = GEE(answers[order], predictors[order], groups[order], family=Binomial(), cov_struct=Independence())
    present = len(np.unique(groups))
    return np.asarray(np.diag(model.fit().cov_robust) * present / (present - 1), dtype=np.float64)
