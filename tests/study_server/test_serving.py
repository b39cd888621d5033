"""A real server: started, taken by many observers at once, refused where it cannot run."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import requests
from click.testing import CliRunner, Result
from flask import Flask
from scipy.stats import binomtest
from sqlalchemy import select

import shift_study
from made_studies import own
from requests_of_a_participant import sign_in, sign_in_at
from served import served
from study_server.access.sessions import SIMULATION_HEADER
from study_server.export.responses import response_rows
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.simulate import simulate_study
from study_server.stimuli.manifest import STIMULI
from study_server.stimuli.photographs import write_png
from study_server.storage.database import Database
from study_server.storage.models import Study
from study_server.tasks.same_different.observer import TABLE_1_SAME, Observer
from study_server.web.background_server import free_port


def run(*arguments: str) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def made_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of ten trials with the smallest crops there are."""
    return make_study(tmp_path_factory.mktemp("made") / "study", source="demo", count=10, size=16, seed=3).folder.path


@pytest.mark.slow
def test_twenty_observers_through_http_answer_every_pair_twice(made_tiny: Path, tmp_path: Path) -> None:
    study = StudyFolder(Path(shutil.copytree(made_tiny, tmp_path / "study")))
    done = run("simulate", study.path, "--participants", "20", "--seed", "5", "--at-once", "20", "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["finished"], figures["answers"], figures["stored"]) == (20, 200, 200)
    assert not figures["problems"]
    rows = response_rows(str(study.path))
    assert set(Counter(row["pair"] for row in rows).values()) == {2}
    assert len({row["pair"] for row in rows}) == 100
    assert {row["participant_state"] for row in rows} == {"finished"}
    stored_same = Counter(row["shift_px"] for row in rows if row["response"] == "same")
    for row in figures["rows"]:
        assert row["answers"] == 20
        assert row["same"] == stored_same[row["shift_px"]]
        assert row["p_same"] == TABLE_1_SAME[row["shift_px"]] / 150
        assert binomtest(row["same"], 20, row["p_same"]).pvalue > 1e-4
    table = json.loads(run("table1", study.path, "--json").stdout)
    assert table["exclusions"]["responses"]["total"] == 200


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers(made_tiny: Path, tmp_path: Path) -> None:
    def answers(name: str) -> list[tuple[str, str, str]]:
        folder = StudyFolder(Path(shutil.copytree(made_tiny, tmp_path / name)))
        with served(folder) as url:
            observer = Observer(lapse_rate=0.1, side_bias=0.05)
            simulate_study(folder, observer, participants=6, seed=2, at_once=6, url=url)
        return [(r["participant"], r["pair"], r["response"]) for r in response_rows(str(folder.path))]

    assert answers("one") == answers("two")


@pytest.mark.slow
def test_simulated_answers_cannot_get_among_real_ones(study: StudyFolder, server: str) -> None:
    with requests.Session() as session:
        sign_in_at(session, server)
        assert session.post(f"{server}/consent", timeout=30).ok
    refused = run("simulate", study.path, "--participants", "1", "--url", server)
    assert refused.exit_code == 1
    assert "1 real participants have taken part" in refused.output


def test_real_participants_cannot_get_among_simulated_ones(app: Flask) -> None:
    with app.extensions["study"].database.reading() as session:
        key = session.scalars(select(Study.simulation_key)).one()
    outsider, observer, real = app.test_client(), app.test_client(), app.test_client()
    for client in (outsider, observer, real):
        sign_in(client)
    # Nobody without the study folder can fill a study with simulated answers.
    assert outsider.post("/consent", headers={SIMULATION_HEADER: "guess"}).status_code == 403
    assert observer.post("/consent", headers={SIMULATION_HEADER: key}).status_code == 303
    assert "Nobody can take part here" in real.get("/").text
    refused = real.post("/consent")
    assert refused.status_code == 409
    assert "real participants need a new study folder" in refused.text


@pytest.mark.long
@pytest.mark.slow
def test_demo_makes_a_study_and_serves_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shift_study", "demo", str(tmp_path / "demo"), "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = ""
            while "Take part at" not in said and (line := process.stdout.readline()):
                said += line
            (url,) = re.findall(r"http://\S+", said)
            with requests.Session() as session:
                sign_in_at(session, url)
                for path in ("/consent", "/instructions", "/practice"):
                    page = session.post(url.rstrip("/") + path, timeout=30)
                assert 'data-trials="/api/trials"' in page.text
                trials = session.get(url + "api/trials", timeout=30).json()["trials"]
            assert len(trials) == 50
        finally:
            process.terminate()
    assert (tmp_path / "demo" / "study.db").exists()


def test_observers_have_lapses_and_side_bias() -> None:
    observer = Observer(lapse_rate=0.2, side_bias=0.1)
    assert Observer().p_same(2) == pytest.approx(84 / 150)
    assert observer.p_same(2, "left") == pytest.approx(0.8 * (84 / 150 - 0.1) + 0.1)
    assert observer.p_same(2, "right") == pytest.approx(0.8 * (84 / 150 + 0.1) + 0.1)
    assert observer.p_same(2) == pytest.approx(0.8 * 84 / 150 + 0.1)
    assert Observer(side_bias=1).p_same(0, "left") == 0


@pytest.mark.parametrize("damage", ["changed", "missing", "longer"])
def test_a_study_whose_images_are_not_those_of_the_manifest_is_not_served(study: StudyFolder, damage: str) -> None:
    own(study, STIMULI)
    size = study.settings.stimuli.size
    path = study.path / "stimuli" / "00001_n-3.png"
    if damage == "missing":
        path.unlink()
    else:
        noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
        write_png(noise if damage == "longer" else noise // 255, path)
    refused = run("serve", study.path)
    assert refused.exit_code == 1
    assert "00001_n-3.png" in refused.output
    assert "shift-study check" in refused.output


def test_a_port_in_use_is_named(study: StudyFolder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run("serve", study.path, "--port", port)
    assert refused.exit_code == 1
    assert re.search(rf"cannot listen at 127\.0\.0\.1:{port} .*choose another with --port", refused.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "nowhere"], "nowhere is not a folder"),
        (["serve", "."], "is not a study folder"),
        (["check", "nowhere"], "nowhere is not a folder"),
        (["simulate", "nowhere"], "nowhere is not a folder"),
        (["table1", "sqlite:///nowhere.db"], "does not exist"),
        (["table1", "bogus://x"], "no database URL"),
        (["new", "made", "--images", "nowhere"], "'nowhere' is no source of images"),
    ],
)
def test_bad_targets_get_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert re.search(message, refused.output)
    assert not list(tmp_path.iterdir())


