"""Which triplets a participant of a two-alternative study judges, and how they are shown."""

import math
from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from study_server.tasks.task import PlannedTrial
from study_server.tasks.two_afc.apart import can_be_apart
from study_server.tasks.two_afc.assigning import FIRST_LEFT, TripletAssignment
from study_server.tasks.two_afc.settings import TwoAfcSettings, TwoAfcStimuli, TwoAfcTrials


@st.composite
def designs(draw: st.DrawFn) -> TwoAfcSettings:
    judged, catch = draw(st.integers(2, 12)), draw(st.integers(0, 3))
    catches = sorted(draw(st.sets(st.integers(1, judged + catch), min_size=catch, max_size=catch)))
    shifts = sorted({0, *draw(st.sets(st.integers(1, 5), max_size=2))})
    triplets = draw(st.integers(1, judged))
    retests, n_catches = draw(st.integers(0, triplets)), draw(st.integers(0, catch))
    lengths = [len(shifts) + 1] * retests + [len(shifts)] * (triplets - retests) + [1] * n_catches
    separation = draw(st.sampled_from([n for n in range(1, 9) if n == 1 or can_be_apart(lengths, n)]))
    return TwoAfcSettings(
        stimuli=TwoAfcStimuli(count=judged + catch, shifts=shifts, catches=catches),
        trials=TwoAfcTrials(
            triplets=triplets, separation=separation, retests=retests, catches=n_catches, seed=draw(st.integers(0, 9))
        ),
    )


def ones(trials: list[PlannedTrial]) -> list[PlannedTrial]:
    return [trial for trial in trials if trial.repetition == 1]


@given(designs(), st.integers(0, 200), st.integers(1, 50))
def test_a_participant_judges_the_asked_number_of_each_kind_apart(
    settings: TwoAfcSettings, slot: int, arrival: int
) -> None:
    assignment = TripletAssignment(settings)
    trials = assignment.trials(slot, arrival)
    s, t = settings.stimuli, settings.trials
    assert len(trials) == assignment.n_trials
    catch = {number - 1 for number in s.catches}
    first = Counter((trial.group, trial.stratum) for trial in ones(trials) if trial.group not in catch)
    assert set(first.values()) <= {1}
    groups = {group for group, _ in first}
    assert len(groups) == t.triplets
    assert set(first) == {(group, shift) for group in groups for shift in s.shifts}
    shown = [trial.group for trial in trials if trial.group in catch]
    assert len(shown) == len({*shown}) == t.catches
    again = [trial for trial in trials if trial.repetition == 2]
    assert len(again) == len({trial.group for trial in again}) == t.retests
    for trial in again:  # after the same stimulus, which was asked before
        before = [each for each in trials[: trials.index(trial)] if each.repetition == 1]
        assert (trial.group, trial.stratum) in {(each.group, each.stratum) for each in before}
    for group in groups:
        positions = [position for position, trial in enumerate(trials) if trial.group == group]
        assert all(later - earlier >= t.separation for earlier, later in pairwise(positions))


@given(designs(), st.integers(0, 3))
def test_over_a_round_stimuli_sides_and_first_versions_are_balanced(settings: TwoAfcSettings, number: int) -> None:
    assignment = TripletAssignment(settings)
    s, catch = settings.stimuli, {number - 1 for number in settings.stimuli.catches}
    answers, left, first = Counter[tuple[int, int]](), Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for slot in range(number * assignment.round_slots, (number + 1) * assignment.round_slots):
        trials = ones(assignment.trials(slot, slot))
        seen = set()
        for trial in trials:
            stimulus = trial.group, trial.stratum
            answers[stimulus] += 1
            left[stimulus] += trial.arrangement == FIRST_LEFT
            if trial.group not in seen and trial.group not in catch:
                first[stimulus] += 1
            seen.add(trial.group)
    judged = [(group, shift) for group in s.judged for shift in s.shifts]
    each = answers[judged[0]]
    assert {answers[stimulus] for stimulus in judged} == {each}
    of_catch = {answers[group, shift] for group in catch for shift in s.shifts}
    assert len(of_catch) <= 1
    assert min([each, *of_catch] if settings.trials.catches else [each]) == assignment.round_answers
    turns = len(s.shifts)
    for stimulus in judged:
        # As equal as can be where a round is no multiple of all turns: sides take turns slower than versions, and
        # against each other slower still.
        assert abs(2 * left[stimulus] - each) <= (1 if turns == 1 else 2 * turns if turns % 2 == 0 else 2)
        assert abs(turns * first[stimulus] - each) < turns


