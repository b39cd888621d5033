"""What people reach: against all pairs of voters, and against people whose preferences are known."""

from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.triplets.ceiling import best_answers, majority_of_others, one_person, votes_ceiling, votes_each
from analysis.triplets.evaluation import triplet_table
from analysis.triplets.scores import MetricDistances, TripletScores


@pytest.mark.parametrize("votes", [2, 3, 4, 5, 6])
def test_each_voter_is_held_against_each_other_and_against_all_others(votes: int) -> None:
    for second in range(votes + 1):
        voters = [1] * second + [0] * (votes - second)
        judge = np.array([second / votes])
        pairs = [one == other for one, other in permutations(voters, 2)]
        assert one_person(judge, votes) == pytest.approx(np.mean(pairs))
        agrees = []
        for place, voter in enumerate(voters):
            others = np.mean(voters[:place] + voters[place + 1 :])
            agrees.append(0.5 if others == 0.5 else float((others > 0.5) == voter))
        assert majority_of_others(judge, votes) == pytest.approx(np.mean(agrees))
        assert best_answers(judge) == pytest.approx(max(second, votes - second) / votes)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.8, 0.97])
def test_what_is_expected_of_five_votes(share: float) -> None:
    """Over all votes that there may be: no bias of one person, too much of what is given for it, bounds of the best."""
    second = np.arange(6)
    odds = np.array([comb(5, k) * share**k * (1 - share) ** (5 - k) for k in second])
    judge = second / 5
    agreement = share**2 + (1 - share) ** 2
    assert odds @ one_person(judge, 5) == pytest.approx(agreement)
    assert odds @ (judge**2 + (1 - judge) ** 2) == pytest.approx(agreement + 2 * share * (1 - share) / 5)
    knows = max(share, 1 - share)
    assert odds @ majority_of_others(judge, 5) <= knows + 1e-12
    assert odds @ best_answers(judge) >= knows


def test_the_number_of_votes_is_found_from_shares_in_single_precision() -> None:
    assert votes_each((np.arange(6) / 5).astype(np.float32).astype(np.float64)) == 5
    assert votes_each(np.array([0.5, 1 / 6])) == 6
    assert votes_each(np.array([0.0, 1.0])) == 1
    assert votes_each(np.random.default_rng(0).random(50)) is None


def test_shares_of_different_numbers_of_votes_are_not_taken_for_many_votes() -> None:
    generator = np.random.default_rng(0)
    number = generator.integers(3, 6, 60)
    judge = generator.binomial(number, 0.6) / number
    assert votes_each(judge) is None
    metric = MetricDistances("m", judge, 1 - judge, {})
    table = triplet_table(TripletScores.from_arrays(["a"] * 60, judge, [metric]), replicates=100)
    assert table.ceiling.votes_each is None
    assert table.ceiling.one_person is table.ceiling.majority_of_others is None
    assert any("the shares are of different numbers of votes" in note for note in table.notes)


def test_one_vote_does_not_tell_what_people_reach() -> None:
    judge = np.array([0.0, 1.0] * 10)
    metric = MetricDistances("m", judge, 1 - judge, {})
    scores = TripletScores.from_arrays(["a"] * 20, judge, [metric])
    found = votes_ceiling(scores, votes=None, replicates=100, seed=0)
    assert (found.votes_each, found.best_answers.estimate) == (1, 100.0)
    assert found.one_person is found.majority_of_others is found.one_person_plug_in is None
    # Whoever knows that ten people answered, all alike, can say it.
    told = votes_ceiling(scores, votes=10, replicates=100, seed=0)
    assert told.one_person is not None
    assert told.one_person.estimate == 100.0


def test_shares_that_are_written_with_few_decimals_can_be_of_the_votes_that_are_said() -> None:
    judge = np.array([0.33, 0.67, 0.0, 1.0] * 5)
    scores = TripletScores.from_arrays(["a"] * 20, judge, [MetricDistances("m", judge, 1 - judge, {})])
    found = votes_ceiling(scores, votes=3, replicates=100, seed=0)
    assert found.one_person is not None
    assert found.one_person.estimate == pytest.approx(100 * (1 / 3 + 1) / 2)
    with pytest.raises(AnalysisError, match=r"The share 0\.67 cannot be of 2 votes"):
        votes_ceiling(scores, votes=2, replicates=100, seed=0)
