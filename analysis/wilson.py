"""The interval of a share of independent answers."""

from __future__ import annotations

from analysis.results import Estimate

_METHOD = "Wilson 95% interval"


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Ends of the Wilson 95% interval of the share `count` / `total`, in [0, 1]; `total` is above 0."""
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def wilson(count: int, total: int) -> Estimate:
    """`count` of `total` as a share in [0, 1], with its interval; undetermined where `total` is 0.

    >>> wilson(5, 10).estimate
    0.5
    """
    if total == 0:
        return Estimate(None, None, None, "no answers")
    return Estimate(count / total, *wilson_interval(count, total), _METHOD)


def wilson_percent(count: int, total: int) -> Estimate:
    """The same in percent."""
    if total == 0:
        return wilson(count, total)
    low, high = wilson_interval(count, total)
    return Estimate(100 * count / total, 100 * low, 100 * high, _METHOD)
