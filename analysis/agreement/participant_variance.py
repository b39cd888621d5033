"""How much of a score's variance is due to which participants took part, beyond the scatter of their trials."""

from __future__ import annotations

import numpy as np

from analysis.agreement.drawn_areas import Ranking
from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.precision_recall import Floats


def area_gradient(ranking: Ranking, positive: Floats, mixed: Integers | None = None) -> Floats:
    """By how much the area changes with how much of each pair is positive: `(N,)`, its derivatives.

    With p the precision at the ranks, e its envelope, which at rank r is the precision of rank k(r) ≥ r, s the
    positives and S their sum, the area is Σ s e / S, and its derivative by the positive of rank i is
    (e_i − area + Σ s_r / k(r) over all r with i ≤ k(r)) / S.

    Args: as of `drawn_areas`, where positives are spread in the same way.
    """
    if mixed is not None:
        positive = _mean_of_group(positive, mixed)
    ranked = ranking.spread(positive)
    number = len(ranked)
    precision = np.cumsum(ranked) / np.arange(1, number + 1)
    highest = np.empty(number, dtype=np.int64)
    best = number - 1
    for rank in range(number - 1, -1, -1):
        if precision[rank] > precision[best]:
            best = rank
        highest[rank] = best
    total = ranked.sum()
    envelope = precision[highest]
    at_peak = np.bincount(highest, weights=ranked, minlength=number) / np.arange(1, number + 1)
    above = np.cumsum(at_peak[::-1])[::-1]
    by_rank = (envelope - np.sum(ranked * envelope) / total + above) / total
    gradient = np.empty(number)
    gradient[ranking.order] = Ranking(np.arange(number), ranking.bounds).spread(by_rank)
    return gradient if mixed is None else _mean_of_group(gradient, mixed)


def _mean_of_group(values: Floats, group: Integers) -> Floats:
    means = np.bincount(group, weights=values) / np.maximum(np.bincount(group), 1)
    return np.asarray(means[group], dtype=np.float64)


def answer_influences(pairs: JudgedPairs, gradient: Floats) -> Floats:
    """What each answer does to a score by departing from the other answers to its pair.

    Args:
        gradient: `(..., N)`, derivatives of scores by the share of "same" of each pair.

    Returns: `(..., T)`; 0 for the only answer to a pair, which departs from nothing.
    """
    responses = pairs.responses[pairs.answer_pair]
    others = np.maximum(responses - 1, 1)
    departure = pairs.answer_same - (pairs.same[pairs.answer_pair] - pairs.answer_same) / others
    weight = np.where(responses > 1, departure / responses, 0.0)
    return np.asarray(gradient[..., pairs.answer_pair] * weight, dtype=np.float64)


def participant_variance(pairs: JudgedPairs, influences: Floats) -> Floats:
    """Variance of scores between studies with other participants, beyond what is drawn with the photographs.

    Of each participant, the products of the influences of two answers are summed: answers of one person go together,
    and what goes together does not cancel. Products of answers to the same photograph, an answer's own square among
    them, are left out, for they are in what is drawn with the photographs already (Cameron, Gelbach & Miller 2011, Eq.
    2.11, where the intersections of both kinds of clusters are taken off). Where the sum is below 0, nothing goes
    together.

    Args:
        influences: `(..., T)`, of each answer.

    Returns: `(...)`, at least 0; 0 where it is not known who answered what.
    """
    if pairs.answer_participant is None:
        return np.zeros(influences.shape[:-1])
    rows = influences.reshape(-1, influences.shape[-1])
    both = pairs.answer_participant * pairs.n_photographs + pairs.photograph[pairs.answer_pair]
    _, intersection = np.unique(both, return_inverse=True)
    variance = _squared_sums(pairs.answer_participant, rows) - _squared_sums(intersection, rows)
    return np.asarray(np.maximum(variance, 0.0).reshape(influences.shape[:-1]), dtype=np.float64)


def _squared_sums(cluster: Integers, rows: Floats) -> Floats:
    return np.array([np.sum(np.bincount(cluster, weights=row) ** 2) for row in rows])
