"""How well one metric agrees with opinion scores, as it is and in draws of the references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.rank_correlation import correlations
from analysis.opinions.logistic import Curve, fit_curve
from analysis.opinions.opinion_table import Floats, Integers

Outcome = Literal["srcc", "krcc", "plcc", "rmse"]
OUTCOMES: tuple[Outcome, ...] = ("srcc", "krcc", "plcc", "rmse")


@dataclass(frozen=True)
class MetricDraws:
    """Figures by their names, and each in B draws, `(B,)`; NaN where it is undetermined."""

    value: dict[Outcome, float]
    drawn: dict[Outcome, Floats]
    curve: Curve

    @classmethod
    def of(
        cls, distances: Floats, score: Floats, higher_is_worse: bool, cluster: Integers, draws: PhotographDraws
    ) -> MetricDraws:
        """Of a metric's distances.

        In the draws the curve moves to first order: the scores are regressed on its tangent at the curve that all
        images give, for which one pass over the images is enough.

        Args:
            distances, score: `(N,)`, finite, neither all the same.
            higher_is_worse: whether scores grow with the difference that people see.
            cluster: `(N,)`, the reference of each image, from 0 to G − 1.
            draws: of the G references.
        """
        ones = np.ones((draws.n_photographs, 1), dtype=np.float32)
        counts = np.concatenate([ones, draws.counts], axis=1) if draws.enough else ones
        sign = 1.0 if higher_is_worse else -1.0
        ranks = correlations(distances, sign * score, cluster, counts)
        curve = fit_curve(distances, score)
        explained, error = _fit_in_draws(curve.tangent, score, cluster, counts.astype(np.float64))
        found: dict[Outcome, Floats] = {
            "srcc": ranks.spearman,
            "krcc": ranks.kendall,
            # A curve that says people see less where the metric says more is against people, however close it is.
            "plcc": explained * (curve.direction * sign or 1.0),
            "rmse": error,
        }
        value = {name: float(one[0]) for name, one in found.items()}
        # The curve itself, and not what its tangent makes of it, which differs where the search stopped early.
        close = max(0.0, float(np.corrcoef(curve.fitted, score)[0, 1])) if np.ptp(curve.fitted) > 0 else 0.0
        value["plcc"] = close * (curve.direction * sign or 1.0)
        value["rmse"] = float(np.sqrt(np.mean((curve.fitted - score) ** 2)))
        return cls(value, {name: one[1:] for name, one in found.items()}, curve)


def _fit_in_draws(tangent: Floats, score: Floats, cluster: Integers, counts: Floats) -> tuple[Floats, Floats]:
    """Correlation of fitted and true scores, and the root of the mean squared error, in weighted samples: `(B,)` each.

    The fitted scores are those of least squares on the columns of `tangent`, `(N, K)`, which span a constant.
    """
    clusters, width = len(counts), tangent.shape[1]
    centred = score - score.mean()
    products = np.zeros((clusters, width, width))
    moments = np.zeros((clusters, width))
    np.add.at(products, cluster, tangent[:, :, np.newaxis] * tangent[:, np.newaxis])
    np.add.at(moments, cluster, tangent * centred[:, np.newaxis])
    number, total, squares = (
        np.bincount(cluster, weights=weight, minlength=clusters) @ counts
        for weight in (np.ones_like(score), centred, centred**2)
    )
    left = np.einsum("gb,gij->bij", counts, products)
    right = counts.T @ moments
    # A draw without images at one end may leave a column undetermined there.
    linear = np.einsum("bij,bj->bi", np.linalg.pinv(left, rcond=1e-10, hermitian=True), right)
    unexplained = np.maximum(squares - np.einsum("bi,bi->b", linear, right), 0.0)
    whole = squares - total**2 / number
    with np.errstate(invalid="ignore", divide="ignore"):
        explained = np.sqrt(np.clip(1 - unexplained / whole, 0.0, 1.0))
    return np.where(whole > 0, explained, np.nan), np.sqrt(unexplained / number)
