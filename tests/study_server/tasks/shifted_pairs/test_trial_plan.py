"""A participant's trials: the pairs of the slot, in an order and on sides of the participant's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from scipy.stats import binomtest

from study_server.tasks import task
from study_server.tasks.same_different.settings import SameDifferentSettings
from study_server.tasks.task import PlannedTrial

SETTINGS = SameDifferentSettings()
plan_trials = task("same-different").plan_trials


def cells(plan: list[PlannedTrial]) -> list[tuple[int, int]]:
    return [(trial.group, trial.stratum) for trial in plan]


def test_who_gets_a_slot_that_was_given_up_sees_the_same_pairs_in_another_order() -> None:
    for slot in range(4):
        plans = [cells(plan_trials(SETTINGS, slot, arrival)) for arrival in (1, 2, 3)]
        assert sorted(plans[0]) == sorted(plans[1]) == sorted(plans[2])
        assert plans[0] != plans[1] != plans[2] != plans[0]


def test_the_same_participant_of_the_same_study_has_the_same_trials_everywhere() -> None:
    assert plan_trials(SETTINGS, 5, 9) == plan_trials(SameDifferentSettings(), 5, 9)
    other = replace(SETTINGS, trials=replace(SETTINGS.trials, seed=1))
    assert plan_trials(SETTINGS, 5, 9) != plan_trials(other, 5, 9)


def test_the_reference_is_as_often_on_the_left_as_on_the_right_at_every_shift() -> None:
    plans = [plan_trials(SETTINGS, slot, slot + 1) for slot in range(200)]
    for shift in range(SETTINGS.stimuli.max_shift + 1):
        sides = [trial.arrangement.index("reference") for plan in plans for trial in plan if trial.stratum == shift]
        assert set(sides) == {0, 1}
        # Of a thousand, 600 on one side have a probability of 10⁻⁹; of ten shifts the worst is at about 0.1.
        assert binomtest(sides.count(0), len(sides)).pvalue > 1e-4


def test_each_of_chosen_shifts_comes_as_often_as_is_said_and_catch_trials_with_them() -> None:
    stimuli = replace(SETTINGS.stimuli, count=60, shifts=[0, 2, 3, 9])
    trials = replace(SETTINGS.trials, at_each_shift=[5, 20, 15, 4], more_catch=2)
    plan = plan_trials(replace(SETTINGS, stimuli=stimuli, trials=trials), slot=3, arrival=7)
    assert Counter(trial.stratum for trial in plan) == {0: 7, 2: 20, 3: 15, 9: 6}
    assert len({trial.group for trial in plan}) == len(plan)
    same = replace(SETTINGS, stimuli=stimuli, trials=replace(SETTINGS.trials, per_shift=6))
    assert Counter(trial.stratum for trial in plan_trials(same, slot=3, arrival=7)) == dict.fromkeys([0, 2, 3, 9], 6)


def test_no_place_in_the_order_has_a_shift_of_its_own() -> None:
    first = [plan_trials(SETTINGS, slot, slot + 1)[0].stratum for slot in range(200)]
    assert set(first) == set(range(SETTINGS.stimuli.max_shift + 1))
