"""Perfect separation: the answers change, from mostly one to mostly the other, between two neighbouring shifts.

No curve is then likelier than a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from analysis.psychometric.cores import Floats

# Half the 95% quantile of χ² with one degree of freedom: by so much a log-likelihood may lie below the highest.
_DROP = 1.920729410347062


@dataclass(frozen=True)
class Separation:
    """Answers `hits` of `answers` at shifts ascending in pixels, whose shares are alike up to `step` and beyond it."""

    shift: Floats
    hits: Floats
    answers: Floats
    step: int

    @classmethod
    def of(cls, shift: Floats, hits: Floats, answers: Floats) -> Separation | None:
        """None where the answers are not separated."""
        share = hits / answers
        step = int(np.argmax(np.diff(share)))
        alike = np.all(share[: step + 1] == share[0]) and np.all(share[step + 1 :] == share[-1])
        return cls(shift, hits, answers, step) if alike and share[0] < 0.5 < share[-1] else None

    @property
    def between(self) -> str:
        """The two shifts, in words."""
        return f"between {self.shift[self.step]:g} and {self.shift[self.step + 1]:g} px"

    @property
    def note(self) -> str:
        """What that means for the estimates."""
        return (
            f"The answers change at a step {self.between} (perfect separation): any threshold between them and any "
            "smaller spread fit as well; show shifts in between."
        )

    @property
    def method(self) -> str:
        """How `interval` came about."""
        return f"95% likelihood interval of independent answers, perfectly separated {self.between}"

    def interval(self, level: float) -> tuple[float, float]:
        """The shifts, in pixels, between which the function can reach `level`: the likelihood falls too low beyond.

        Were the level reached below a shift, the probability there would be at least that; what this costs at one
        shift may be little, so that the interval goes on to the next.
        """
        share = self.hits / self.answers
        costs = _likely(self.hits, self.answers, share) - _likely(self.hits, self.answers, np.full_like(share, level))
        downwards = np.cumsum(costs[self.step :: -1])
        upwards = np.cumsum(costs[self.step + 1 :])
        below = self.step - _first_above(downwards)
        above = self.step + 1 + _first_above(upwards)
        return float(self.shift[below]), float(self.shift[above])


def _likely(hits: Floats, answers: Floats, share: Floats) -> Floats:
    return np.asarray(xlogy(hits, share) + xlogy(answers - hits, 1 - share), dtype=np.float64)


def _first_above(costs: Floats) -> int:
    """The first that the likelihood does not allow, or the last there is."""
    return int(np.argmax(np.append(costs[:-1] > _DROP, True)))
