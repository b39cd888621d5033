"""The odd-one-out task: three images of a shifted pair, one of which differs."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from study_server.errors import StudyError
from study_server.folder.study_toml import read_settings, write_settings
from study_server.settings import StudySettings
from study_server.tasks.odd_one_out.task import TASK, OddOneOutSettings
from study_server.tasks.shifted_pairs.pair_row import PairRow
from study_server.tasks.shifted_pairs.settings import ShiftedStimuli, ShiftedTrials
from study_server.tasks.task import Answered

SETTINGS = OddOneOutSettings(
    stimuli=ShiftedStimuli(count=12, max_shift=3), trials=ShiftedTrials(per_shift=4, strategy="balanced")
)


def row(shift_px: int) -> PairRow:
    return PairRow(
        "shift-study/manifest/2", f"00001_n-{shift_px}", "00001", shift_px, "right", "stimuli/00001_n-0.png",
        f"stimuli/00001_n-{shift_px}.png", "a.png", "0" * 64, "", "CC0", 0, 0, 64, "1" * 64, "2" * 64,
    )  # fmt: skip


def odd_of(arrangement: tuple[str, ...]) -> str:
    return TASK.places[next(n for n, role in enumerate(arrangement) if arrangement.count(role) == 1)]


def test_every_pair_can_stand_in_six_ways_each_with_one_odd_image() -> None:
    ways = list(TASK.arrangements(row(1)))
    assert len({*ways}) == 6
    assert Counter((odd_of(way), sorted(way)[1]) for way in ways) == Counter(
        {(place, twice): 1 for place in TASK.places for twice in ("reference", "shifted")}
    )


def test_all_ways_come_as_often_as_each_other() -> None:
    rng = random.Random(1)
    shown = Counter(TASK.arrange(1, rng) for _ in range(6000))
    assert len(shown) == 6
    assert all(900 < count < 1100 for count in shown.values())


def test_shifted_pairs_alone_are_judged_and_the_export_says_which_was_odd() -> None:
    assert TASK.strata(SETTINGS) == (1, 2, 3)
    trials = TASK.plan_trials(SETTINGS, 0, 1)
    assert Counter(trial.stratum for trial in trials) == {1: 4, 2: 4, 3: 4}
    for trial in trials:
        odd_place, odd_role = (column(trial.arrangement, 1) for column in TASK.columns.trial.values())
        assert odd_place == odd_of(trial.arrangement)
        assert trial.arrangement.count(odd_role) == 1


def test_who_is_wrong_in_more_than_half_of_the_largest_shift_fails() -> None:
    shown = ("reference", "shifted", "reference")

    def verdict(wrong: int) -> bool:
        answers = [Answered(row(3), shown, 1, "left" if n < wrong else "middle") for n in range(4)]
        answers += [Answered(row(1), shown, 1, "right")] * 9  # wrong where it is hard: that counts for nothing
        return TASK.judge(answers, SETTINGS).passed

    assert [verdict(wrong) for wrong in range(5)] == [True, True, True, False, False]


def test_an_observer_finds_the_odd_one_more_often_the_larger_the_shift_and_guesses_otherwise() -> None:
    rng, observer = random.Random(2), TASK.observer()

    def share(shift_px: int) -> float:
        found = 0
        for _ in range(3000):
            shown = TASK.arrange(shift_px, rng)
            found += observer.respond(row(shift_px), shown, rng)[0] == odd_of(shown)
        return found / 3000

    assert share(0) == pytest.approx(1 / 3, abs=0.03)
    assert share(0) < share(1) < share(3) < share(9)
    assert share(9) > 0.95
    coin = TASK.observer(lapse_rate=1.0)
    answers = Counter(coin.respond(row(9), ("shifted", "reference", "reference"), rng)[0] for _ in range(3000))
    assert all(900 < answers[place] < 1100 for place in TASK.places)


def test_the_right_answer_to_a_practice_trial_is_the_place_of_the_odd_one() -> None:
    rows = [row(shift) for shift in range(10)]
    practice = TASK.practice(replace(SETTINGS, practice=OddOneOutSettings().practice), rows)
    assert [trial.row.stratum for trial in practice] == [9, 9, 6, 4]
    assert all(trial.truth == odd_of(trial.arrangement) for trial in practice)
    assert {trial.truth for trial in practice} == {*TASK.places}


def test_answers_have_keys_of_their_own(tmp_path: Path) -> None:
    write_settings(replace(SETTINGS, study=StudySettings(task="odd-one-out")), tmp_path / "study.toml")
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text.replace('key_middle = "h"', 'key_middle = "f"'), encoding="utf-8")
    with pytest.raises(StudyError, match=r"two answers have one key in \[display\]; allowed is a key of its own"):
        read_settings(tmp_path / "study.toml")


@pytest.mark.parametrize(("max_shift", "counts"), [(1, (7,)), (3, (4, 4, 7))])
def test_more_catch_trials_are_those_of_the_largest_shift_alone(
    tmp_path: Path, max_shift: int, counts: tuple[int, ...]
) -> None:
    settings = replace(
        SETTINGS,
        study=StudySettings(task="odd-one-out"),
        stimuli=ShiftedStimuli(count=15, max_shift=max_shift),
        trials=ShiftedTrials(per_shift=counts[-1] - 3, more_catch=3),
    )
    write_settings(settings, tmp_path / "study.toml")
    assert TASK.design(read_settings(tmp_path / "study.toml")).counts == counts  # type: ignore[arg-type]
    too_many = replace(settings, trials=replace(settings.trials, more_catch=3 + 15 - sum(counts) + 1))
    write_settings(too_many, tmp_path / "study.toml")
    with pytest.raises(StudyError, match=f"more_catch is {19 - sum(counts)}"):
        read_settings(tmp_path / "study.toml")
