"""What a metric that knew how likely each pair is called different would score against so many answers of people."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap
from analysis.agreement.pair_effects import PairEffects
from analysis.agreement.participant_variance import participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import Floats, interpolated_area
from analysis.agreement.tie_rules import Score
from analysis.results import Estimate, Result

# Draws of photographs in which the model is fitted anew.
_DRAWS = 400
# Answers that are simulated for the ceiling itself, and for that of each draw.
_SIMULATED = 1_500_000
_SIMULATED_A_DRAW = 15_000
_AT_ONCE = 1_000_000

_POSITIVE = (0.0, np.inf)

_HOW = (
    "mean of {count:,} simulated sets of answers, with normal effects of pairs on the log odds whose standard "
    "deviation is fitted"
)


@dataclass(frozen=True)
class NoiseCeiling(Result):
    """What the true probabilities would score, in expectation, against labels with the noise of these answers.

    `jnd_map`: of these pairs; `headroom`: by how much that is more than the shift alone has; `concordance`: γ within
    shifts. `pair_sd`: standard deviation, in log odds, of how pairs of the same shift differ where half of the answers
    are "different", 0 where they do not.
    """

    jnd_map: Estimate
    headroom: Estimate
    concordance: Estimate
    pair_sd: Estimate


def noise_ceiling(
    pairs: JudgedPairs, draws: PhotographDraws, shift: Score, drawn_shift: DrawnMap, generator: np.random.Generator
) -> NoiseCeiling:
    """The ceiling; `shift` is the JND mAP of the shift itself, `drawn_shift` the same in the draws.

    The probabilities are those of a logistic model with a normal effect of each shifted pair, see `PairEffects`.
    It is simulated what they score against as many answers as each pair has, and what the shift alone does; the
    difference is added to what the shift alone scores against the answers that there are.
    """
    as_they_are = np.ones((pairs.n_photographs, 1), dtype=np.float32)
    fitted = PairEffects.fit(pairs, as_they_are)
    answers = len(pairs.answer_pair)
    count = max(10, _SIMULATED // answers)
    state = generator.integers(0, 2**32)
    headroom, concordance = _simulated(pairs, fitted, 0, count, np.random.default_rng(state))
    deviation = float(fitted.deviation[0])
    drawn = np.zeros((2, 0))
    drawn_sd, drawn_maps = np.empty(0), np.empty(0)
    if draws.enough:
        counts: NDArray[np.float32] = draws.counts[:, :_DRAWS]
        fits = PairEffects.fit(pairs, counts)
        few = max(2, _SIMULATED_A_DRAW // answers)
        # The same random numbers in all draws, so that they differ by nothing but what was fitted.
        drawn = np.array(
            [_simulated(pairs, fits, b, few, np.random.default_rng(state)) for b in range(counts.shape[1])]
        ).T
        drawn_sd, drawn_maps = fits.deviation, drawn_shift.drawn[: counts.shape[1]]
        roughly = _simulated(pairs, fitted, 0, few, np.random.default_rng(state))
        headroom = _corrected(headroom, roughly[0], drawn[0])
        concordance = _corrected(concordance, roughly[1], drawn[1])
        deviation = _corrected(deviation, deviation, drawn_sd)
    # Where the fitted deviation is near 0, so are most of the draws', and their interval is too narrow.
    ends = [
        _simulated(pairs, fitted.at(0, end), 0, max(2, count // 4), np.random.default_rng(state))
        for end in fitted.deviation_interval(0)
    ]
    people = float(participant_variance(pairs, drawn_shift.influences))
    how = _HOW.format(count=count) + ("; corrected by the draws' bias" if draws.enough else "")
    ceiling = draws.estimate(
        shift.value + headroom, drawn_maps + drawn[0], people, how=f"the shift's own and the headroom, {how}"
    )
    sd = draws.estimate(
        deviation, drawn_sd, None, how=how.replace(_HOW.format(count=count), "maximum likelihood"), limits=_POSITIVE
    )
    return NoiseCeiling(
        jnd_map=_no_narrower(ceiling, *(shift.value + end[0] for end in ends)),
        headroom=_no_narrower(_by_roots(headroom, drawn[0], draws, how), *(end[0] for end in ends)),
        concordance=_no_narrower(draws.estimate(concordance, drawn[1], None, how=how), *(end[1] for end in ends)),
        pair_sd=_no_narrower(sd, *fitted.deviation_interval(0)),
    )


def _no_narrower(found: Estimate, low: float, high: float) -> Estimate:
    """The estimate, its interval no narrower than what the profile likelihood of the effects' deviation leaves open."""
    if found.low is None or found.high is None:
        return found
    method = f"{found.method}, and no narrower than by the profile likelihood"
    return replace(found, low=min(found.low, low), high=max(found.high, high), method=method)


