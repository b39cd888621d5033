"""How well one metric agrees with people: its JND mAP and what else can be said of its distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.agreement.answer_auroc import auroc_gradient, drawn_auroc
from analysis.agreement.concordance import MOST_PHOTOGRAPHS, Concordance, exchanged_p_value
from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.participant_variance import answer_influences, area_gradient, participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import Floats
from analysis.agreement.rank_correlation import Correlations, correlations, without_an_answer
from analysis.agreement.shift_lift import shift_lift
from analysis.agreement.tie_rules import Score, jnd_map
from analysis.results import Estimate, Result

# Draws of which rank correlations are taken: each takes long, and nothing is compared by them.
_CORRELATED = 2_000


@dataclass(frozen=True)
class MetricAgreement(Result):
    """How well the distances of the metric `name` agree with people; `tied_pairs` share theirs with another pair.

    `concordance`: γ of distance and share of "different" among pairs of the same shift; `concordance_p`: one-sided,
    from exchanging distances among these; None where none are ordered by both.
    `jnd_map`: the mean over all orders of tied pairs; `jnd_map_block`, `jnd_map_paper`: by the other rules for ties.
    `shift_lift`: JND mAP less what it is on average, `permuted_jnd_map`, when distances are exchanged among pairs
    of the same shift; `shift_lift_p`: one-sided p-value of that.
    `auroc`: probability that the pair of a "different" answer has a larger distance than that of a "same" answer.
    `spearman`, `kendall`: correlations of distance with the share of "different" answers, which most of all
    say how far the shift takes either.
    """

    name: str
    concordance: Estimate
    concordance_p: float | None
    jnd_map: Estimate
    jnd_map_block: float
    jnd_map_paper: float
    tied_pairs: int
    shift_lift: Estimate
    shift_lift_p: float
    permuted_jnd_map: float
    auroc: Estimate
    spearman: Estimate
    kendall: Estimate


@dataclass(frozen=True)
class DrawnMap:
    """JND mAP of one ranking in the draws, `(B,)`, and the influence of each answer on it, `(T,)`."""

    ranking: Ranking
    drawn: Floats
    influences: Floats

    @classmethod
    def of(cls, pairs: JudgedPairs, distances: Floats, draws: PhotographDraws) -> DrawnMap:
        """Of distances, `(N,)`, finite."""
        share = pairs.same_share
        ranking = Ranking.of(distances)
        # Too few photographs give no interval, so nothing is drawn for one.
        drawn = drawn_areas(ranking, share, pairs.photograph, draws.counts) if draws.enough else np.empty(0)
        influences = answer_influences(pairs, area_gradient(ranking, share))
        return cls(ranking, drawn, influences)

    def less(self, other: DrawnMap) -> tuple[Floats, Floats]:
        """`drawn` and `influences` of the difference of two JND mAPs on the same pairs and draws."""
        return self.drawn - other.drawn, self.influences - other.influences

    def estimate(self, score: Score, pairs: JudgedPairs, draws: PhotographDraws) -> Estimate:
        """The JND mAP `score` with its interval."""
        people = float(participant_variance(pairs, self.influences))
        return draws.estimate(score.value, self.drawn, people, how=score.method)


def metric_agreement(
    name: str,
    distances: Floats,
    pairs: JudgedPairs,
    draws: PhotographDraws,
    score: Score,
    found: DrawnMap,
    concordance: Concordance,
    generator: np.random.Generator,
    permutations: int,
) -> MetricAgreement:
    """All figures of one metric; `score` is its JND mAP, `found` the same in the draws."""
    lift = shift_lift(found.ranking, score.value, pairs, draws, found.drawn, generator, permutations)
    share = pairs.same_share
    _, repeats = np.unique(distances, return_counts=True)
    return MetricAgreement(
        name=name,
        concordance=concordance_estimate(concordance, pairs, draws),
        concordance_p=exchanged_p_value(distances, pairs, permutations, generator),
        jnd_map=found.estimate(score, pairs, draws),
        jnd_map_block=jnd_map(share, distances, "block").value,
        jnd_map_paper=jnd_map(share, distances, "paper").value,
        tied_pairs=int(repeats[repeats > 1].sum()),
        shift_lift=lift.lift,
        shift_lift_p=lift.p_value,
        permuted_jnd_map=lift.permuted,
        auroc=_auroc(found.ranking, pairs, draws),
        **_correlations(distances, pairs, draws),
    )


def concordance_estimate(concordance: Concordance, pairs: JudgedPairs, draws: PhotographDraws) -> Estimate:
    """γ, or a difference of two, with its interval."""
    if not np.isfinite(concordance.gamma):
        return Estimate(None, None, None, "no two pairs of the same shift are ordered by both people and the metric")
    people = float(participant_variance(pairs, concordance.influences))
    limits = (-1.0, 1.0) if abs(concordance.gamma) <= 1 else (-2.0, 2.0)
    how = _first_order(draws)
    return draws.estimate(concordance.gamma, concordance.drawn, people, how=how, limits=limits)


def _first_order(draws: PhotographDraws) -> str:
    return "draws to first order, for so many photographs" if draws.n_photographs > MOST_PHOTOGRAPHS else ""


def _auroc(ranking: Ranking, pairs: JudgedPairs, draws: PhotographDraws) -> Estimate:
    value = float(drawn_auroc(ranking, pairs, _as_they_are(draws))[0])
    if not np.isfinite(value):
        return Estimate(None, None, None, "nobody called a pair different")
    drawn = drawn_auroc(ranking, pairs, draws.counts) if draws.enough else np.empty(0)
    people = float(participant_variance(pairs, answer_influences(pairs, auroc_gradient(ranking, pairs))))
    return draws.estimate(value, drawn, people)


def _correlations(distances: Floats, pairs: JudgedPairs, draws: PhotographDraws) -> dict[str, Estimate]:
    share = 1 - pairs.same_share
    here = correlations(distances, share, pairs.photograph, _as_they_are(draws))
    counts = draws.counts[:, :_CORRELATED]
    drawn = correlations(distances, share, pairs.photograph, counts) if draws.enough else None
    influences = _answers_left_out(distances, share, pairs, here) if draws.enough else {}
    found = {}
    for name in ("spearman", "kendall"):
        value = float(getattr(here, name)[0])
        if not np.isfinite(value):
            found[name] = Estimate(None, None, None, "distances or answers are all alike")
            continue
        people = float(participant_variance(pairs, influences[name])) if influences else 0.0
        values = np.empty(0) if drawn is None else getattr(drawn, name)
        how = _first_order(draws) if name == "kendall" else ""
        found[name] = draws.estimate(value, values, people, how=how, limits=(-1.0, 1.0))
    return found


def _answers_left_out(distances: Floats, share: Floats, pairs: JudgedPairs, here: Correlations) -> dict[str, Floats]:
    """`(T,)` for each correlation: by how much it falls when an answer is left out. Ranks have no derivatives."""
    if pairs.answer_participant is None:
        return {}
    others = np.maximum(pairs.responses - 1, 1)
    different = pairs.responses - pairs.same
    # What remains of a pair's share without one of its "same" answers, and without one of its "different" ones.
    remaining = {True: different / others, False: (different - 1) / others}
    left_out = {}
    for same, replaced in remaining.items():
        changed = np.where(pairs.responses > 1, np.clip(replaced, 0.0, 1.0), share)
        left_out[same] = without_an_answer(distances, share, changed)
    found = {}
    for name in ("spearman", "kendall"):
        by_answer = np.where(
            pairs.answer_same,
            getattr(left_out[True], name)[pairs.answer_pair],
            getattr(left_out[False], name)[pairs.answer_pair],
        )
        change = np.nan_to_num(getattr(here, name)[0] - by_answer)
        # Fewer answers change the correlation whatever they are; what counts is how a pair's answers differ.
        mean = np.bincount(pairs.answer_pair, weights=change) / pairs.responses
        found[name] = change - mean[pairs.answer_pair]
    return found


def _as_they_are(draws: PhotographDraws) -> NDArray[np.float32]:
    return np.ones((draws.n_photographs, 1), dtype=np.float32)
