"""A share of answers with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959963984540054  # 97.5 % of the standard normal distribution lie below


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share (Wilson 1927), which takes the trials as independent.

    >>> [round(x, 4) for x in wilson(140, 150)]
    [0.8816, 0.9634]
    """
    share, spread = successes / trials, _Z**2 / trials
    centre = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # Without rounding errors at the ends: none of ten is at least 0.
    low = 0.0 if successes == 0 else (centre - half) / (1 + spread)
    high = 1.0 if successes == trials else (centre + half) / (1 + spread)
    return low, high


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    number: int
    of: int

    @property
    def percent(self) -> float | None:
        """None of nothing."""
        return 100 * self.number / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's of 95 %, in percent; None of nothing."""
        if not self.of:
            return None
        low, high = wilson(self.number, self.of)
        return 100 * low, 100 * high

    def __add__(self, other: Share) -> Share:
        return Share(self.number + other.number, self.of + other.of)
