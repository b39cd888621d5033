"""The experimenter: sets a password, logs in, sends the dashboard's forms."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event, Participant

PASSWORD = "a stapled horse"


def token_on(page: str) -> str:
    """The CSRF token of a page's first form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page
    return found.group(1)


def try_password(client: FlaskClient, password: str, address: str = "203.0.113.7", **fields: str) -> Any:
    """Send the login form from this address."""
    page = client.get("/dashboard/login").text
    # A study without a password shows no form; whoever asks all the same has a token from another page.
    token = token_on(page if "csrf_token" in page else client.get("/").text)
    return client.post(
        "/dashboard/login",
        data={"password": password, "csrf_token": token} | fields,
        environ_base={"REMOTE_ADDR": address},
    )


@cache
def _quick_hash() -> str:
    """Its hash by few rounds: one as `shift-study password` makes it takes a tenth of a second on purpose."""
    return generate_password_hash(PASSWORD, "scrypt:1024:8:1")


def log_in(app: Flask, browser: FlaskClient | None = None) -> FlaskClient:
    """A browser (another, or this one) that is logged in; forms are then sent with its CSRF token."""
    study: RunningStudy = app.extensions["study"]
    with study.database.writing() as session:
        study.locked(session).password_hash = _quick_hash()
    client = browser or app.test_client()
    assert try_password(client, PASSWORD).status_code == 303
    client.environ_base["HTTP_X_CSRFTOKEN"] = token_on(client.get("/dashboard/").text)
    return client


def events(app: Flask, *kinds: str) -> list[tuple[str, str, str, str]]:
    """(kind, actor, participant's label, detail) of the lines of the audit trail, in order."""
    with app.extensions["study"].database.reading() as session:
        rows = session.execute(
            select(Event, Participant).outerjoin(Participant, Participant.id == Event.participant_id).order_by(Event.id)
        )
        found = [(e.kind, e.actor, who.label if who else "", e.detail) for e, who in rows]
    return [row for row in found if not kinds or row[0] in kinds]


def stored(app: Flask, label: str) -> Participant:
    """A participant as the database has them."""
    with app.extensions["study"].database.reading() as session:
        number = int(label[1:])
        return session.scalars(select(Participant).where(Participant.number == number)).one()
