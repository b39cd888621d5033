"""Intervals of scores for studies with other photographs and other participants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from analysis.agreement.precision_recall import Floats
from analysis.results import Estimate

# Fewer photographs say more about themselves than about photographs.
FEWEST_PHOTOGRAPHS = 10
# If more draws than this have no value, the others say nothing of those.
_MOST_UNDEFINED = 0.01
_Z = float(ndtri(0.975))
# Draws that differ by less differ by the rounding of single precision.
_ROUNDING = 1e-6
# Numbers that are drawn at once.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class PhotographDraws:
    """Bootstrap draws of photographs, each with all its pairs and answers; the same for all scores of a study.

    `counts`: `(n_photographs, replicates)`, how often each photograph is drawn. `participants`: whether the variance
    between participants is added to what the draws show.
    """

    counts: NDArray[np.float32]
    participants: bool

    @classmethod
    def of(
        cls, n_photographs: int, replicates: int, generator: np.random.Generator, *, participants: bool
    ) -> PhotographDraws:
        """As many photographs as there are, drawn with replacement, `replicates` times."""
        counts = np.empty((n_photographs, replicates), dtype=np.float32)
        portion = max(1, _AT_ONCE // n_photographs)
        for start in range(0, replicates, portion):
            number = min(portion, replicates - start)
            drawn = generator.integers(0, n_photographs, (number, n_photographs), dtype=np.int32)
            # Counted in one go, with a place of its own for each photograph of each draw.
            places = drawn + n_photographs * np.arange(number)[:, np.newaxis]
            counted = np.bincount(places.ravel(), minlength=number * n_photographs).reshape(number, n_photographs)
            counts[:, start : start + number] = counted.T
        return cls(counts, participants)

    @property
    def n_photographs(self) -> int:
        """Number of photographs."""
        return len(self.counts)

    @property
    def enough(self) -> bool:
        """Whether there are photographs enough for an interval."""
        return self.n_photographs >= FEWEST_PHOTOGRAPHS

    def method(self, draws: int | None = None, *, participants: bool = True) -> str:
        """How an interval from these draws, or so many of them, comes about, in words."""
        if not self.enough:
            return (
                f"no interval: {self.n_photographs} photographs are fewer than the {FEWEST_PHOTOGRAPHS} that one needs"
            )
        people = "variance between participants added"
        if not (self.participants and participants):
            people = "without the variance between participants" + (
                "" if self.participants else ", who are not known for every answer"
            )
        count = draws or self.counts.shape[1]
        return f"95% bootstrap interval over {self.n_photographs:,} photographs, {count:,} draws; {people}"

    def spread(self, drawn: Floats, participant_variance: float | None = 0.0) -> Spread | None:
        """How a score scatters, from its values in the draws, `(B,)`; None where they do not tell, or are all the same.

        The draws are moved so that their mean is the score itself, for the area under an envelope is biased in them,
        and stretched to the variance that participants add (Owen 2007 has why photographs and participants add up) and
        by Student's factor for few photographs. `participant_variance` None: it is not added, even where it could be.
        """
        if not self.enough or _untold(drawn):
            return None
        finite = drawn[np.isfinite(drawn)]
        variance = float(np.var(finite, ddof=1))
        total = (variance + (participant_variance or 0.0)) * self.n_photographs / (self.n_photographs - 1)
        student = float(stdtrit(self.n_photographs - 1, 0.975)) / _Z
        return Spread((finite - finite.mean()) * math.sqrt(total / variance) * student, math.sqrt(total))

    def estimate(
        self,
        value: float,
        drawn: Floats,
        participant_variance: float | None = 0.0,
        *,
        how: str = "",
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> Estimate:
        """A score with its interval, cut off at `limits`; `how` says how the score itself was computed."""
        spread = self.spread(drawn, participant_variance)
        method = self.method(len(drawn), participants=participant_variance is not None)
        if spread is None and self.enough:
            method = f"no interval: {_untold(drawn)}"
        method = f"{how}; {method}" if how else method
        if spread is None:
            return Estimate(value, None, None, method)
        low, high = spread.interval(value)
        return Estimate(value, max(low, limits[0]), min(high, limits[1]), method)


def _untold(drawn: Floats) -> str:
    """Why draws do not tell how a score scatters; empty where they do."""
    finite = drawn[np.isfinite(drawn)]
    if len(finite) < max(2, (1 - _MOST_UNDEFINED) * len(drawn)):
        return "too many draws of the photographs leave it undetermined"
    if float(np.std(finite)) <= _ROUNDING:
        return "all draws of the photographs give the same, so that they do not tell how it varies"
    return ""


@dataclass(frozen=True)
class Spread:
    """How a score scatters: deviations of its draws around 0, `(B,)`, and its standard error."""

    deviations: Floats
    standard_error: float

    def interval(self, value: float) -> tuple[float, float]:
        """Its 95% interval around `value`."""
        low, high = np.quantile(self.deviations, (0.025, 0.975))
        return value + min(float(low), 0.0), value + max(float(high), 0.0)

    def within(self, value: float) -> float:
        """The smallest margin around 0 within which the score is at 5%: two one-sided tests (Schuirmann 1987)."""
        low, high = np.quantile(self.deviations, (0.05, 0.95))
        return max(abs(value + min(float(low), 0.0)), abs(value + max(float(high), 0.0)))

    def equivalence_p(self, value: float, margin: float) -> float:
        """p-value for the score being as far from 0 as `margin` or farther in truth: the larger of two one-sided."""
        draws = value + self.deviations
        beyond = max(np.count_nonzero(draws <= -margin), np.count_nonzero(draws >= margin))
        return (float(beyond) + 1) / (len(draws) + 1)

    def p_value(self, value: float) -> float:
        """Two-sided, for the score being 0 in truth; 2 / (draws + 1) at the least.

        With thousands of draws it is below 0.05 where the interval leaves out 0; with few it may be a little above.
        """
        beyond = min(np.count_nonzero(value + self.deviations <= 0), np.count_nonzero(value + self.deviations >= 0))
        return min(1.0, 2 * (float(beyond) + 1) / (len(self.deviations) + 1))
