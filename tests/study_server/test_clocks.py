"""Hosts whose clocks differ, and clocks that are put right: nobody becomes somebody else, and nobody is sent away."""

from __future__ import annotations

import time
from collections.abc import Iterator

import itsdangerous
import pytest
from flask import Flask
from flask.testing import FlaskClient

from recruiting import ALL_WAYS, begin_from, changed, people, prolific_link
from requests_of_a_participant import answer, sign_in
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app

SHIFTS_S = [-86_400.0 * 400, -600.0, -1.0, 1.0, 600.0, 86_400.0 * 400]


@pytest.fixture
def hosts(study: StudyFolder) -> Iterator[list[Flask]]:
    """Two servers of one study."""
    folder = changed(study, recruitment=ALL_WAYS | {"platforms": ["open", *ALL_WAYS["platforms"]]})
    apps = [create_app(folder), create_app(folder)]
    yield apps
    for app in apps:
        app.extensions["study"].database.close()


def at(monkeypatch: pytest.MonkeyPatch, shift_s: float) -> None:
    """From now on cookies are signed and looked at by a clock that is so far ahead."""
    monkeypatch.setattr(itsdangerous.TimestampSigner, "get_timestamp", lambda self: int(time.time() + shift_s))


def moved_to(client: FlaskClient, app: Flask) -> FlaskClient:
    """The same browser, whose next request goes to another host."""
    other = app.test_client()
    other._cookies = client._cookies.copy()
    other.environ_base = client.environ_base
    return other


@pytest.mark.parametrize("shift_s", SHIFTS_S)
@pytest.mark.parametrize("link", ["/", prolific_link()])
def test_who_enrolled_at_a_host_whose_clock_differs_goes_on_at_the_other(
    hosts: list[Flask], monkeypatch: pytest.MonkeyPatch, link: str, shift_s: float
) -> None:
    first, second = hosts
    at(monkeypatch, shift_s)
    client = first.test_client()
    sign_in(client, link)
    at(monkeypatch, 0.0)
    client = moved_to(client, second)  # between the form and its being sent
    assert client.post("/consent").status_code == 303
    at(monkeypatch, shift_s)
    client = moved_to(client, first)
    for path in ("/instructions", "/practice"):
        assert client.post(path).status_code == 303
    at(monkeypatch, 0.0)
    client = moved_to(client, second)
    trials = client.get("/api/trials").json["trials"]
    assert len(trials) == 10
    assert answer(client, trials[0]["id"]).status_code == 200
    assert client.get(link).location == "/trials"
    assert len(people(second)) == 1


@pytest.mark.parametrize("shift_s", SHIFTS_S)
def test_a_step_of_the_clock_in_the_middle_changes_nothing(
    hosts: list[Flask], monkeypatch: pytest.MonkeyPatch, shift_s: float
) -> None:
    client = hosts[0].test_client()
    trials = begin_from(client, "/")
    at(monkeypatch, shift_s)
    client = moved_to(client, hosts[1])  # which has not seen the cookie before
    assert answer(client, trials[0]["id"]).status_code == 200
    assert client.get("/").location == "/trials"
    assert client.get("/api/trials").json["answered"] == 1
    assert len(people(hosts[1])) == 1


def test_a_cookie_that_somebody_else_has_signed_is_none(hosts: list[Flask]) -> None:
    client = hosts[0].test_client()
    begin_from(client, "/")
    (cookie,) = client._cookies.values()
    forged = hosts[0].test_client()
    head, _, signature = cookie.value.rpartition(".")
    for value in (f"{head}.{signature[::-1]}", head, f"x{cookie.value}", ""):
        forged.set_cookie(cookie.key, value)
        assert forged.get("/api/trials").status_code == 403
