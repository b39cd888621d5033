"""The interval of a share of independent answers."""

from __future__ import annotations

from analysis.results import Estimate


def wilson_percent(count: int, total: int) -> Estimate:
    """`count` of `total` in percent, with the Wilson 95% interval; undetermined where `total` is 0.

    >>> wilson_percent(5, 10).estimate
    50.0
    """
    from scipy.stats import binomtest

    if total == 0:
        return Estimate(None, None, None, "no answers")
    interval = binomtest(count, total).proportion_ci(confidence_level=0.95, method="wilson")
    return Estimate(100 * count / total, 100 * float(interval.low), 100 * float(interval.high), "Wilson 95% interval")
