"""A real server: started, taken by many observers at once, refused where it cannot run."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from scipy.stats import binomtest

import shift_study
from study_server.export import response_rows
from study_server.same_different import TABLE_1_SAME, Observer
from study_server.simulate import simulate_study
from study_server.study_folder import StudyFolder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.mark.slow
def test_thirty_observers_through_http_answer_every_pair_three_times(study: StudyFolder) -> None:
    done = run("simulate", study.path, "--participants", "30", "--seed", "5", "--at-once", "30", "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["finished"], figures["answers"], figures["stored"]) == (30, 300, 300)
    assert not figures["problems"]
    rows = response_rows(str(study.path))
    assert set(Counter(row["pair"] for row in rows).values()) == {3}
    assert len({row["pair"] for row in rows}) == 100
    assert {row["participant_state"] for row in rows} == {"finished"}
    stored_same = Counter(row["shift_px"] for row in rows if row["response"] == "same")
    for row in figures["rows"]:
        assert row["answers"] == 30
        assert row["same"] == stored_same[row["shift_px"]]
        assert row["p_same"] == TABLE_1_SAME[row["shift_px"]] / 150
        assert binomtest(row["same"], 30, row["p_same"]).pvalue > 1e-4
    table = json.loads(run("table1", study.path, "--json").stdout)
    assert table["exclusions"]["responses"]["total"] == 300


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers(made_study: Path, tmp_path: Path) -> None:
    import shutil

    def answers(name: str) -> list[tuple[str, str, str]]:
        folder = StudyFolder(Path(shutil.copytree(made_study, tmp_path / name)))
        simulate_study(folder, Observer(lapse_rate=0.1, side_bias=0.05), participants=6, seed=2, at_once=6)
        return [(r["participant"], r["pair"], r["response"]) for r in response_rows(str(folder.path))]

    assert answers("one") == answers("two")


@pytest.mark.slow
def test_simulated_answers_cannot_get_among_real_ones(study: StudyFolder, server: str) -> None:
    assert requests.post(f"{server}/consent", timeout=30).ok
    refused = run("simulate", study.path, "--participants", "1", "--url", server)
    assert refused.exit_code == 1
    assert "1 real participants have taken part" in refused.output


def test_real_participants_cannot_get_among_simulated_ones(client: FlaskClient) -> None:
    assert client.post("/consent", headers={"X-Shift-Study-Simulated": "1"}).status_code == 303
    client.delete_cookie("shift_study")
    refused = client.post("/consent")
    assert refused.status_code == 409
    assert "real participants need a new study folder" in refused.text


@pytest.mark.slow
def test_demo_makes_a_study_and_serves_it(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "shift_study", "demo", str(tmp_path / "demo"), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = ""
            while "Take part at" not in said and process.poll() is None:
                said += process.stdout.readline()
            (url,) = re.findall(r"http://\S+", said)
            with requests.Session() as session:
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
