"""Whether distances say more of a pair than its shift does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.participant_variance import answer_influences, area_gradient, participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import Floats, interpolated_area
from analysis.results import Estimate, Result

_EXCHANGES_AT_ONCE = 500
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class ShiftLift(Result):
    """JND mAP less what is left of it when distances are exchanged among pairs of the same shift.

    `lift`: the difference; 0 for distances that depend on the shift alone. `permuted`: mean JND mAP over
    `permutations` random exchanges, with tied pairs in random order. `p_value`: share of exchanges that give as much
    or more, one-sided.
    """

    lift: Estimate
    permuted: float
    p_value: float
    permutations: int


def shift_lift(
    ranking: Ranking,
    score: float,
    pairs: JudgedPairs,
    draws: PhotographDraws,
    drawn: Floats,
    generator: np.random.Generator,
    permutations: int,
) -> ShiftLift:
    """The within-shift lift of one metric.

    Args:
        ranking: of the N pairs by its distances.
        score: its JND mAP, the mean over all orders of tied pairs.
        drawn: `(B,)`, its JND mAP in each draw of `draws`.
        permutations: number of random exchanges; at least 1.

    For the p-value and in the draws tied pairs share their positives evenly, for the mean over their orders would have
    to be found anew for each exchange.
    """
    share = pairs.same_share
    observed = float(interpolated_area(ranking.spread(share)))
    permuted, mean = _permuted(ranking, share, pairs.stratum, generator, permutations)
    # Equal areas may differ by rounding: an exchange that changes nothing counts as one that gives as much.
    as_much = np.count_nonzero(permuted >= observed - 1e-12)
    group = pairs.stratum
    lift_drawn = (
        drawn - drawn_areas(ranking, share, pairs.photograph, draws.counts, mixed=group) if draws.enough else drawn
    )
    gradient = area_gradient(ranking, share) - area_gradient(ranking, share, mixed=group)
    people = float(participant_variance(pairs, answer_influences(pairs, gradient)))
    how = f"less the mean of {permutations:,} exchanges within shifts"
    # What no exchange changes has no lift, and neither has what random orders of its ties add to their mean.
    if np.ptp(permuted) < 1e-12 and abs(observed - permuted[0]) < 1e-12:
        mean = score
    return ShiftLift(
        lift=draws.estimate(score - mean, lift_drawn, people, how=how, limits=(-1.0, 1.0)),
        permuted=mean,
        p_value=(1 + float(as_much)) / (1 + permutations),
        permutations=permutations,
    )


def _permuted(
    ranking: Ranking, share: Floats, stratum: Integers, generator: np.random.Generator, permutations: int
) -> tuple[Floats, float]:
    """Areas after exchanges, with ties spread evenly, and the mean of those with ties in random order."""
    by_shift = [np.flatnonzero(stratum == number) for number in range(int(stratum.max()) + 1)]
    tied = [(start, end) for start, end in pairwise(ranking.bounds.tolist()) if end - start > 1]
    areas, summed = [], 0.0
    portion = max(1, min(_EXCHANGES_AT_ONCE, _AT_ONCE // len(share)))
    for start in range(0, permutations, portion):
        rows = np.tile(share, (min(portion, permutations - start), 1))
        for members in by_shift:
            # To exchange the distances is to exchange the judgments.
            rows[:, members] = generator.permuted(rows[:, members], axis=1)
        areas.append(interpolated_area(ranking.spread(rows)))
        ranked = rows[:, ranking.order]
        for first, end in tied:
            ranked[:, first:end] = generator.permuted(ranked[:, first:end], axis=1)
        summed += float(interpolated_area(ranked).sum()) if tied else float(areas[-1].sum())
    return np.concatenate(areas), summed / permutations
