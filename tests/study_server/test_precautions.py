"""Chance that is chance: seeds that nobody can foresee; and what `check` warns of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import shift_study
from participation import Participation, make_tiny_study
from recruiting import changed
from study_server.folder.study_folder import StudyFolder
from study_server.participants.enrolment import enrol
from study_server.participants.precautions import precautions
from study_server.tasks import task

plan_trials = task("same-different").plan_trials


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


def make(folder: Path, *options: object) -> dict[str, object]:
    done = run("new", folder, "--images", "demo", "--count", 4, "--size", 16, "--max-shift", 3, *options, "--json")
    assert done.exit_code == 0, done.output
    figures: dict[str, object] = json.loads(done.stdout)
    return figures


def test_without_a_seed_nobody_can_foresee_a_study_and_with_it_it_is_made_again(tmp_path: Path) -> None:
    first, second = (make(tmp_path / name) for name in ("first", "second"))
    seeds = [figures["seed"] for figures in (first, second)]
    assert len(set(seeds)) == 2
    assert all(isinstance(seed, int) and 2**30 < seed < 2**53 for seed in seeds)  # the lower third in a billion cases
    settings = [StudyFolder(tmp_path / name).settings for name in ("first", "second")]
    assert [(s.trials.seed, s.stimuli.seed) for s in settings] == [(seed, seed) for seed in seeds]
    plans = [[plan_trials(s, slot, slot) for slot in range(8)] for s in settings]
    assert plans[0] != plans[1]
    make(tmp_path / "again" / "first", "--seed", seeds[0])
    again = StudyFolder(tmp_path / "again" / "first")
    assert again.settings == settings[0]
    assert again.rows == StudyFolder(tmp_path / "first").rows
    assert [plan_trials(again.settings, slot, slot) for slot in range(8)] == plans[0]
    assert f"Seed {seeds[0]}: with it the study can be made again" in run(
        "new", tmp_path / "once more", "--images", "demo", "--count", 4, "--size", 16, "--max-shift", 3,
        "--seed", seeds[0],
    ).output  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path) -> StudyFolder:
    return changed(make_tiny_study(tmp_path / "study"), trials={"seed": 0})


def test_check_warns_of_a_seed_that_everybody_knows_once_there_are_real_participants(tiny: StudyFolder) -> None:
    assert precautions(tiny) == []
    people = Participation(tiny)
    enrol(people.study, "s" * 43, simulation_key=people.study.simulation_key)
    assert precautions(tiny) == []
    with people.database.writing() as session:
        people.study.get(session, "s" * 43).simulated = False
    people.arrive()
    people.database.close()
    done = run("check", tiny.path)
    assert done.exit_code == 0
    assert "Warning: trials.seed is 0 and there are 2 real participants" in done.output
    assert json.loads(run("check", tiny.path, "--json").stdout)["warnings"] == [f"{precautions(tiny)[0]}."]


@pytest.mark.parametrize(
    ("recruitment", "warned"),
    [
        ({"platforms": ["open", "link"]}, ""), ({"platforms": ["sona"]}, "sona"),
        ({"platforms": ["prolific", "mturk"]}, "prolific, mturk"), ({"platforms": ["sona"], "link_key": "k" * 16}, ""),
        ({"platforms": ["prolific"], "prolific_keys": "keys.json"}, ""),
        ({"platforms": ["prolific", "sona"], "prolific_keys": "keys.json"}, "sona"),
    ],
)  # fmt: skip
def test_check_warns_of_links_that_anybody_can_make(
    tiny: StudyFolder, recruitment: dict[str, object], warned: str
) -> None:
    found = precautions(changed(tiny, recruitment=recruitment))
    assert [f"an id of {warned} can" in warning for warning in found] == ([True] if warned else [])


def test_check_says_how_often_somebody_who_guesses_is_used(study: StudyFolder) -> None:
    said = run("check", study.path)
    assert "of those who guess pass the rules of [acceptance]" in said.output
    stricter = changed(study, acceptance={"most_catch_errors": 0})
    chances = json.loads(run("check", stricter.path, "--json").stdout)["chances"]
    assert (chances["zero"], chances["largest"], chances["guessing"]) == (1, 1, 0.25)
    assert 0.8 < chances["honest"] < 0.9
