"""What a simulated study would conclude of made-up metrics, by the tests that `compare` makes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analysis.agreement.concordance import Concordance
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap
from analysis.agreement.participant_variance import participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import interpolated_area
from analysis.planning.simulated_study import Floats, Integers, SimulatedStudy


@dataclass(frozen=True)
class Scored:
    """A metric's γ within shifts, and its JND mAP as it is and in the draws; ties share their positives evenly."""

    concordance: Concordance
    area: float
    drawn: DrawnMap


@dataclass(frozen=True)
class Found:
    """By how much one metric agrees better than another, and whether a two-sided test at 5% says so.

    `concordance`, `jnd_map`: the differences; NaN where there is none. `by_concordance`, `by_map`: 1 where the first is
    found better, −1 where it is found worse, 0 where nothing is found.
    """

    concordance: float
    jnd_map: float
    by_concordance: int
    by_map: int


@dataclass(frozen=True)
class Jury:
    """A simulated study as metrics are compared in it. `number`: `(N,)`, numbers of its pairs in the study."""

    pairs: JudgedPairs
    number: Integers
    draws: PhotographDraws

    @classmethod
    def of(
        cls, study: SimulatedStudy, min_responses: int, replicates: int, generator: np.random.Generator
    ) -> Jury | None:
        """The pairs with so many answers, and draws of photographs; None where nobody calls any of them the same."""
        enough = np.flatnonzero(np.bincount(study.pair) >= min_responses)
        pairs = judged_pairs(study, enough)
        if not pairs.same.any():
            return None
        draws = PhotographDraws.of(pairs.n_photographs, replicates, generator, participants=True)
        return cls(pairs, enough, draws)

    def scored(self, distances: Floats) -> Scored:
        """A metric with distances of all pairs of the study, in their order."""
        here = distances[self.number]
        return self._scored(here, Concordance.of(self.pairs, here, self.draws))

    def shift(self) -> Scored:
        """The shift itself, taken as a distance."""
        return self._scored(self.pairs.shift_px, Concordance.of_the_shift(self.pairs, self.draws))

    def _scored(self, distances: Floats, concordance: Concordance) -> Scored:
        drawn = DrawnMap.of(self.pairs, distances, self.draws)
        area = float(interpolated_area(drawn.ranking.spread(self.pairs.same_share)))
        return Scored(concordance, area, drawn)

    def found(self, first: Scored, second: Scored) -> Found:
        """How the comparison of two metrics ends."""
        concordance = first.concordance.less(second.concordance)
        drawn, influences = first.drawn.less(second.drawn)
        area = first.area - second.area
        return Found(
            concordance.gamma,
            area,
            self._decided(concordance.gamma, concordance.drawn, concordance.influences),
            self._decided(area, drawn, influences),
        )

    def _decided(self, value: float, drawn: Floats, influences: Floats) -> int:
        if not math.isfinite(value) or not len(drawn):
            return 0
        spread = self.draws.spread(drawn, float(participant_variance(self.pairs, influences)))
        if spread is None:
            return 0
        # As `compare`, but by the standard error: few draws tell it, and not the ends of an interval.
        beyond = abs(value) > float(stdtrit(self.draws.n_photographs - 1, 0.975)) * spread.standard_error
        return int(math.copysign(1, value)) if beyond else 0


def judged_pairs(study: SimulatedStudy, numbers: Integers) -> JudgedPairs:
    """These pairs of a simulated study with their answers."""
    place = np.full(len(study.probability), -1)
    place[numbers] = np.arange(len(numbers))
    answer_pair = place[study.pair]
    kept = answer_pair >= 0
    answer_pair, same = answer_pair[kept], ~study.different[kept]
    shifts = study.design.shifts
    image = numbers // len(shifts)
    return JudgedPairs(
        names=tuple(map(str, numbers)),
        photograph=np.unique(study.design.photograph[image], return_inverse=True)[1],
        shift_px=np.array(shifts, dtype=np.float64)[numbers % len(shifts)],
        same=np.bincount(answer_pair, weights=same, minlength=len(numbers)).astype(np.int64),
        responses=np.bincount(answer_pair, minlength=len(numbers)),
        answer_pair=answer_pair,
        answer_same=same,
        answer_participant=study.participant[kept],
        n_images=len(np.unique(image)),
    )
