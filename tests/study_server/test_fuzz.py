"""Thousands of requests, cookies and bodies of all kinds: no error of the server, no rubbish stored, no wrong state.

The suite sends two thousand; FUZZ_REQUESTS=10000 pytest tests/study_server/test_fuzz.py sends ten.
"""

from __future__ import annotations

import json
import os
import random
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from requests_of_a_participant import ANSWER, begin, database, receipts_of
from study_server.folder.study_folder import StudyFolder
from study_server.storage.models import ANSWERED_ALL, Event, Participant, QuestionAnswer, Response, Study, Trial
from study_server.web.app import create_app

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", 2_000))
COOKIE = "shift_study_study"
WEIRD: list[Any] = [
    None, "", "\x00", "ü" * 200, "-1", "same\n", "'; DROP TABLE response; --", "<script>alert(1)</script>", "{{7*7}}",
    "%00", "../../etc/passwd", "\ud800", "9" * 400, -1, 0, 1e308, 10**400, -0.0, float("nan"), float("inf"), True, [],
    {}, [[]], {"$gt": ""}, "same", "different", 1, 2.5,
]  # fmt: skip


@pytest.fixture
def app(study: StudyFolder) -> Iterator[Flask]:
    found = study.settings
    server = replace(found.server, requests_per_minute=0, arrivals_per_minute=0)
    study.__dict__["settings"] = replace(found, server=server)
    app = create_app(study)
    app.config["TESTING"] = False
    yield app
    database(app).close()


class Attacker:
    """Sends requests made of what a real client would send and of everything else."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.app, self.rng = app, random.Random(seed)
        self.honest = [app.test_client() for _ in range(4)]
        self.trials = [[trial["id"] for trial in begin(client)] for client in self.honest]
        self.cookies = [client.get_cookie(COOKIE).value for client in self.honest]
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
        self.rules = [(rule.rule, sorted(rule.methods or ())) for rule in rules]
        self.statuses: Counter[int] = Counter()
        self.acknowledged: dict[str, str] = {}

    def text(self) -> str:
        kind = self.rng.random()
        if kind < 0.5:
            return str(self.rng.choice(WEIRD)).encode("utf-8", "replace").decode()
        letters = string.printable if kind < 0.8 else "".join(chr(n) for n in range(0x20, 0x3FF))
        return "".join(self.rng.choices(letters, k=self.rng.randrange(40)))

    def path(self) -> str:
        rule, _ = self.rng.choice(self.rules)
        parts = []
        for part in rule.split("/"):
            if not part.startswith("<"):
                parts.append(part)
            elif self.rng.random() < 0.6:
                parts.append(self.rng.choice(self.rng.choice(self.trials)))
            else:
                parts.append(str(self.rng.choice([self.text(), self.rng.randrange(-2, 9), 10**30])))
        path = "/".join(parts)
        return path + self.text() if self.rng.random() < 0.05 else path

    def client(self) -> FlaskClient:
        client = self.app.test_client()
        kind = self.rng.random()
        if kind < 0.7:
            client.set_cookie(COOKIE, self.rng.choice(self.cookies))
        elif kind < 0.9:
            cookie = list(self.rng.choice(self.cookies))
            for _ in range(self.rng.randrange(1, 6)):
                cookie[self.rng.randrange(len(cookie))] = self.rng.choice(string.ascii_letters + ".-_")
            client.set_cookie(COOKIE, "".join(cookie))
        elif kind < 0.95:
            client.set_cookie(COOKIE, "".join(self.rng.choices(string.ascii_letters + string.digits + ".-_", k=90)))
        if self.rng.random() < 0.7:
            client.environ_base["HTTP_X_CSRFTOKEN"] = self.honest[0].environ_base["HTTP_X_CSRFTOKEN"]
        return client

    def body(self) -> dict[str, Any]:
        kind = self.rng.random()
        if kind < 0.2:
            return {}
        if kind < 0.75:
            fields = dict(ANSWER) | {"idempotency_key": f"{self.rng.getrandbits(64):016x}"}
            for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
                name = self.rng.choice([*fields, self.text()])
                fields[name] = self.rng.choice(WEIRD)
            data = json.dumps(fields)
            if self.rng.random() < 0.1:
                data = data[: self.rng.randrange(len(data))]
            return {"data": data.encode(), "content_type": "application/json"}
        if kind < 0.9:
            form = {self.rng.choice(["age", "background", "skip", "code", self.text()]): self.text() for _ in range(3)}
            return {"data": form}
        data = self.rng.randbytes(self.rng.choice([1, 40, 20_000]))
        kinds = ["application/json", "text/plain", "x", "multipart/form-data"]
        return {"data": data, "content_type": self.rng.choice(kinds)}

    def send(self) -> None:
        if self.rng.random() < 0.15:  # in between, an answer that is right
            who = self.rng.randrange(len(self.honest))
            trial, client = self.rng.choice(self.trials[who]), self.honest[who]
            path, method = f"/api/trials/{trial}/response", "PUT"
            key = f"{self.rng.getrandbits(64):016x}"
            answered = ANSWER | receipts_of(client.application, trial) | {"idempotency_key": key}
            sent: dict[str, Any] = {"json": answered}
        else:
            path, client, sent = self.path(), self.client(), self.body()
            method = self.rng.choice(["GET", "POST", "PUT", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
        response = client.open(path, method=method, **sent)
        self.statuses[response.status_code] += 1
        assert response.status_code < 500, (method, path, sent, response.text[:300])
        if response.status_code == 200 and method == "PUT" and path.startswith("/api/trials/"):
            body = sent["json"] if "json" in sent else json.loads(sent["data"])
            self.acknowledged[path.split("/")[3]] = body["idempotency_key"]
        response.close()


@pytest.mark.slow
def test_strange_requests_do_no_harm(app: Flask) -> None:
    attacker = Attacker(app, seed=7)
    for _ in range(REQUESTS):
        attacker.send()
    print(dict(sorted(attacker.statuses.items())), len(attacker.acknowledged), "answers acknowledged")
    assert sum(attacker.statuses.values()) == REQUESTS
    assert attacker.statuses[200] > REQUESTS / 100
    with database(app).reading() as session:
        stored = dict(
            session.execute(
                select(Trial.token, Response.idempotency_key).join(Response, Response.trial_id == Trial.id)
            ).all()
        )
        # Some of these requests may have withdrawn a participant, in their own name: their answers are gone then.
        gone = set(session.scalars(select(Trial.token).join(Participant, Participant.id == Trial.participant_id).where(
            Participant.withdrawn_at.is_not(None)
        )))  # fmt: skip
        assert len(gone) < 10 * len(attacker.honest)
        assert stored == {trial: key for trial, key in attacker.acknowledged.items() if trial not in gone}
        for participant in session.scalars(select(Participant)):
            answered = session.scalar(
                select(func.count()).select_from(Response).join(Trial).where(Trial.participant_id == participant.id)
            )
            assert participant.answered == answered
            if participant.withdrawn_at is None:
                assert (participant.stage in ANSWERED_ALL) == (answered == 10)
        options = {option for question in app.extensions["study"].settings.questions for option in question.options}
        assert set(session.scalars(select(QuestionAnswer.answer))) <= options
        assert session.scalars(select(Study)).one().state == "open"
        done_by_researchers = session.scalars(select(Event.kind).where(Event.actor == "researcher"))
        assert set(done_by_researchers) <= {"login_failed"}
        assert not session.connection().exec_driver_sql("PRAGMA foreign_key_check").all()
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
