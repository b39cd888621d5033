"""Two databases, one behaviour; and several servers on one PostgreSQL."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

import shift_study
from crowd_study import make_crowd_study
from persistent_participant import PersistentParticipant
from requests_of_a_participant import answer, begin, database, sign_in
from served import served
from stored_state import assert_consistent, spread_of_pairs
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import FreeSlot, Participant, QuestionAnswer, Response
from study_server.web.app import create_app
from study_server.web.background_server import running_server

AT_ONCE = 50


@pytest.fixture
def app(small_study: StudyFolder) -> Iterator[Flask]:
    app = create_app(small_study)
    yield app
    database(app).close()


def source(folder: StudyFolder) -> str:
    """From where the verbs read the study."""
    return f"{folder.other_database}#{folder.settings.study.name}" if folder.other_database else str(folder.path)


def in_another_browser(client: FlaskClient) -> FlaskClient:
    """A browser with the same cookies."""
    other = client.application.test_client()
    other._cookies = client._cookies.copy()
    return other


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Results of calls that begin at the same moment."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def six_times(client: FlaskClient, request: Callable[[FlaskClient], Any]) -> list[Any]:
    """Results of a request that six browsers with the same cookies send at the same moment."""
    return at_once(*[partial(request, in_another_browser(client)) for _ in range(6)])


# --- one server ------------------------------------------------------------------------------------------------------


def test_a_participation_from_consent_to_export(app: Flask, small_study: StudyFolder) -> None:
    client = app.test_client()
    trials = [trial["id"] for trial in begin(client)]
    assert len(trials) == 30
    for number, trial in enumerate(trials[:10], start=1):
        assert answer(client, trial).json["answered"] == number
    assert answer(client, trials[0]).status_code == 200  # repeated
    assert answer(client, trials[0], idempotency_key="another-key").status_code == 409
    assert answer(client, trials[10], idempotency_key=f"key-of-{trials[0]}".replace("_", "x")).status_code == 409
    assert answer(app.test_client(), trials[11]).status_code == 403
    assert answer(client, "no\x00trial", idempotency_key="0123456789").status_code == 404
    resumed = in_another_browser(client)
    left = resumed.get("/api/trials").json
    assert (left["answered"], [trial["id"] for trial in left["trials"]]) == (10, trials[10:])
    for trial in trials[10:]:
        done = answer(resumed, trial).json
    assert (done["stage"], done["answered"]) == ("questions", 30)
    question = small_study.settings.questions[0]
    for _ in range(2):
        assert client.post("/questions", data={question.id: question.options[0]}).status_code == 303
    assert 'id="completion-code"' in client.get("/thanks").text
    rows = response_rows(source(small_study))
    assert [row["trial"] for row in rows] == list(range(1, 31))
    assert {row["participant_state"] for row in rows} == {"finished"}
    assert {row[f"question_{question.id}"] for row in rows} == {question.options[0]}
    assert len({row["pair"] for row in rows}) == 30
    assert_consistent(app.extensions["study"])


def test_text_that_a_database_cannot_hold_is_refused(app: Flask) -> None:
    client = app.test_client()
    begin(client)
    for trial in client.get("/api/trials").json["trials"]:
        answer(client, trial["id"])
    assert client.post("/questions", data={"comment": "a\x00b"}).status_code in (303, 400)
    assert client.get("/images/%00").status_code in (400, 404)
    assert client.get("/?PROLIFIC_PID=a%00b&STUDY_ID=s&SESSION_ID=t").status_code < 500


def test_requests_of_one_participant_at_the_same_moment(app: Flask) -> None:
    client = app.test_client()
    sign_in(client)
    token = client.environ_base["HTTP_X_CSRFTOKEN"]
    consented = six_times(client, lambda browser: browser.post("/consent", headers={"X-CSRFToken": token}))
    assert {response.status_code for response in consented} == {303}
    assert client.post("/consent", headers={"X-CSRFToken": token}).status_code == 303  # and has the cookie of them
    with database(app).reading() as session:
        assert session.scalar(select(func.count()).select_from(Participant)) == 1
    for path in ("/instructions", "/practice"):
        six_times(client, lambda browser, path=path: browser.post(path, headers={"X-CSRFToken": token}))
    screen = {"screen_width": 1, "screen_height": 1, "device_pixel_ratio": 1.0, "color_depth": 24, "touch_points": 0}
    visits = six_times(client, lambda browser: browser.post("/api/visits", json=screen | {"language": "en"}))
    assert sorted(response.json["visit"] for response in visits) == [1, 2, 3, 4, 5, 6]
    for trial in client.get("/api/trials").json["trials"]:
        stored = six_times(client, lambda browser, trial=trial["id"]: answer(browser, trial))
        assert {response.status_code for response in stored} == {200}
    question = app.extensions["study"].settings.questions[0]
    form = {"csrf_token": token, question.id: question.options[0]}
    six_times(client, lambda browser: browser.post("/questions", data=form))
    with database(app).reading() as session:
        assert len(session.scalars(select(QuestionAnswer)).all()) == 1
    assert_consistent(app.extensions["study"])


# --- several servers -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_answer_at_two_servers_at_the_same_moment_is_stored_once(
    made_small_study: Path, postgres: str
) -> None:
    apps = [create_app(StudyFolder(made_small_study, postgres)) for _ in range(2)]
    client = apps[0].test_client()
    trials = [trial["id"] for trial in begin(client)]
    clients = [client, apps[1].test_client()]
    clients[1]._cookies = client._cookies.copy()
    for trial in trials[:20]:
        both = at_once(*[partial(answer, client, trial) for client in clients])
        assert [r.status_code for r in both] == [200, 200]
    for trial in trials[20:]:
        keys = [f"{n}-{trial}".replace("_", "x") for n in range(2)]
        both = at_once(*[partial(answer, c, trial, idempotency_key=k) for c, k in zip(clients, keys, strict=True)])
        assert sorted(r.status_code for r in both) == [200, 409]
    with database(apps[0]).reading() as session:
        assert session.scalar(select(func.count()).select_from(Response)) == 30
    assert_consistent(apps[0].extensions["study"])
    for app in apps:
        database(app).close()


@pytest.mark.slow
def test_two_studies_in_one_database_are_told_apart(made_small_study: Path, tmp_path: Path, postgres: str) -> None:
    second = Path(shutil.copytree(made_small_study, tmp_path / "second"))
    settings = (second / "study.toml").read_text(encoding="utf-8")
    assert settings.count('name = "study"') == 1
    (second / "study.toml").write_text(settings.replace('name = "study"', 'name = "second"'), encoding="utf-8")
    folders = [StudyFolder(made_small_study, postgres), StudyFolder(second, postgres)]
    for folder, answers in zip(folders, (1, 2), strict=True):
        with served(folder) as url, PersistentParticipant(url) as participant:
            for trial in participant.begin()[:answers]:
                participant.answer(trial)
    for name, answers in (("study", 1), ("second", 2)):
        assert {row["study"] for row in response_rows(f"{postgres}#{name}")} == {name}
        told = CliRunner().invoke(shift_study.main, ["table1", f"{postgres}#{name}"])
        assert f"All {answers} responses are excluded (unfinished" in told.output
    assert len(response_rows(postgres)) == 3
    unknown = CliRunner().invoke(shift_study.main, ["table1", f"{postgres}#third"])
    assert unknown.exit_code == 1
    assert "no study 'third'; it has study, second" in unknown.output


@pytest.fixture
def crowd_study(tmp_path: Path) -> StudyFolder:
    return make_crowd_study(tmp_path / "study")


@pytest.mark.long
@pytest.mark.slow
def test_a_crowd_arrives_at_two_servers_at_once(crowd_study: StudyFolder, postgres: str) -> None:
    folder = StudyFolder(crowd_study.path, postgres)
    with running_server(folder) as first, running_server(folder) as second:
        arrive(100, folder, first, second)


@pytest.mark.slow
def test_a_crowd_arrives_at_once_on_sqlite(crowd_study: StudyFolder) -> None:
    with running_server(crowd_study) as url:
        arrive(100, crowd_study, url)


def arrive(many: int, folder: StudyFolder, *addresses: str) -> None:
    """So many participants consent at once; some stay away, others get their places, and they come back and finish.

    many: whole rounds of the assignment, and several times as many as come at the same moment.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        participants = [PersistentParticipant(*addresses[n % 2 :], *addresses[: n % 2]) for n in range(many + 20)]
        list(pool.map(PersistentParticipant.consent, participants[:many]))
        with closing(Database(folder.database_url)) as opened:
            study = RunningStudy(folder, opened)
            assert_consistent(study)
            assert spread_of_pairs(study) == 0  # whole rounds
            long_ago = datetime.now(UTC) - timedelta(days=1)
            with opened.writing() as session:
                session.execute(update(Participant).where(Participant.number <= 10).values(consented_at=long_ago))
            list(pool.map(PersistentParticipant.consent, participants[many:]))
            assert_consistent(study)
            assert spread_of_pairs(study) <= 1
            with opened.reading() as session:
                replaced = session.scalars(select(Participant).where(Participant.slot.is_(None))).all()
                assert sorted(p.number for p in replaced) == list(range(1, 11))
                assert {p.released_reason for p in replaced} == {"timed_out"}
                assert session.scalars(select(FreeSlot.slot)).all() == []
                held = Counter(session.scalars(select(Participant.slot).where(Participant.slot.is_not(None))))
            assert sorted(held) == list(range(many + 10)) and set(held.values()) == {1}
            keys: list[str] = []
            for participant in (participants[0], participants[many - 1]):  # whether they lost their place or not
                participant.take_part(keys.append)
            assert len(keys) == len(set(keys)) == 20
            assert_consistent(study)
        for participant in participants:
            participant.close()