def test_simulate_says_that_nobody_answers_at_an_address(study: StudyFolder) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"  # bound, but nobody listens
        refused = run("simulate", study.path, "--url", url)
    assert refused.exit_code == 1
    assert f"no server answers at {url}" in refused.output


def test_simulate_says_that_the_servers_data_are_elsewhere(study: StudyFolder, server: str, tmp_path: Path) -> None:
    missing = tmp_path / "elsewhere.db"
    refused = run("simulate", study.path, "--url", server, "--database-url", f"sqlite:///{missing}")
    assert refused.exit_code == 1
    assert "does not exist" in refused.output
    assert not missing.exists()


def test_new_says_what_a_participant_will_do(tmp_path: Path) -> None:
    made = run("new", tmp_path / "a b", "--images", "demo", "--count", "4", "--size", "32", "--max-shift", "4")
    assert made.exit_code == 0
    assert "judges 5 pairs, 1 of each shift; images are drawn at random" in made.output
    assert "can exclude a participant for a single mistake; 5 of each shift take 25 images" in made.output
    assert "a b'" in made.output  # quoted for the shell


@pytest.mark.parametrize("damage", ["no database", "altered"])
def test_a_damaged_database_gets_a_sentence_and_is_left_as_it_is(study: StudyFolder, damage: str) -> None:
    path = study.path / "study.db"
    if damage == "no database":
        path.write_text("this is no database, whatever its name says")
    else:
        RunningStudy(study, database := Database(study.database_url))
        database.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("ALTER TABLE trial RENAME COLUMN position TO place")
    before = path.read_bytes()
    refused = run("table1", study.path)
    assert refused.exit_code == 1
    assert re.fullmatch(r"Error: the (database|responses in) .*study\.db cannot be (opened|read): .+\n", refused.output)
    assert path.read_bytes() == before


def test_a_study_without_responses_says_so(study: StudyFolder) -> None:
    refused = run("table1", study.path)
    assert refused.exit_code == 1
    assert "no responses yet" in refused.output
    assert not (study.path / "study.db").exists()


@pytest.mark.parametrize(
    "arguments", [["new"], ["new", "x"], ["serve"], ["simulate", "x", "--participants", "0"], ["nonsense"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
