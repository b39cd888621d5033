"""The step size of a Hamiltonian sampler, found in its warm-up."""

from __future__ import annotations

import math

_WANTED = 0.85  # chance to go where a trajectory ends
_SHRINK, _LATE, _FORGET = 0.05, 10.0, 0.75


class StepSize:
    """Dual averaging: steps get longer where nearly all trajectories are taken, and shorter where few are.

    Source: Hoffman & Gelman 2014, "The No-U-Turn Sampler", Section 3.2.
    """

    def __init__(self, first: float) -> None:
        self._aim = math.log(10 * first)
        self._count, self._missed, self._mean = 0, 0.0, math.log(first)

    def next(self, chance: float) -> float:
        """The size to try after a trajectory that was taken with this chance."""
        self._count += 1
        share = 1 / (self._count + _LATE)
        self._missed += share * (_WANTED - chance - self._missed)
        log_size = self._aim - math.sqrt(self._count) / _SHRINK * self._missed
        forget = self._count**-_FORGET
        self._mean += forget * (log_size - self._mean)
        return math.exp(log_size)

    @property
    def settled(self) -> float:
        """The size to go on with."""
        return math.exp(self._mean)
