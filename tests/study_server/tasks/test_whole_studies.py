"""Two-alternative and odd-one-out studies from `new` to the exported table, published and backed up."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

import shift_study
from study_server.errors import StudyError
from study_server.export.responses import response_rows
from study_server.folder.study_folder import PUBLISHED, StudyFolder
from study_server.simulate import simulate_study
from study_server.stimuli.photographs import pixels_sha256, read_png
from study_server.storage.database import Database
from study_server.storage.models import Participant, Study
from study_server.web.app import create_app

NEW = {
    "2afc": ("--count", "12", "--shifts", "0,2", "--direction", "mixed"),
    "odd-one-out": ("--count", "9", "--max-shift", "3"),
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.fixture(scope="module", params=sorted(NEW))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = tmp_path_factory.mktemp("whole") / "study"
    done = run(
        "new", study, "--task", request.param, "--images", "demo", "--size", 64, "--seed", 5, *NEW[request.param]
    )
    assert done.exit_code == 0, done.output
    return study


@pytest.fixture(scope="module")
def simulated(made: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """A study that six simulated observers have taken through its pages."""
    folder = StudyFolder(Path(shutil.copytree(made, tmp_path_factory.mktemp("simulated") / "study")))
    done = simulate_study(folder, folder.task.observer(), participants=6, seed=1, at_once=3)
    trials = folder.task.design(folder.settings).n_trials
    assert (done.finished, done.stored, done.problems) == (6, 6 * trials, [])
    return folder


def exported(folder: StudyFolder, to: Path) -> list[dict[str, str]]:
    done = run("export", folder.path, "--output", to)
    assert done.exit_code == 0, done.output
    with to.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_answer_is_in_the_export_with_how_it_was_shown(simulated: StudyFolder, tmp_path: Path) -> None:
    rows = exported(simulated, tmp_path / "responses.csv")
    task, settings = simulated.task, simulated.settings
    assert {row["task"] for row in rows} == {task.name}
    assert {row["simulated"] for row in rows} == {"true"}
    assert Counter(row["participant"] for row in rows) == dict.fromkeys(
        (f"s000{n}" for n in range(1, 7)), task.design(settings).n_trials
    )
    stimuli = {row.name: row for row in simulated.rows}
    own = task.columns
    for row in rows:
        stimulus = stimuli[row[own.stimulus]]
        assert row[own.group] == stimulus.group
        assert {name: row[name] for name in own.manifest} == {
            name: str(getattr(stimulus, name)) for name in own.manifest
        }
        assert row["photograph"] == stimulus.source_sha256
        assert row["response"] in task.answers
    if task.name == "2afc":
        assert all(row["preferred"] == ("first" if row["response"] == row["first_side"] else "second") for row in rows)
        asked: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            asked.setdefault((row["participant"], row["triplet"]), []).append(int(row["trial"]))
        apart = [b - a for trials in asked.values() for a, b in pairwise(sorted(trials))]
        assert min(apart) >= settings.trials.separation  # type: ignore[attr-defined]
        assert Counter(row["repetition"] for row in rows)["2"] == 6 * settings.trials.retests  # type: ignore[attr-defined]
    else:
        assert {row["shift_px"] for row in rows} == {"1", "2", "3"}
        assert {row["odd_place"] for row in rows} == {*task.places}


def test_the_same_seed_gives_the_same_answers(simulated: StudyFolder, made: Path, tmp_path: Path) -> None:
    again = StudyFolder(Path(shutil.copytree(made, tmp_path / "again")))
    simulate_study(again, again.task.observer(), participants=6, seed=1, at_once=2)
    at_times = ("answered_at", "images_sent_at")

    def answers(folder: StudyFolder, name: str) -> list[dict[str, str]]:
        rows = exported(folder, tmp_path / name)
        return [{key: value for key, value in row.items() if key not in at_times} for row in rows]

    assert answers(again, "again.csv") == answers(simulated, "first.csv")


def test_a_study_closes_itself_when_every_stimulus_that_is_judged_has_its_answers(made: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(made, tmp_path / "study"))
    text = (study / "study.toml").read_text(encoding="utf-8")
    text, changed = re.subn(r"(?m)^answers_per_pair = 0$", "answers_per_pair = 1", text)
    assert changed == 1
    (study / "study.toml").write_text(text, encoding="utf-8")
    folder = StudyFolder(study)
    needed = folder.task.design(folder.settings).round_slots
    # One after the other, and enough of them for those who fail: whoever comes too late is turned away.
    simulate_study(folder, folder.task.observer(), participants=3 * needed, seed=1, at_once=1)
    database = Database(folder.database_url)
    with database.reading() as session:
        assert session.scalars(select(Study.state)).one() == "closed"
        assert session.scalar(select(func.count()).select_from(Participant)) in range(needed, 3 * needed)
    database.close()


def test_observers_differ_unless_they_are_asked_not_to(made: Path, simulated: StudyFolder, tmp_path: Path) -> None:
    path = Path(shutil.copytree(made, tmp_path / "study"))
    alike = ("--participant-sd", 0, "--image-sd", 0)
    done = run("simulate", path, "--participants", 6, "--seed", 1, *alike)
    if simulated.task.name == "2afc":
        assert done.exit_code == 1
        assert "observers of 2afc do not differ so: leave out --participant-sd and --image-sd" in done.output
        return
    assert done.exit_code == 0, done.output
    usual, theirs = response_rows(str(simulated.path)), response_rows(str(path))
    assert [row["pair"] for row in theirs] == [row["pair"] for row in usual]
    assert [row["response"] for row in theirs] != [row["response"] for row in usual]


def test_the_table_of_participants_says_that_they_are_no_people(simulated: StudyFolder, tmp_path: Path) -> None:
    done = run("participants", simulated.path, "-o", tmp_path / "people.jsonl")
    assert "Simulated observers: 6 of the 6 participants are no people." in done.output
    rows = [json.loads(line) for line in (tmp_path / "people.jsonl").read_text("utf-8").splitlines()]
    assert [(row["participant"], row["simulated"]) for row in rows] == [(f"s000{n}", True) for n in range(1, 7)]


def test_studies_of_several_tasks_in_one_database_take_the_same_seed_and_are_told_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'both.db'}"
    trials = {}
    for name, options in NEW.items():
        path = tmp_path / name
        assert (
            run(
                "new", path, "--task", name, "--images", "demo", "--size", 32, "--seed", 5, "--name", name, *options
            ).exit_code
            == 0
        )
        folder = StudyFolder(path, url)
        create_app(folder).extensions["study"].database.close()
        done = simulate_study(folder, folder.task.observer(), participants=2, seed=1, at_once=1)
        assert (done.finished, done.problems) == (2, [])
        trials[name] = folder.task.design(folder.settings).n_trials
    for name in NEW:
        rows = response_rows(f"{url}#{name}")
        assert {row["task"] for row in rows} == {name}
        assert len(rows) == 2 * trials[name]
    with pytest.raises(StudyError, match=r"different tasks \(2afc, odd-one-out\): name one of them with #NAME"):
        response_rows(url)


def test_a_damaged_stimulus_is_found(made: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(made, tmp_path / "study"))
    assert run("check", study).exit_code == 0
    one, other = sorted((study / "stimuli").glob("*.png"))[-2:]
    shutil.copyfile(one, other)
    found = run("check", study)
    assert found.exit_code == 1
    assert other.name in found.output


def test_published_images_have_a_file_for_each_place_and_nothing_in_common(made: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(made, tmp_path / "study"))
    done = run("publish", study, tmp_path / "elsewhere", "--json")
    assert done.exit_code == 0, done.output
    folder = StudyFolder(study)
    with (study / PUBLISHED).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(folder.rows)
    names = [row[copy] for row in rows for copy in folder.copies]
    assert len({*names}) == len(names) == json.loads(done.stdout)["files"]
    digests = {(tmp_path / "elsewhere" / name).read_bytes() for name in names}
    assert len(digests) == len(names)
    text = (study / "study.toml").read_text(encoding="utf-8")
    text = re.sub(r'(?m)^stimuli_url = ""', 'stimuli_url = "http://images.example.org/a"', text)
    (study / "study.toml").write_text(text, encoding="utf-8")
    published: Any = StudyFolder(study).published
    for row in folder.rows:
        for shown in folder.task.arrangements(row):
            addresses = published.addresses("http://images.example.org/a", row.name, shown)
            assert len({*addresses}) == len(folder.task.places)
            if row.stratum:  # at each place the pixels of its role
                pixels = [_pixels(tmp_path / "elsewhere" / address.rpartition("/")[2]) for address in addresses]
                assert pixels == [row.digests[role] for role in shown]


def _pixels(path: Path) -> str:
    if path.suffix == ".png":
        return pixels_sha256(read_png(path))
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return pixels_sha256(np.asarray(image.convert("RGB")))


def test_a_backup_put_back_has_every_answer(simulated: StudyFolder, tmp_path: Path) -> None:
    before = exported(simulated, tmp_path / "before.csv")
    assert run("backup", simulated.path, "--output", tmp_path / "copy.db").exit_code == 0
    study = Path(shutil.copytree(simulated.path, tmp_path / "study", ignore=shutil.ignore_patterns("study.db*")))
    done = run("restore", tmp_path / "copy.db", study)
    assert done.exit_code == 0, done.output
    assert exported(StudyFolder(study), tmp_path / "after.csv") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", "2afc", "--max-shift", 3), "--max-shift is no option of the task 2afc"),
        (
            ("--task", "2afc", "--design", "discriminating", "--metric", "ssim", "--metric", "l2"),
            "--design discriminating is no option of the task 2afc",
        ),
        (("--task", "2afc", "--shifts", "1,2"), "--shifts 1,2: give different shifts, ascending from 0"),
        (("--task", "2afc", "--count", 2, "--shifts", "0,1"), "triplets"),
        (("--task", "2afc", "--at-each-shift", "5,5"), "--at-each-shift 5,5: a participant judges a triplet at every"),
        (
            ("--task", "2afc", "--count", 10, "--at-each-shift", "10"),
            "a participant cannot judge 10 triplets, for beside catch triplets there are 9: lower --at-each-shift",
        ),
        (("--task", "odd-one-out", "--at-each-shift", "5,5", "--shifts", "0,1"), "for each of the 1 shifts"),
        (("--task", "three-of-a-kind"), "there is no task 'three-of-a-kind': name one of same-different, 2afc"),
    ],
)
def test_what_cannot_be_asked_of_new(tmp_path: Path, arguments: tuple[object, ...], said: str) -> None:
    done = run("new", tmp_path / "study", "--images", "demo", "--size", 64, "--seed", 1, *arguments)
    if said == "triplets":  # two triplets in two versions, apart by one trial: the least that there is
        assert done.exit_code == 0, done.output
        return
    assert done.exit_code == 1
    assert said in done.output
    assert not (tmp_path / "study").exists()


def test_new_says_what_participants_of_a_two_alternative_study_do(tmp_path: Path) -> None:
    options = ("--task", "2afc", "--images", "demo", "--size", 64, "--seed", 1, "--count", 6, "--shifts", "0,1,3")
    done = run("new", tmp_path / "study", *options)
    assert done.exit_code == 0, done.output
    assert "6 triplets shifted by 0 px, 1 px and 3 px, at least" in done.output
    assert "6 of these asked twice, and no catch triplets" in done.output
    assert "With no catch triplets, 100 % of those who guess pass the rules" in done.output
    assert "Note: without catch triplets everybody passes the validation test" in done.output
    more = run("new", tmp_path / "more", *options, "--at-each-shift", 5)
    assert more.exit_code == 0, more.output
    assert "Each participant judges 20 sets of three images: 5 triplets" in more.output
