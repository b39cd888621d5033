"""Nobody may flood the server; a laboratory behind one address may take part."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from requests_of_a_participant import answer, begin, database, sign_in
from study_server.access.sessions import SIMULATION_HEADER
from study_server.folder.study_folder import StudyFolder
from study_server.storage.models import Participant
from study_server.web.app import create_app


def limited(study: StudyFolder, **server: int) -> Flask:
    settings = study.settings
    study.__dict__["settings"] = replace(settings, server=replace(settings.server, **server))
    return create_app(study)


@pytest.fixture
def lab(study: StudyFolder):  # type: ignore[no-untyped-def]
    app = limited(study, arrivals_per_minute=5, requests_per_minute=40)
    yield app
    database(app).close()


def test_a_flood_of_arrivals_from_an_address_is_told_to_wait(lab: Flask) -> None:
    answers = [lab.test_client().get("/") for _ in range(12)]
    # Counted by the minute: the flood may straddle two of them.
    refused = [a for a in answers if a.status_code == 429]
    assert len(refused) >= 2
    assert all(1 <= int(a.headers["Retry-After"]) <= 60 for a in refused)
    assert {a.status_code for a in answers} == {200, 429}
    elsewhere = lab.test_client().get("/", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code == 200


def test_a_host_is_one_whichever_of_its_addresses_it_uses(lab: Flask) -> None:
    addresses = [f"2001:db8:1:2::{n:x}" for n in range(12)]
    statuses = [lab.test_client().get("/", environ_base={"REMOTE_ADDR": a}).status_code for a in addresses]
    assert statuses.count(429) >= 2  # the twelve may straddle two minutes
    elsewhere = lab.test_client().get("/", environ_base={"REMOTE_ADDR": "2001:db8:1:3::1"})
    assert elsewhere.status_code == 200


def test_participants_behind_one_address_are_counted_each_for_themselves(lab: Flask) -> None:
    clients = [lab.test_client(), lab.test_client()]
    for client in clients:
        trials = begin(client)
        assert [answer(client, trial["id"]).status_code for trial in trials] == [200] * len(trials)


def test_a_participant_who_floods_is_told_to_wait_and_others_are_not(lab: Flask) -> None:
    flooding, quiet = lab.test_client(), lab.test_client()
    begin(flooding)
    statuses = {flooding.get("/api/trials").status_code for _ in range(120)}
    assert statuses == {200, 429}
    begin(quiet)
    assert quiet.get("/api/trials").status_code == 200


def test_observers_with_the_key_are_not_counted_as_arrivals(lab: Flask) -> None:
    key = lab.extensions["study"].simulation_key
    for _ in range(20):
        client = lab.test_client()
        client.environ_base["HTTP_" + SIMULATION_HEADER.upper().replace("-", "_")] = key
        sign_in(client)
        assert client.post("/consent").status_code == 303
    with database(lab).reading() as session:
        assert len(session.scalars(select(Participant)).all()) == 20


def test_a_key_that_is_no_text_is_refused(lab: Flask) -> None:
    client = lab.test_client()
    sign_in(client)
    assert client.post("/consent", headers={SIMULATION_HEADER: "\xe9"}).status_code == 403


def test_zero_means_no_limit(study: StudyFolder) -> None:
    app = limited(study, arrivals_per_minute=0, requests_per_minute=0)
    assert {app.test_client().get("/").status_code for _ in range(400)} == {200}
    database(app).close()
