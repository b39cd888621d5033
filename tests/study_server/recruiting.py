"""Studies that recruit through platforms, and people who come from there."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import re
import time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from requests_of_a_participant import answer, database, sign_in
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import write_settings
from study_server.storage.models import Identity, Participant, Stimulus, Trial

PROLIFIC = {"PROLIFIC_PID": "5f0b9c1a2b3c4d5e6f708192", "STUDY_ID": "64aa", "SESSION_ID": "65bb"}
MTURK = "/?workerId=A1B2&assignmentId=3ASSIGN&hitId=3HIT&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
OWN_WINDOW = f"{MTURK}&window=own"
SECRET = "cGNqFPb6y0RT3XO9XVSess"
ALL_WAYS = {
    "platforms": ["prolific", "mturk", "sona", "link"],
    "general_token": "class-of-2026",
    "prolific_completion_code": "C1DONE",
    "prolific_screen_out_code": "C2SCREEN",
    "prolific_no_consent_code": "C3NO",
    "prolific_webhook_secret": SECRET,
    "sona_completion_url": "https://uni.sona-systems.com/webstudy_credit.aspx?experiment_id=9&credit_token=ab"
    "&survey_code=%SURVEY_CODE%",
}
"""Of [recruitment]: everybody is admitted who comes with an id or a link."""


def changed(study: StudyFolder, /, **sections: dict[str, Any]) -> StudyFolder:
    """The study with other settings in its study.toml, as in changed(study, recruitment={"repeat": True})."""
    settings = dataclasses.replace(
        study.settings,
        **{name: dataclasses.replace(getattr(study.settings, name), **values) for name, values in sections.items()},
    )
    write_settings(settings, study.path / "study.toml")
    return StudyFolder(study.path, study.other_database)


def prolific_link(person: str = "5f0b9c1a2b3c4d5e6f708192", session: str = "65bb") -> str:
    return f"/?PROLIFIC_PID={person}&STUDY_ID=64aa&SESSION_ID={session}"


def go_on(client: FlaskClient, link: str) -> TestResponse:
    """Come by a link and send the consent form."""
    sign_in(client, link)
    return client.post("/consent")


def begin_from(client: FlaskClient, link: str) -> list[dict[str, str]]:
    """Come by a link, consent, and go to the trials; those that are left."""
    sign_in(client, link)
    for path in ("/consent", "/instructions", "/practice"):
        assert client.post(path).status_code == 303
    return client.get("/api/trials").json["trials"]


def finish(client: FlaskClient, trials: list[dict[str, str]]) -> str:
    """Answer all trials and no question; the last page."""
    for trial in trials:
        answer(client, trial["id"])
    sign_in(client, "/questions")  # in a browser that has seen no form yet
    client.post("/questions", data={})
    return client.get("/thanks").text


def attribute(page: str, element: str, name: str) -> str:
    """An attribute of the element with this id."""
    found = re.search(rf'<[a-z]+ [^>]*id="{element}"[^>]*>', page)
    assert found, element
    value = re.search(rf'{name}="([^"]*)"', found[0])
    assert value, name
    return value[1].replace("&amp;", "&")


def text_of(page: str, element: str) -> str:
    found = re.search(rf'id="{element}"[^>]*>([^<]*)<', page)
    assert found, element
    return found[1].strip()


def people(app: Flask) -> list[tuple[Participant, Identity | None]]:
    """All participants with their identities, in order of arrival."""
    with database(app).reading() as session:
        rows = session.scalars(select(Participant).order_by(Participant.number)).all()
        return [(row, row.identity) for row in rows]


def pairs_of(app: Flask, number: int) -> set[str]:
    with database(app).reading() as session:
        names = select(Stimulus.name).join(Trial, Trial.stimulus_id == Stimulus.id).join(
            Participant, Participant.id == Trial.participant_id
        )  # fmt: skip
        return set(session.scalars(names.where(Participant.number == number)))


def signed(event: Any, *, secret: str = SECRET, at: float | None = None) -> dict[str, Any]:
    """A request to the webhook as Prolific sends it: `data` and `headers`."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return {
        "data": body,
        "headers": {
            "Content-Type": "application/json",
            "X-Prolific-Request-Timestamp": timestamp,
            "X-Prolific-Request-Signature": base64.b64encode(digest).decode(),
        },
    }


def event(status: str, submission: str = "65bb", person: str = "5f0b9c1a2b3c4d5e6f708192") -> dict[str, str]:
    return {
        "event_type": "submission.status.change", "resource_id": submission, "participant_id": person,
        "status": status,
    }  # fmt: skip
