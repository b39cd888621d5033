"""Estimates in percent, out of drawn means."""

from __future__ import annotations

import numpy as np

from analysis.results import Estimate
from analysis.triplets.draws import ALIKE, FEWEST_CLUSTERS, DrawnMeans
from analysis.wilson import wilson_interval


def method(drawn: DrawnMeans, categories: int, references: bool) -> str:
    """How an interval of these draws came about, in words."""
    what = "references" if references else "samples"
    within = " within their categories" if categories > 1 else ""
    return f"95% bootstrap interval over {drawn.clusters:,} {what}{within}, {len(drawn.drawn):,} draws"


def percent(drawn: DrawnMeans, column: int, how: str, *, share: bool = False, scale: float = 100.0) -> Estimate:
    """The mean of a column times `scale`, with its interval between 0 and `scale`.

    Args:
        share: it is a share of samples, so that where none (or each) is counted Wilson's interval can be given.
    """
    value = float(drawn.observed[column])
    if drawn.determined[column]:
        low, high = np.clip(np.quantile(drawn.drawn[:, column], (0.025, 0.975)), 0.0, 1.0)
        return Estimate(scale * value, scale * min(float(low), value), scale * max(float(high), value), how)
    if not drawn.enough:
        return Estimate(scale * value, None, None, _too_few(drawn))
    if share:
        low, high = wilson_interval(round(value * drawn.effective), drawn.effective)
        return Estimate(scale * value, scale * low, scale * high, "Wilson 95% interval, for the draws are all alike")
    return Estimate(scale * value, None, None, "no interval: the samples are all alike")


def points(drawn: DrawnMeans, first: int, second: int, how: str, *, differing: int) -> Estimate:
    """The mean of one column less that of another, in points of percent.

    Args:
        differing: clusters on which the two columns differ; of few, no draws can say how many others would have.
    """
    difference = float(drawn.observed[first] - drawn.observed[second])
    deviations = drawn.drawn[:, first] - drawn.drawn[:, second]
    if not drawn.enough:
        return Estimate(100 * difference, None, None, _too_few(drawn))
    if 0 < differing < FEWEST_CLUSTERS:
        return Estimate(
            100 * difference, None, None, f"no interval: the two differ on {differing} of {drawn.clusters:,} only"
        )
    if np.ptp(deviations) < ALIKE:
        return Estimate(100 * difference, None, None, "no interval: the two differ as much on each sample")
    low, high = np.quantile(deviations, (0.025, 0.975))
    return Estimate(100 * difference, 100 * min(float(low), difference), 100 * max(float(high), difference), how)


def _too_few(drawn: DrawnMeans) -> str:
    return f"no interval: {drawn.clusters:,} are too few to draw from (of a category {FEWEST_CLUSTERS} or more)"
