"""What people themselves reach in 2AFC: with so few votes a triplet no metric can be right always."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.results import Estimate, Result
from analysis.triplets.draws import draw_means
from analysis.triplets.estimates import method, percent
from analysis.triplets.scores import TripletScores

Floats = NDArray[np.float64]

MOST_VOTES = 100
_WHOLE = 1e-4  # votes; shares may have been written in single precision
_ROUNDED = 0.1  # votes; of a known number shares may have been written with two or three decimals


@dataclass(frozen=True)
class VotesCeiling(Result):
    """2AFC scores in % of those who know people, macro averages over categories.

    `votes_each`: votes on each triplet. `best_answers`: of who answers each triplet as most of its own voters did;
    no metric can score higher on these votes. As these are the votes that it is scored by, it is higher than a metric
    that knows how all people would vote could reach with new voters. `majority_of_others`: of the majority of all
    voters but one, scored by that one; without bias, and the score that such a metric has at least. `one_person`: of
    one more person, the chance that two people agree, without bias; `one_person_plug_in`: the same as it is often
    given, j² + (1 − j)², too high by j (1 − j) × 2 / (votes − 1) for few votes. None where a vote each does not tell.
    """

    votes_each: int | None
    best_answers: Estimate
    majority_of_others: Estimate | None
    one_person: Estimate | None
    one_person_plug_in: Estimate | None


def votes_each(judge: Floats) -> int | None:
    """The smallest number of votes of which all shares in `judge`, `(N,)`, can be.

    None where it is above 100, or where each share can be of fewer votes, as thirds and quarters are no twelfths: then
    triplets seem to have different numbers of votes.

    >>> votes_each(np.array([0.0, 0.2, 0.6, 1.0])), votes_each(np.array([0.0, 1.0]))
    (5, 1)
    >>> votes_each(np.array([1 / 3, 1 / 4]))
    """
    distinct = np.unique(judge)
    for votes in range(1, MOST_VOTES + 1):
        second = np.round(distinct * votes)
        if np.all(np.abs(distinct * votes - second) < _WHOLE):
            return votes if np.any(np.gcd(second.astype(np.int64), votes) == 1) else None
    return None


def best_answers(judge: Floats) -> Floats:
    """Share of a triplet's voters that its majority has, `(N,)`."""
    return np.maximum(judge, 1 - judge)


def one_person(judge: Floats, votes: int | Floats) -> Floats:
    """Share of pairs of a triplet's voters who agree, `(N,)`: without bias, the chance that two people do.

    Args:
        votes: on each triplet, 2 or more.

    >>> one_person(np.array([0.2, 1.0]), 5).tolist()
    [0.6, 1.0]
    """
    second = np.round(judge * votes)
    agreeing = second * (second - 1) + (votes - second) * (votes - second - 1)
    return np.asarray(agreeing / (votes * (votes - 1)), dtype=np.float64)


def majority_of_others(judge: Floats, votes: int | Floats) -> Floats:
    """Share of a triplet's voters who agree with the majority of all others, half for a tie of these, `(N,)`.

    Args:
        votes: on each triplet, 2 or more.

    >>> majority_of_others(np.array([0.2, 0.4, 1.0]), 5).tolist()
    [0.8, 0.3, 1.0]
    """
    second = np.round(judge * votes)
    first = votes - second
    # A voter for the second leaves second − 1 of them against first; and the other way round.
    agrees = second * _beats(second - 1, first) + first * _beats(first - 1, second)
    return np.asarray(agrees / votes, dtype=np.float64)


def _beats(ours: Floats, theirs: Floats) -> Floats:
    return (1.0 + np.sign(ours - theirs)) / 2


def votes_ceiling(scores: TripletScores, *, votes: int | None, replicates: int, seed: int) -> VotesCeiling:
    """The ceiling given the votes; `votes`: on each triplet, found from the shares where None.

    Raises: `AnalysisError` where a share cannot be of so many votes.
    """
    apart = np.abs(scores.judge * (votes or 0) - np.round(scores.judge * (votes or 0)))
    if np.any(apart > _ROUNDED):
        raise AnalysisError(
            f"The share {scores.judge[np.argmax(apart)]:g} cannot be of {votes:,} votes; give another number of votes, "
            "or none, and it is found from the shares."
        )
    votes = votes or votes_each(scores.judge)
    judge = scores.judge
    columns = [best_answers(judge)]
    if votes is not None and votes > 1:
        columns += [majority_of_others(judge, votes), one_person(judge, votes), judge**2 + (1 - judge) ** 2]
    macro, _ = draw_means(np.column_stack(columns), scores.category, scores.cluster, replicates=replicates, seed=seed)
    how = method(macro, len(scores.categories), scores.shares_references)
    found = [percent(macro, column, how) for column in range(len(columns))]
    others = found[1:] if len(found) > 1 else (None, None, None)
    return VotesCeiling(votes, found[0], *others)
