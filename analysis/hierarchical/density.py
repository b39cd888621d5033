"""What draws say of a standard deviation: how likely it is 0, and the shortest interval that holds 95% of them."""

from __future__ import annotations

import math

import numpy as np

from analysis.psychometric.cores import Floats

# An interval from 0 that is longer than the shortest by less is told from it by so many draws only.
_HARDLY_LONGER = 1.02


def odds_of_none(draws: Floats, scale: float) -> float:
    """How many times likelier the answers are with a standard deviation of 0 than with those of the prior.

    The density of draws ≥ 0 at 0, over that of the half-normal prior of this `scale`; with a normal kernel as wide as
    Silverman 1986, Eq. 3.31, says.

    Source: Dickey 1971 (the ratio is the Bayes factor).
    """
    spread = math.sqrt(float((draws**2).mean()))
    quartile = float(np.quantile(draws, 0.5)) / 0.674
    width = 0.9 * min(spread, quartile) * (2 * len(draws)) ** -0.2
    at_none = 2 * float(np.exp(-0.5 * (draws / width) ** 2).mean()) / (width * math.sqrt(2 * math.pi))
    return float(at_none * scale / math.sqrt(2 / math.pi))


def shortest(draws: Floats, share: float = 0.95) -> tuple[float, float]:
    """The shortest interval with this share of draws ≥ 0; from 0 where no other is shorter than from there."""
    ordered = np.sort(draws)
    count = math.ceil(share * len(ordered))
    widths = ordered[count - 1 :] - ordered[: len(ordered) - count + 1]
    first = int(widths.argmin())
    if ordered[count - 1] <= widths[first] * _HARDLY_LONGER:
        return 0.0, float(ordered[count - 1])
    return float(ordered[first]), float(ordered[first + count - 1])
