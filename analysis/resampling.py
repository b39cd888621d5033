"""Intervals for what is sampled twice: participants and photographs, both drawn from more of their kind.

Each is drawn anew with replacement, one at a time; the variances add up, less the trials' own scatter, which is in
both, and are never less than that of as many independent answers. Drawing both at once instead would count the trials'
scatter three times (Owen 2007, Section 3). Where a person judges a photograph twice, a little too much is left of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from analysis.results import Estimate
from analysis.trial_counts import FEWEST_CLUSTERS, TrialCounts

Floats = NDArray[np.float64]

# A function of an estimate and its inverse: between its own scale and the one on which its interval is made.
Scale = tuple[Callable[[float], float], Callable[[float], float]]

REPLICATES = 2000
# If more of the replicates than this have no value, their quantiles say nothing of the rest.
_MOST_UNDEFINED = 0.01
_Z = 1.959963984540054


@dataclass(frozen=True)
class Replicates:
    """Numbers of answers drawn anew: `(B, K)` different and total, by what was drawn.

    `participants` or `photographs` is None where they are not known, or too few to draw from. Where neither is there,
    `trials`, binomial draws, are all there is; otherwise they serve to tell the trials' own scatter.
    """

    participants: tuple[Floats, Floats] | None
    photographs: tuple[Floats, Floats] | None
    trials: tuple[Floats, Floats]
    n_participants: int
    n_photographs: int

    @property
    def method(self) -> str:
        """How an interval of these came about, in words."""
        count = len(self.trials[0])
        drawn = [
            f"{number} {name}"
            for name, number, part in (
                ("participants", self.n_participants, self.participants),
                ("photographs", self.n_photographs, self.photographs),
            )
            if part is not None
        ]
        if not drawn:
            return f"95% interval of {count:,} binomial draws of the answers, taken as independent"
        return f"95% bootstrap interval over {' and '.join(drawn)}, {count:,} draws" + (
            " each, their variances added" if len(drawn) == 2 else ""
        )


def draw(
    counts: TrialCounts, replicates: int, generator: np.random.Generator, expected: Floats | None = None
) -> Replicates:
    """`replicates` draws with replacement of the participants, of the photographs, and of the answers at each shift.

    The answers are binomial draws with the probabilities `expected`, `(K,)`; the observed shares if left out. A
    probability is at least half an answer away from 0 and 1: a share of 0 does not say that it will stay 0.
    """
    half = 0.5 / (counts.total + 1)
    share = np.clip(counts.different / counts.total if expected is None else expected, half, 1 - half)
    hits = generator.binomial(counts.total.astype(np.int64), share, (replicates, len(share))).astype(np.float64)
    total = np.broadcast_to(counts.total, hits.shape)
    return Replicates(
        participants=_clusters(counts.by_participant, replicates, generator),
        photographs=_clusters(counts.by_photograph, replicates, generator),
        trials=(hits, total),
        n_participants=0 if counts.by_participant is None else len(counts.by_participant),
        n_photographs=0 if counts.by_photograph is None else len(counts.by_photograph),
    )


def _clusters(tables: Floats | None, replicates: int, generator: np.random.Generator) -> tuple[Floats, Floats] | None:
    if tables is None or len(tables) < FEWEST_CLUSTERS:
        return None
    number = len(tables)
    drawn = generator.integers(0, number, (replicates, number))
    times = np.bincount((drawn + number * np.arange(replicates)[:, np.newaxis]).ravel(), minlength=replicates * number)
    weights = times.reshape(replicates, number).astype(np.float64)
    summed = weights @ tables.reshape(number, -1)
    hits, total = np.moveaxis(summed.reshape(replicates, -1, 2), -1, 0)
    return hits, total


@dataclass(frozen=True)
class Spread:
    """How an estimate scatters: values of the bootstraps, `(B,)` each, on the scale on which variances add up."""

    participants: Floats | None
    photographs: Floats | None
    trials: Floats
    n_participants: int
    n_photographs: int

    @property
    def design_effect(self) -> float | None:
        """Variance of the estimate over that of as many independent answers; None where people are not known."""
        alone = _deviation(self.trials) ** 2
        return max(0.0, self._summed() / alone) if alone > 0 and self.participants is not None else None

    def interval(self, centre: float) -> tuple[float, float] | None:
        """A 95% interval around `centre`, on the same scale; None where too many values are undefined, or all alike."""
        found = self._deviations(centre)
        if found is None:
            return None
        deviations, stretch = found
        low, high = np.quantile(deviations, (0.025, 0.975)) * stretch
        return centre + min(float(low), 0.0), centre + max(float(high), 0.0)

    def p_value(self, centre: float) -> float | None:
        """Two-sided, that what `centre` estimates is 0: from the draws of `interval`, and None where that is."""
        found = self._deviations(centre)
        if found is None:
            return None
        deviations = found[0] * found[1]
        beyond = min(np.count_nonzero(centre + deviations <= 0), np.count_nonzero(centre + deviations >= 0))
        return min(1.0, 2 * (float(beyond) + 1) / (len(deviations) + 1))

    def _deviations(self, centre: float) -> tuple[Floats, float] | None:
        """`(B,)` and a factor: how far other studies of this kind would be from what `centre` estimates."""
        parts = [part for part in (self.participants, self.photographs) if part is not None]
        if not any(_deviation(part) for part in parts):
            # Where nobody ever errs there is nothing to draw from but chance.
            parts = [self.trials]
        if any(np.mean(~np.isfinite(part)) > _MOST_UNDEFINED for part in parts) or not _deviation(parts[0]):
            return None
        deviations = np.zeros(len(self.trials))
        for part in parts:
            away = part - centre
            deviations = deviations + np.where(np.isfinite(away), away, 0.0)
        drawn = math.sqrt(sum(_deviation(part) ** 2 for part in parts))
        stretch = math.sqrt(self._variance()) * self._student() / drawn
        return deviations, stretch

    def _variance(self) -> float:
        """Of the estimate: not less than that of either kind alone, nor of independent answers."""
        parts = [variance for _, variance in self._clusters()]
        return max(self._summed(), *parts, _deviation(self.trials) ** 2)

    def _summed(self) -> float:
        """The variances of both kinds, less that of the trials, which is in both."""
        parts = [variance for _, variance in self._clusters()]
        return sum(parts) - (len(parts) - 1) * _deviation(self.trials) ** 2

    def _student(self) -> float:
        """By how much an interval is wider because there are few clusters."""
        fewest = min((number for number, _ in self._clusters()), default=0)
        return float(stdtrit(fewest - 1, 0.975)) / _Z if fewest else 1.0

    def _clusters(self) -> list[tuple[int, float]]:
        """Number and variance of each kind that was drawn."""
        return [
            (number, _deviation(part) ** 2 * number / (number - 1))
            for number, part in ((self.n_participants, self.participants), (self.n_photographs, self.photographs))
            if part is not None
        ]


def spreads(replicates: Replicates, statistics: Callable[[Floats, Floats], Floats]) -> Iterator[Spread]:
    """Of several statistics at once: `(B, K)` different and total → `(S, B)`; one spread for each of the S."""
    found = [
        None if part is None else statistics(*part)
        for part in (replicates.participants, replicates.photographs, replicates.trials)
    ]
    participants, photographs, trials = found
    assert trials is not None
    for index in range(len(trials)):
        yield Spread(
            participants=None if participants is None else participants[index],
            photographs=None if photographs is None else photographs[index],
            trials=trials[index],
            n_participants=replicates.n_participants,
            n_photographs=replicates.n_photographs,
        )


def estimate(
    value: float | None,
    spread: Spread,
    method: str,
    *,
    scale: Scale | None = None,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """An estimate with its interval.

    `scale` is a function and its inverse: the values of `spread` are on the scale that the function leads to.
    The interval is cut off at `limits`.
    """
    if value is None:
        return Estimate(None, None, None, "not determined by these answers")
    to, back = scale or (float, float)
    found = spread.interval(to(value))
    if found is None:
        return Estimate(value, None, None, f"no interval: the draws do not determine it ({method})")
    low, high = (min(max(back(end), limits[0]), limits[1]) for end in found)
    # There and back, an end that is the estimate itself may lose a digit.
    return Estimate(value, min(low, value), max(high, value), method)


def _deviation(values: Floats) -> float:
    """Standard deviation as a normal distribution's quantiles give it: a few wild fits do not change it."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(high - low) / (2 * _Z)
