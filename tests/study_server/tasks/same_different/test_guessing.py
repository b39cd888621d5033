"""How often somebody who guesses passes the rules of a same–different study."""

from __future__ import annotations

import random

import pytest

from study_server.tasks import task
from study_server.tasks.same_different.guessing import chance_to_pass, passes, percent
from study_server.tasks.same_different.observer import Observer
from study_server.tasks.same_different.settings import SameDifferentAcceptance, SameDifferentSettings
from study_server.tasks.same_different.validation import CatchTrials
from study_server.tasks.shifted_pairs.settings import ShiftedStimuli, ShiftedTrials

PAPER = SameDifferentAcceptance()
STRICTER = [
    (PAPER, 5, 0.66, 0.0002),
    (SameDifferentAcceptance(most_catch_errors=2), 5, 0.055, 0.05),
    (SameDifferentAcceptance(least_catch_dprime=1.0), 5, 0.37, 0.001),
    (PAPER, 10, 0.69, 0.0001),
    (SameDifferentAcceptance(most_catch_errors=5), 10, 0.021, 0.003),
]
"""Rules, pairs of each kind of catch trials, and at most so many of who guess are used, and of the honest are not."""


@pytest.mark.parametrize(("rules", "n", "guessing", "honest"), STRICTER)
def test_the_chances_are_those_of_ten_thousand_simulated_participants(
    rules: SameDifferentAcceptance, n: int, guessing: float, honest: float
) -> None:
    rng, observer = random.Random(f"{rules}/{n}"), Observer()

    def share_that_passes(zero_wrong: float, largest_wrong: float) -> float:
        def wrong(p: float) -> int:
            return sum(rng.random() < p for _ in range(n))

        people = (CatchTrials(n, wrong(zero_wrong), n, wrong(largest_wrong)) for _ in range(10_000))
        return sum(passes(catch, rules) for catch in people) / 10_000

    for p, used in (((0.5, 0.5), guessing), ((1 - observer.p_same(0), observer.p_same(9)), 1 - honest)):
        computed = chance_to_pass(rules, n, n, *p)
        assert share_that_passes(*p) == pytest.approx(computed, abs=5 * (computed * (1 - computed) / 10_000) ** 0.5)
        assert computed == pytest.approx(used, abs=0.02)


def test_nobody_passes_who_gives_one_answer_throughout() -> None:
    for always in ((0.0, 1.0), (1.0, 0.0)):
        assert chance_to_pass(PAPER, 5, 5, *always) == 0
    assert chance_to_pass(PAPER, 5, 5, 0.0, 0.0) == 1


def test_the_chances_of_a_study_are_of_its_own_numbers_of_pairs() -> None:
    settings = SameDifferentSettings(
        stimuli=ShiftedStimuli(count=60), trials=ShiftedTrials(more_catch=5),
        acceptance=SameDifferentAcceptance(most_catch_errors=5),
    )  # fmt: skip
    found = task("same-different").chances(settings)
    assert found is not None
    assert (found.zero, found.largest) == (10, 10)
    assert found.guessing == pytest.approx(0.0207, abs=1e-4)  # at most 5 of 20 heads: 21700 / 2**20
    assert "2.07 % of those who guess pass" in found.to_text()
    assert [percent(share) for share in (0.6602, 0.0033, 0.00001, 0.0, 1.0)] == [
        "66 %", "0.33 %", "less than 0.01 %", "0 %", "100 %",
    ]  # fmt: skip
