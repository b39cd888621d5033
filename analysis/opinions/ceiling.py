"""What a metric that knew everybody's opinion would reach against the mean of so few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, spearmanr

from analysis.agreement.rank_correlation import correlations
from analysis.opinions.metric_draws import Outcome
from analysis.opinions.opinion_table import Floats, Integers, Opinions
from analysis.opinions.reference_draws import FISHER, LOGARITHM, ReferenceDraws
from analysis.results import Estimate, Result

# Scores that are simulated in all, in so many sets at the least and at the most.
_SIMULATED = 200_000
_FEWEST_SETS, _MOST_SETS = 20, 100


@dataclass(frozen=True)
class OpinionCeiling(Result):
    """What the true mean opinions would reach, in expectation, against scores with errors of this size.

    `srcc`, `krcc`, `plcc`: correlations; `rmse`: in the units of the scores. `reliability`: share of the variance of
    the scores that is not error, in [0, 1].
    """

    srcc: Estimate
    krcc: Estimate
    plcc: Estimate
    rmse: Estimate
    reliability: Estimate

    def of(self, outcome: Outcome) -> Estimate:
        """That of one figure."""
        found: Estimate = getattr(self, outcome)
        return found


def opinion_ceiling(
    opinions: Opinions, cluster: Integers, draws: ReferenceDraws, generator: np.random.Generator
) -> OpinionCeiling | None:
    """The ceiling; None where the standard errors of the scores are not known.

    The variance of the scores less the mean of their squared errors is that of the true opinions, which gives the
    reliability, and its root, the ceiling of PLCC (Spearman 1904). For ranks, true opinions are taken to be
    the scores drawn together towards their mean until they have that variance; errors are added to them anew, normal
    and of each image's own size.
    """
    error = opinions.standard_error
    if error is None:
        return None
    score = opinions.score
    counts = draws.draws.counts.astype(np.float64)
    reliability = float(_reliability(score, error, cluster, np.ones((counts.shape[0], 1)))[0])
    drawn = _reliability(score, error, cluster, counts) if draws.draws.enough else np.empty(0)
    truth = score.mean() + np.sqrt(reliability) * (score - score.mean())
    sets = int(np.clip(_SIMULATED // len(score), _FEWEST_SETS, _MOST_SETS))
    how = f"mean of {sets} simulated sets of scores"
    if reliability == 0 or not np.any(error):
        # No opinion is known, or every one is.
        certain = 0.0 if reliability == 0 else 1.0
        rank = Estimate(certain, None, None, "the errors are as large as the differences, or there are none")
        srcc = krcc = rank
    else:
        seen = truth + error * generator.standard_normal((sets, len(score)))
        spearman = float(np.mean([spearmanr(truth, one).statistic for one in seen]))
        kendall = float(np.mean([kendalltau(truth, one).statistic for one in seen]))
        ones = np.ones((counts.shape[0], 1), dtype=np.float32)
        in_draws = correlations(truth, seen[0], cluster, np.concatenate([ones, draws.draws.counts], axis=1))
        srcc, krcc = (
            # The draws are of one set, whose own deviation from the mean of all is taken off on Fisher's scale.
            draws.estimate(value, np.tanh(there(one[1:]) - there(one[:1]) + there(np.array(value))), FISHER, how)
            for value, one, there in (
                (spearman, in_draws.spearman, FISHER[0]),
                (kendall, in_draws.kendall, FISHER[0]),
            )
        )
    squares = float(np.mean(error**2))
    sizes = [np.bincount(cluster, weights=weight) @ counts for weight in (error**2, np.ones_like(error))]
    root = "root of the reliability"
    return OpinionCeiling(
        srcc=srcc,
        krcc=krcc,
        plcc=draws.estimate(float(np.sqrt(reliability)), np.sqrt(drawn), FISHER, root),
        rmse=draws.estimate(float(np.sqrt(squares)), np.sqrt(sizes[0] / sizes[1]), LOGARITHM, "root mean square error"),
        reliability=draws.estimate(reliability, drawn, FISHER, "variance of the scores that is not error"),
    )


def _reliability(score: Floats, error: Floats, cluster: Integers, counts: Floats) -> Floats:
    """Share of the scores' variance that is not error, in weighted samples, `(B,)`."""
    centred = score - score.mean()
    number, total, squares, noise = (
        np.bincount(cluster, weights=weight) @ counts for weight in (np.ones_like(score), centred, centred**2, error**2)
    )
    variance = (squares - total**2 / number) / np.maximum(number - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(1 - noise / number / variance, 0.0, 1.0), dtype=np.float64)