@given(designs(), st.integers(1, 9))
def test_so_many_slots_give_every_stimulus_what_is_wanted_and_a_few_less_would_not(
    settings: TwoAfcSettings, wanted: int
) -> None:
    assignment, shifts, catches = TripletAssignment(settings), settings.stimuli.shifts, settings.stimuli.catches
    asked = [*settings.stimuli.judged, *(number - 1 for number in catches if settings.trials.catches)]
    slots = assignment.slots_for(wanted)
    counts = Counter(
        (trial.group, trial.stratum) for slot in range(slots) for trial in ones(assignment.trials(slot, slot))
    )
    fewest = min(counts[group, shift] for group in asked for shift in shifts)
    assert fewest >= wanted
    # No catch stimuli need more than a participant's part of a turn, and no triplets more than a round of theirs.
    whole = len(settings.stimuli.judged) // math.gcd(len(settings.stimuli.judged), settings.trials.triplets)
    assert fewest < wanted + max(1, whole * settings.trials.triplets // len(settings.stimuli.judged))


def test_of_the_defaults_no_more_are_admitted_than_a_target_needs() -> None:
    """Half of ten catch stimuli are judged by each participant, all triplets equally often by nine."""
    assignment = TripletAssignment(TwoAfcSettings(stimuli=TwoAfcStimuli(catches=[3, 14, 15, 26, 35])))
    assert [assignment.slots_for(wanted) for wanted in (1, 3, 4, 5)] == [9, 9, 9, 18]


def test_over_many_rounds_sides_are_exactly_balanced_with_each_order() -> None:
    settings = TwoAfcSettings(
        stimuli=TwoAfcStimuli(count=6, shifts=[0, 1], catches=[2]),
        trials=TwoAfcTrials(triplets=5, separation=2, retests=0, catches=1, seed=3),
    )
    assignment = TripletAssignment(settings)
    both = Counter[tuple[int, int, bool, bool]]()
    for slot in range(8):
        trials = assignment.trials(slot, slot)
        for trial in trials:
            is_first = next(each for each in trials if each.group == trial.group) is trial
            if trial.group != 1:
                both[trial.group, trial.stratum, trial.arrangement == FIRST_LEFT, is_first] += 1
    assert set(both.values()) == {2}
    assert len(both) == 5 * 2 * 2 * 2


def test_whoever_gets_a_slot_again_has_the_same_stimuli_in_another_order() -> None:
    settings = TwoAfcSettings(stimuli=TwoAfcStimuli(count=22, catches=[1, 2]), trials=TwoAfcTrials(catches=2))
    one, other = (TripletAssignment(settings).trials(5, arrival) for arrival in (6, 7))

    def stimuli(trials: list[PlannedTrial]) -> set[tuple[int, int]]:
        return {(trial.group, trial.stratum) for trial in trials}

    assert stimuli(one) == stimuli(other)
    assert [trial.group for trial in one] != [trial.group for trial in other]
    assert one == TripletAssignment(replace(settings)).trials(5, 6)


def test_two_versions_of_a_triplet_stand_alike_for_half_of_those_who_judge_both() -> None:
    """Else who leans to a side would seem to flip where nothing but the sides changed."""
    for shifts in ([0, 1], [0, 1, 2], [0, 1, 2, 3]):
        settings = TwoAfcSettings(
            stimuli=TwoAfcStimuli(count=6, shifts=shifts),
            trials=TwoAfcTrials(triplets=6, separation=1, retests=0, catches=0, seed=2),
        )
        assignment = TripletAssignment(settings)
        cycle = 2 * len(shifts) * (1 << (len(shifts) - 1).bit_length())
        alike = Counter[tuple[int, int, int]]()
        for slot in range(cycle):
            sides = {(trial.group, trial.stratum): trial.arrangement for trial in assignment.trials(slot, slot)}
            for one, other in combinations(shifts, 2):
                alike.update((group, one, other) for group in range(6) if sides[group, one] == sides[group, other])
        assert {alike[group, one, other] for group in range(6) for one, other in combinations(shifts, 2)} == {
            cycle // 2
        }