def _by_roots(value: float, drawn: Floats, draws: PhotographDraws, how: str) -> Estimate:
    """The headroom with the interval of its square root, which scatters alike whatever it is, as the effects do."""
    root = draws.estimate(math.sqrt(value), np.sqrt(np.maximum(drawn, 0.0)), None, how=how)
    low, high = (None if end is None else end**2 for end in (root.low, root.high))
    return Estimate(value, low, high, root.method)


def _corrected(value: float, without_draw: float, drawn: Floats) -> float:
    """A figure less its bias in the draws, for maximum likelihood finds too little of few photographs.

    `without_draw`: the same in the pairs as they are, with the random numbers of the draws.
    """
    return max(0.0, value + without_draw - float(drawn.mean()))


def _simulated(
    pairs: JudgedPairs, fits: PairEffects, draw: int, count: int, generator: np.random.Generator
) -> tuple[float, float]:
    """Mean, over simulated sets of answers, of the JND mAP of the true probabilities less the shift's; and their γ."""
    number = len(pairs.names)
    by_shift = np.argsort(pairs.shift_px, kind="stable")
    stratum, responses = pairs.stratum[by_shift], pairs.responses[by_shift]
    starts = np.concatenate([[0], np.cumsum(responses)[:-1]])
    weight, other = _others(stratum)
    headroom, net, ordered = 0.0, 0.0, 0.0
    portion = max(1, _AT_ONCE // len(pairs.answer_pair))
    for start in range(0, count, portion):
        sets = min(portion, count - start)
        different = fits.probabilities(draw, generator.standard_normal((sets, number)), stratum)
        said = generator.random((sets, int(responses.sum()))) >= np.repeat(different, responses, axis=1)
        share = np.add.reduceat(said, starts, axis=1, dtype=np.float64) / responses
        best = np.take_along_axis(share, np.argsort(different, axis=1), axis=1)
        headroom += float(np.sum(interpolated_area(best) - interpolated_area(share)))
        # Two pairs of the same shift at a time; effects are drawn anew in each set, so that it matters not which.
        signs = np.sign(different - different[:, other]) * np.sign(share[:, other] - share)
        net += float(np.sum(signs * weight))
        ordered += float(np.sum(np.abs(signs) * weight))
    # Where nothing distinguishes the pairs of a shift, nothing is gained, whatever the luck of the draw.
    if fits.deviation[draw] == 0:
        return 0.0, 0.0
    return headroom / count, net / ordered if ordered else 0.0


def _others(stratum: Integers) -> tuple[Floats, Integers]:
    """Of each pair, how many others of its shift it stands for, and the number of one of them: the next, in a ring.

    `stratum` is ascending.
    """
    starts = np.flatnonzero(np.concatenate([[True], stratum[1:] != stratum[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(stratum)]]))
    following = np.arange(len(stratum)) + 1
    following[starts + sizes - 1] = starts
    return np.repeat(sizes - 1.0, sizes), following
