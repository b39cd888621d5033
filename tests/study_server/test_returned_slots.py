"""Slots that come back: what Prolific tells of submissions, and the verb `release`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

import shift_study
from made_studies import running
from recruiting import (
    ALL_WAYS,
    begin_from,
    event,
    finish,
    pairs_of,
    people,
    prolific_link,
    signed,
)
from requests_of_a_participant import begin, database
from study_server.folder.study_folder import StudyFolder
from study_server.storage.models import Event, FreeSlot

Configure = Callable[..., Flask]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.mark.parametrize("status", ["RETURNED", "TIMED-OUT"])
def test_a_returned_submission_frees_its_pairs_for_the_next(configure: Configure, status: str) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    begin_from(client, prolific_link())
    stranger = app.test_client()
    assert stranger.post("/hooks/prolific", **signed(event(status))).json == {"released": ["p0001"]}
    assert stranger.post("/hooks/prolific", **signed(event(status))).json == {"released": []}  # told twice
    begin_from(app.test_client(), prolific_link("ffff", "65cc"))
    assert pairs_of(app, 1) == pairs_of(app, 2)
    with database(app).reading() as session:
        events = session.scalars(select(Event).where(Event.kind == "slot_released")).all()
        assert [(e.actor, e.detail) for e in events] == [("platform", "slot 0, returned")]
        assert not session.scalars(select(FreeSlot)).all()


def test_who_finished_keeps_the_slot_though_the_submission_times_out(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    finish(client, begin_from(client, prolific_link()))
    assert client.post("/hooks/prolific", **signed(event("TIMED-OUT"))).json == {"released": []}


def test_the_webhook_knows_people_by_their_id_where_links_name_no_submission(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    begin_from(app.test_client(), "/?PROLIFIC_PID=aaaa")
    client = app.test_client()
    assert client.post("/hooks/prolific", **signed(event("RETURNED", "65ff", "bbbb"))).json == {"released": []}
    assert client.post("/hooks/prolific", **signed(event("RETURNED", "65ff", "aaaa"))).json == {"released": ["p0001"]}


@pytest.fixture(scope="module")
def recruiting(made_tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A study open to all ways, for tests that change nothing in it, where somebody from Prolific holds a slot."""
    with running(made_tiny_study, tmp_path_factory.mktemp("recruiting") / "study", recruitment=ALL_WAYS) as app:
        begin_from(app.test_client(), prolific_link())
        yield app


@pytest.mark.parametrize("other", [{"event_type": "study.status.change"}, {"status": "ACTIVE"}, {"resource_id": "x"}])
def test_other_events_are_acknowledged_and_change_nothing(recruiting: Flask, other: dict[str, str]) -> None:
    told = recruiting.test_client().post("/hooks/prolific", **signed(event("RETURNED") | other))
    assert (told.status_code, told.json) == (200, {"released": []})
    assert people(recruiting)[0][0].slot == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (signed(event("RETURNED"), secret="guessed"), 403),
        (signed(event("RETURNED"), at=1_700_000_000), 403),
        (signed(event("RETURNED"), at=99_999_999_999), 403),
        ({"data": b"{}", "headers": {}}, 403),
        ({"data": b"{}", "headers": {"X-Prolific-Request-Timestamp": "inf", "X-Prolific-Request-Signature": "é"}}, 403),
    ],
)
def test_an_unsigned_or_old_request_is_refused(recruiting: Flask, request_: dict[str, Any], status: int) -> None:
    assert recruiting.test_client().post("/hooks/prolific", **request_).status_code == status
    assert people(recruiting)[0][0].slot == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"event_type": 3}', b'{"event_type": "a\\u0000"}'])
def test_rubbish_from_prolific_is_refused(recruiting: Flask, body: bytes) -> None:
    assert recruiting.test_client().post("/hooks/prolific", **signed(body)).status_code == 400


def test_there_is_no_webhook_without_a_secret(client: FlaskClient) -> None:
    assert client.post("/hooks/prolific", **signed(event("RETURNED"), secret="")).status_code == 404


def test_release_frees_the_pairs_of_named_participants(configure: Configure, study: StudyFolder) -> None:
    app = configure(platforms=["open"])
    begin(app.test_client())
    begin(app.test_client())
    released = run("release", study.path, "p0002", "p0002", "--json")
    assert json.loads(released.stdout) == {"released": ["p0002"], "given_up_at_prolific": 0}
    assert "none of them held a place" in run("release", study.path, "p0002").output
    unknown = run("release", study.path, "p0001", "s0001")
    assert unknown.exit_code == 1
    assert "no participant s0001" in unknown.output
    assert [participant.slot for participant, _ in people(app)] == [0, None]
    assert run("release", study.path).exit_code == 2


def test_release_reads_what_prolific_exports(configure: Configure, study: StudyFolder, tmp_path: Path) -> None:
    app = configure(platforms=["prolific"])
    for person, session in (("aaaa", "1a"), ("bbbb", "1b"), ("cccc", "1c"), ("dddd", "1d")):
        begin_from(app.test_client(), prolific_link(person, session))
    begin_from(app.test_client(), "/?PROLIFIC_PID=eeee")
    begin_from(app.test_client(), "/?PROLIFIC_PID=ffff")
    rows = [
        ("1a", "aaaa", "APPROVED"), ("1b", "bbbb", "RETURNED"), ("1c", "cccc", "TIMED-OUT"), ("0d", "dddd", "RETURNED"),
        ("1e", "eeee", "RETURNED"), ("1f", "ffff", "RETURNED"), ("2f", "ffff", "ACTIVE"),
    ]  # fmt: skip
    export = tmp_path / "export.csv"
    lines = ["Submission id,Participant id,Status,Age", *(",".join(row) + ",33" for row in rows)]
    export.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    released = json.loads(run("release", study.path, "--prolific", export, "--json").stdout)
    assert released == {"released": ["p0002", "p0003", "p0005"], "given_up_at_prolific": 5}
    export.write_text("a,b\n1,2\n")
    assert "no column 'Submission id'" in run("release", study.path, "--prolific", export).output
