"""What the server answers: stages, storing exactly once, refusing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from made_studies import running
from requests_of_a_participant import ANSWER, answer, begin, database, pixels, sign_in
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import write_settings
from study_server.settings import Question
from study_server.storage.database import Database
from study_server.storage.models import Participant, QuestionAnswer, Response, Trial
from study_server.web.app import create_app

# --- stages ----------------------------------------------------------------------------------------------------------


def test_each_page_sends_a_participant_to_where_they_belong(client: FlaskClient) -> None:
    pages = ["/instructions", "/practice", "/trials", "/questions", "/thanks"]
    assert all(client.get(page).location == "/" for page in pages)
    trials = None
    for stage, leave in [
        ("/instructions", "/instructions"),
        ("/practice", "/practice"),
        ("/trials", None),
        ("/questions", "/questions"),
        ("/thanks", None),
    ]:
        if stage == "/instructions":
            sign_in(client)
            assert client.post("/consent").location == stage
        assert client.get(stage).status_code == 200
        assert all(client.get(page).location == stage for page in ["/", *pages] if page != stage)
        if stage == "/trials":
            trials = client.get("/api/trials").json["trials"]
            for trial in trials:
                last = answer(client, trial["id"])
            assert last.json == {
                "stage": "questions", "answered": 10, "total": 10, "next": "/questions", "superseded": False,
            }  # fmt: skip
        elif leave:
            client.post(leave)
    assert len(trials) == 10


def test_consenting_twice_makes_one_participant(client: FlaskClient, app: Flask) -> None:
    sign_in(client)
    secret = client.get_cookie("shift_study_study").value

    def press(_: int) -> int:
        impatient = app.test_client()
        impatient.set_cookie("shift_study_study", secret)
        impatient.environ_base = client.environ_base
        return impatient.post("/consent").status_code

    with ThreadPoolExecutor(4) as pool:  # pressed again before the answer is there
        assert set(pool.map(press, range(8))) == {303}
    with database(app).reading() as session:
        assert len(session.scalars(select(Participant)).all()) == 1


def test_a_browser_without_cookies_is_told_so_and_takes_no_slot(client: FlaskClient, app: Flask) -> None:
    refused = client.post("/consent")
    assert refused.status_code == 403
    assert "needs cookies" in refused.text
    with database(app).reading() as session:
        assert not session.scalars(select(Participant)).all()


def test_studies_on_one_host_do_not_share_a_cookie(client: FlaskClient) -> None:
    assert client.get("/").headers["Set-Cookie"].startswith("shift_study_study=")


def test_whoever_answered_every_trial_counts_as_finished(client: FlaskClient, app: Flask, study: StudyFolder) -> None:
    for trial in begin(client):
        answer(client, trial["id"])  # and closes the page at the optional questions
    with database(app).writing() as session:
        session.execute(update(Participant).values(last_seen_at=datetime.now(UTC) - timedelta(days=1)))
    begin(app.test_client())
    with database(app).reading() as session:
        assert sorted(session.scalars(select(Participant.slot))) == [0, 1]
    assert {row["participant_state"] for row in response_rows(str(study.path))} == {"finished"}


def test_the_completion_code_appears_only_when_all_answers_are_stored(client: FlaskClient, app: Flask) -> None:
    trials = begin(client)
    for trial in trials[:-1]:
        answer(client, trial["id"])
    client.post("/questions", data={"age": "20–35"})
    assert client.get("/thanks").location == "/trials"
    answer(client, trials[-1]["id"])
    assert client.get("/thanks").location == "/questions"
    client.post("/questions", data={})
    code = re.search('id="completion-code">(.+?)<', client.get("/thanks").text)[1]
    with database(app).reading() as session:
        participant = session.scalars(select(Participant)).one()
    assert participant.completion_code == code
    assert participant.stage == "finished"


def test_a_question_refuses_an_answer_that_it_does_not_offer(client: FlaskClient) -> None:
    for trial in begin(client):
        answer(client, trial["id"])
    refused = client.post("/questions", data={"age": "-5"})
    assert refused.status_code == 400
    assert "This question cannot have that answer" in refused.text
    assert client.get("/thanks").location == "/questions"


def test_an_option_is_stored_as_it_is_offered_and_free_text_on_one_line(study: StudyFolder) -> None:
    income = "5\u00a0000  and more"
    questions = [Question("income", "Income?", [income]), Question("remarks", "Remarks?", [])]
    write_settings(replace(study.settings, questions=questions), study.path / "study.toml")
    app = create_app(StudyFolder(study.path))
    client = app.test_client()
    for trial in begin(client):
        answer(client, trial["id"])
    assert client.post("/questions", data={"income": income, "remarks": " fine,\r\nthanks\r "}).status_code == 303
    with database(app).reading() as session:
        stored = {row.question: row.answer for row in session.scalars(select(QuestionAnswer))}
    database(app).close()
    assert stored == {"income": income, "remarks": "fine, thanks"}


def test_practice_says_whether_the_answer_is_right(client: FlaskClient) -> None:
    sign_in(client)
    client.post("/consent")
    trials = client.get("/api/practice").json["trials"]
    truths = []
    for trial in trials:
        given = client.put(f"/api/practice/{trial['id']}/response", json={"response": "same"}).json
        assert given["correct"] == (given["truth"] == "same")
        left, right = (client.get(trial["images"][side]).data for side in ("left", "right"))
        assert (pixels(left) == pixels(right)).all() == (given["truth"] == "same")
        truths.append(given["truth"])
    assert truths == ["different", "same", "different", "same"]


@pytest.mark.parametrize("shown", ["", "somebody@example.org"])
def test_the_contact_is_shown_where_there_is_one(study: StudyFolder, shown: str) -> None:
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('contact = ""', f'contact = "{shown}"'), encoding="utf-8")
    app = create_app(StudyFolder(study.path))
    text = app.test_client().get("/").text
    assert ("Questions about this study" in text) == bool(shown)
    app.extensions["study"].database.close()


# --- storing ---------------------------------------------------------------------------------------------------------


def test_a_double_submit_stores_one_row(client: FlaskClient, study: StudyFolder) -> None:
    trial = begin(client)[0]["id"]
    first, again = answer(client, trial), answer(client, trial)
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    (row,) = response_rows(str(study.path))
    assert {name: row[name] for name in ANSWER if name != "idempotency_key"} == {
        n: v for n, v in ANSWER.items() if n != "idempotency_key"
    }


def test_a_second_answer_to_a_trial_is_refused_and_the_first_stays(client: FlaskClient, study: StudyFolder) -> None:
    trial = begin(client)[0]["id"]
    answer(client, trial)
    assert answer(client, trial, idempotency_key="another-key", response="different").status_code == 409
    assert [row["response"] for row in response_rows(str(study.path))] == ["same"]


def test_an_idempotency_key_serves_one_trial(client: FlaskClient, study: StudyFolder) -> None:
    first, second = (trial["id"] for trial in begin(client)[:2])
    assert answer(client, first, idempotency_key="one-and-only").status_code == 200
    assert answer(client, second, idempotency_key="one-and-only").status_code == 409
    assert len(response_rows(str(study.path))) == 1


def test_an_answer_before_the_trials_is_refused(client: FlaskClient, study: StudyFolder) -> None:
    sign_in(client)
    client.post("/consent")
    trial = client.get("/api/trials").json["trials"][0]["id"]
    assert answer(client, trial).status_code == 409
    assert not response_rows(str(study.path))


def test_an_answer_for_somebody_elses_trial_is_forbidden(app: Flask, study: StudyFolder) -> None:
    mine, other = app.test_client(), app.test_client()
    trial = begin(mine)[0]["id"]
    begin(other)
    for client in (other, app.test_client()):
        refused = answer(client, trial)
        assert refused.status_code == 403
        assert "belongs to somebody else" in refused.json["error"]
    assert not response_rows(str(study.path))


@dataclass(frozen=True)
class Asking:
    """Somebody in the trials, whose requests are all refused; so that several tests can share them."""

    client: FlaskClient
    trial: str
    path: Path

    def put(self, **request: Any) -> TestResponse:
        return self.client.put(f"/api/trials/{self.trial}/response", **request)


@pytest.fixture(scope="module")
def asking(made_tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    path = tmp_path_factory.mktemp("asking") / "study"
    with running(made_tiny_study, path) as app:
        client = app.test_client()
        yield Asking(client, begin(client)[0]["id"], path)


@pytest.mark.parametrize(
    "changes",
    [
        {"response": "sam"}, {"response": None}, {"reaction_time_ms": -1}, {"reaction_time_ms": "fast"},
        {"reaction_time_ms": float("nan")}, {"reaction_time_ms": float("inf")}, {"reaction_time_ms": True},
        {"reaction_time_ms": 10**400}, {"pixel_scale": 10**400},
        {"pixel_scale": 0}, {"pixel_scale": 1.5}, {"device_pixel_ratio": 0}, {"viewport_width": 0}, {"hidden": 1},
        {"idempotency_key": ""}, {"idempotency_key": 5}, {"idempotency_key": "x" * 65}, {"shift_px": 3},
    ],
)  # fmt: skip
def test_a_malformed_answer_is_refused_naming_the_field(asking: Asking, changes: dict[str, Any]) -> None:
    refused = answer(asking.client, asking.trial, **changes)
    assert refused.status_code == 400
    assert next(iter(changes)) in refused.json["error"]
    assert not response_rows(str(asking.path))


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400), (b"[]", "application/json", 400), (b"{}", "application/json", 400),
        (b"response=same", "application/x-www-form-urlencoded", 400), (b"\xff\xfe", "application/json", 400),
        (b"[" * 8000 + b"]" * 8000, "application/json", 400),
        (b'{"response": "' + b"s" * 20_000 + b'"}', "application/json", 413),
    ],
)  # fmt: skip
def test_a_malformed_or_oversized_request_stores_nothing(
    asking: Asking, body: bytes, content_type: str, status: int
) -> None:
    refused = asking.put(data=body, content_type=content_type)
    assert refused.status_code == status
    assert refused.json["error"]
    assert not response_rows(str(asking.path))


@pytest.mark.parametrize("field", [name for name in ANSWER if name != "idempotency_key"])
def test_a_missing_field_is_named(asking: Asking, field: str) -> None:
    refused = asking.put(json={name: value for name, value in ANSWER.items() if name != field})
    assert (refused.status_code, refused.json["error"]) == (400, f"{field} is missing")


def test_a_cookie_that_is_no_token_is_forbidden(app: Flask, client: FlaskClient) -> None:
    trial = begin(client)[0]["id"]
    other = app.test_client()
    other.set_cookie("shift_study_study", "dünn")
    assert answer(other, trial).status_code == 403


def test_unknown_trials_images_and_pages_are_404(client: FlaskClient) -> None:
    begin(client)
    assert answer(client, "nonsense").status_code == 404
    for path in ("/images/nonsense", "/nowhere", "/practice-images/99/left", "/api/nowhere"):
        assert client.get(path).status_code == 404


def test_an_image_of_another_study_in_the_same_database_is_404(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = begin(client)[0]["images"]["left"]
    assert client.get(image).status_code == 200
    study = app.extensions["study"]
    monkeypatch.setattr(study, "id", study.id + 1)  # a server of another study
    assert client.get(image).status_code == 404


def test_a_busy_database_is_a_503_and_the_answer_can_be_given_again(
    study: StudyFolder,
) -> None:
    app = create_app(study, Database(study.database_url, busy_timeout_s=0.05))
    client = app.test_client()
    trial = begin(client)[0]["id"]
    with closing(sqlite3.connect(study.path / "study.db", isolation_level=None)) as somebody_else:
        somebody_else.execute("BEGIN IMMEDIATE")
        assert answer(client, trial).status_code == 503
        somebody_else.execute("ROLLBACK")
    assert answer(client, trial).status_code == 200
    database(app).close()


# --- constraints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        "answered twice",
        "one slot for two",
        "same pair twice",
        "finished without code",
        "pair of nobody",
    ],
)
def test_the_schema_refuses_impossible_states(app: Flask, damage: str) -> None:
    clients = [app.test_client(), app.test_client()]
    trial = begin(clients[0])[0]["id"]
    begin(clients[1])
    answer(clients[0], trial)
    with pytest.raises(IntegrityError), database(app).writing() as session:
        stored = session.scalars(select(Response)).one()
        first, second = session.scalars(select(Participant).order_by(Participant.number))
        if damage == "answered twice":
            session.execute(
                Response.__table__.insert().values(
                    {c.name: getattr(stored, c.name) for c in Response.__table__.columns} | {"idempotency_key": "other"}
                )
            )
        elif damage == "one slot for two":
            second.slot = first.slot
        elif damage == "same pair twice":
            a, b = session.scalars(select(Trial).where(Trial.participant_id == first.id).limit(2))
            b.stimulus_id = a.stimulus_id
        elif damage == "finished without code":
            first.stage = "finished"
        else:
            session.scalars(select(Trial).limit(1)).one().stimulus_id = 10_000
        session.flush()


def test_assignment_is_exact_when_everybody_arrives_at_once(app: Flask) -> None:
    def arrive(_: int) -> int:
        client = app.test_client()
        sign_in(client)
        assert client.post("/consent").status_code == 303
        return client.get("/api/trials").status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(arrive, range(40))) == {200}
    with database(app).reading() as session:
        slots = sorted(session.scalars(select(Participant.slot)))
        numbers = sorted(session.scalars(select(Participant.number)))
        counts = session.execute(select(Trial.stimulus_id)).scalars().all()
    assert slots == list(range(40))
    assert numbers == list(range(1, 41))
    assert {counts.count(pair) for pair in set(counts)} == {4}
    assert len(set(counts)) == 100


def test_a_slot_is_held_until_the_time_out_and_then_given_to_the_next(app: Flask) -> None:
    clients = [app.test_client() for _ in range(4)]
    before = begin(clients[0])
    begin(clients[1])
    with database(app).writing() as session:
        session.execute(
            update(Participant)
            .where(Participant.number == 1)
            .values(consented_at=datetime.now(UTC) - timedelta(minutes=61))
        )
    begin(clients[2])
    begin(clients[3])
    with database(app).reading() as session:
        slots = dict(session.execute(select(Participant.number, Participant.slot)).all())
        pairs = {
            number: set(
                session.scalars(
                    select(Trial.stimulus_id)
                    .join(Participant, Participant.id == Trial.participant_id)
                    .where(Participant.number == number)
                )
            )
            for number in (1, 3)
        }
    assert slots == {1: None, 2: 1, 3: 0, 4: 2}
    assert pairs[1] == pairs[3]  # the replacement judges exactly what would have been missing
    # Who comes back later than that can finish all the same; the answers are kept.
    assert [trial["id"] for trial in clients[0].get("/api/trials").json["trials"]] == [trial["id"] for trial in before]
    assert answer(clients[0], before[0]["id"]).status_code == 200
