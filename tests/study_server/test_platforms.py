"""Prolific, MTurk and SONA: who comes from there, the way back, and whom to pay."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from flask import Flask
from playwright.sync_api import Page

import shift_study
from browser import open_browser
from made_studies import running
from recruiting import (
    ALL_WAYS,
    MTURK,
    OWN_WINDOW,
    attribute,
    begin_from,
    changed,
    event,
    finish,
    pairs_of,
    people,
    prolific_link,
    signed,
    text_of,
)
from requests_of_a_participant import ANSWER, answer, receipts_from, sign_in, sign_in_at
from served import served
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app
from study_server.web.background_server import running_server

Configure = Callable[..., Flask]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


# --- Prolific --------------------------------------------------------------------------------------------------------


def test_prolific_participants_are_led_back_with_the_code(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    page = finish(client, begin_from(client, prolific_link()))
    assert attribute(page, "way-back-link", "href") == "https://app.prolific.com/submissions/complete?cc=C1DONE"
    assert text_of(page, "completion-code") == "C1DONE"
    assert "way_back.js" in page
    ((participant, identity),) = people(app)
    assert participant.completion_code == "C1DONE"
    assert identity is not None
    assert (identity.platform, identity.person, identity.project, identity.session) == (
        "prolific", "5f0b9c1a2b3c4d5e6f708192", "64aa", "65bb",
    )  # fmt: skip


def test_who_declines_or_whose_device_is_refused_is_led_back_with_other_codes(configure: Configure) -> None:
    client = configure(**ALL_WAYS).test_client()
    client.get(prolific_link())
    page = client.get("/declined").text
    assert attribute(page, "way-back-link", "href") == "https://app.prolific.com/submissions/complete?cc=C3NO"
    assert "I agree to take part" in client.get("/").text  # thought better of it


def test_without_a_code_prolific_participants_are_told_to_return_the_submission(configure: Configure) -> None:
    client = configure(platforms=["prolific"]).test_client()
    client.get(prolific_link())
    assert "return your submission" in client.get("/declined").text
    page = finish(client, begin_from(client, prolific_link()))
    assert "way-back-link" not in page
    assert text_of(page, "completion-code") == "OWN"


@pytest.fixture(scope="module")
def recruiting(made_tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A study open to all ways, for tests that change nothing in it."""
    with running(made_tiny_study, tmp_path_factory.mktemp("recruiting") / "study", recruitment=ALL_WAYS) as app:
        yield app


@pytest.mark.parametrize(
    "link",
    [
        "/?PROLIFIC_PID=", "/?PROLIFIC_PID={{%PROLIFIC_PID%}}", "/?PROLIFIC_PID=a%00b", "/?PROLIFIC_PID=" + "a" * 65,
        "/?PROLIFIC_PID=abc&SESSION_ID='--", "/?workerId=A1", "/?assignmentId=3A", "/?workerId=A1&assignmentId=é",
        "/?workerId=A1&assignmentId=3A&turkSubmitTo=https://evil.example",
        "/?workerId=A1&assignmentId=3A&turkSubmitTo=http://www.mturk.com",
        "/?workerId=A1&assignmentId=3A&turkSubmitTo=https://www.mturk.com@evil.example",
        "/?survey_code=%25SURVEY_CODE%25", "/?token=", "/?token=a/b",
    ],
)  # fmt: skip
def test_a_damaged_link_is_refused_with_its_part(recruiting: Flask, link: str) -> None:
    client = recruiting.test_client()
    refused = client.get(link)
    assert refused.status_code == 400
    assert "This link is damaged" in refused.text
    assert client.post("/consent").status_code in (400, 403)
    assert not people(recruiting)


# --- MTurk -----------------------------------------------------------------------------------------------------------


def test_mturk_shows_the_study_in_its_frame_and_opens_it_in_a_window_of_its_own(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    frame = app.test_client(use_cookies=False)
    shown = frame.get(MTURK)
    policy = shown.headers["Content-Security-Policy"]
    assert "frame-ancestors https://*.mturk.com" in policy
    assert "form-action https://*.mturk.com" in policy
    assert "Set-Cookie" not in shown.headers
    assert (attribute(shown.text, "open", "target"), attribute(shown.text, "open", "rel")) == ("_blank", "noopener")
    client = app.test_client()
    own = attribute(shown.text, "open", "href")
    assert "frame-ancestors 'none'" in client.get(own).headers["Content-Security-Policy"]
    page = finish(client, begin_from(client, own))
    assert "go back to the window of Mechanical Turk" in page
    handed_in = frame.get(MTURK).text
    assert attribute(handed_in, "submission", "action") == "https://workersandbox.mturk.com/mturk/externalSubmit"
    assert '<input type="hidden" name="assignmentId" value="3ASSIGN">' in handed_in
    assert '<input type="text" name="completionCode" required' in handed_in
    assert text_of(page, "completion-code") not in handed_in  # which whoever has the link could read
    assert handed_in == shown.text


def test_the_preview_records_nothing(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    shown = client.get("/?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=3HIT&turkSubmitTo=https://www.mturk.com")
    assert "This is a preview" in shown.text
    assert "frame-ancestors https://*.mturk.com" in shown.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in shown.headers
    assert client.post("/consent").status_code in (400, 403)
    assert not people(app)


def test_a_worker_who_took_the_hit_up_again_at_the_questions_submits_the_new_assignment(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    for trial in begin_from(client, OWN_WINDOW):
        answer(client, trial["id"])
    assert client.get(OWN_WINDOW.replace("3ASSIGN", "3OTHER")).location == "/questions"
    sign_in(client, "/questions")
    client.post("/questions", data={})
    frame = client.get(MTURK.replace("3ASSIGN", "3OTHER")).text
    assert 'id="submission"' in frame
    assert "3OTHER" in frame


def test_the_link_out_of_the_frame_stays_at_this_server(configure: Configure) -> None:
    page = configure(**ALL_WAYS).test_client().get(f"{MTURK}&_external=1&_scheme=javascript&_anchor=x").text
    assert attribute(page, "open", "href").startswith("/?")


# --- SONA ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["survey_code", "id"])
def test_sona_participants_are_led_back_with_their_code(configure: Configure, name: str) -> None:
    client = configure(**ALL_WAYS).test_client()
    page = finish(client, begin_from(client, f"/?{name}=12345"))
    assert attribute(page, "way-back-link", "href") == ALL_WAYS["sona_completion_url"].replace("%SURVEY_CODE%", "12345")


def test_an_id_means_nothing_where_sona_is_not_admitted(configure: Configure) -> None:
    app = configure(platforms=["open"])
    begin_from(app.test_client(), "/?id=12345")
    assert people(app)[0][1] is None


# --- the table of participants ---------------------------------------------------------------------------------------


def test_the_table_says_whom_to_pay_and_whose_answers_to_use(
    configure: Configure, study: StudyFolder, tmp_path: Path
) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    finish(client, begin_from(client, prolific_link()))  # says "same" to everything
    begin_from(app.test_client(), prolific_link("ffff", "65cc"))
    out = tmp_path / "participants.csv"
    done = run("participants", study.path, "-o", out, "--json")
    figures = json.loads(done.stdout)
    assert figures | {"file": ""} == {
        "file": "", "participants": 2, "simulated": 0, "states": {"finished": 1, "unfinished": 1}, "pay": 1, "use": 0,
        "not_used_because": {"validation": 1, "unfinished": 1},
    }  # fmt: skip
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["participant"], r["pay"], r["use"], r["not_used_because"]) for r in rows] == [
        ("p0001", "true", "false", "validation"), ("p0002", "false", "false", "unfinished"),
    ]  # fmt: skip
    assert "5f0b" not in out.read_text()
    assert "person" not in rows[0]
    assert "exists already" in run("participants", study.path, "-o", out).output
    lines = tmp_path / "participants.jsonl"
    said = run("participants", study.path, "-o", lines, "--identities").output
    assert "pay  1" in said
    people_ = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["person"] for row in people_] == ["5f0b9c1a2b3c4d5e6f708192", "ffff"]
    assert people_[0]["pay"] is True
    assert ".csv or .jsonl" in run("participants", study.path, "-o", tmp_path / "p.xlsx").output


# --- a dry run, as Prolific would do it ------------------------------------------------------------------------------


class _Visitor:
    """Somebody at Prolific who follows the study's link."""

    def __init__(self, url: str, person: str) -> None:
        self.url, self.session = url, requests.Session()
        self.session.trust_env = False
        self.link = f"{url}/?PROLIFIC_PID={person}&STUDY_ID=64aa&SESSION_ID=sub-{person}"

    def begin(self) -> list[dict[str, Any]]:
        sign_in_at(self.session, self.link)
        for path in ("/consent", "/instructions", "/practice"):
            assert self.session.post(self.url + path, timeout=30).ok
        trials: list[dict[str, Any]] = self.session.get(f"{self.url}/api/trials", timeout=30).json()["trials"]
        return trials

    def finish(self, trials: list[dict[str, Any]]) -> str:
        for trial in trials:
            body = ANSWER | {"idempotency_key": f"key-of-{trial['id']}".replace("_", "x")}
            body |= receipts_from(self.session, self.url, trial)
            url = f"{self.url}/api/trials/{trial['id']}/response"
            assert self.session.put(url, json=body, timeout=30).ok
        return self.session.post(f"{self.url}/questions", timeout=30).text


@pytest.mark.slow
def test_dry_run_as_prolific_would_do_it(study: StudyFolder) -> None:
    folder = changed(study, recruitment=ALL_WAYS | {"platforms": ["prolific"]})
    with running_server(folder) as url:
        assert requests.get(url, timeout=30).status_code == 403  # nobody comes but from Prolific
        first, second, third = (_Visitor(url, person) for person in ("aaaa", "bbbb", "cccc"))
        page = first.finish(first.begin())
        assert attribute(page, "way-back-link", "href") == "https://app.prolific.com/submissions/complete?cc=C1DONE"
        second.begin()
        told = requests.post(f"{url}/hooks/prolific", **signed(event("RETURNED", "sub-bbbb", "bbbb")), timeout=30)
        assert told.json() == {"released": ["p0002"]}
        page = third.finish(third.begin())
        assert text_of(page, "completion-code") == "C1DONE"
        for visitor in (first, second, third):
            visitor.session.close()
    app = create_app(folder)
    assert pairs_of(app, 2) == pairs_of(app, 3)
    assert pairs_of(app, 1) != pairs_of(app, 3)
    assert [p.stage for p, _ in people(app)] == ["finished", "trials", "finished"]
    app.extensions["study"].database.close()


@pytest.mark.slow
def test_the_browser_goes_back_to_prolific_by_itself_unless_told_to_stay(study: StudyFolder) -> None:
    folder = changed(study, recruitment=ALL_WAYS)
    with served(folder) as url, open_browser() as browser:

        def decline(page: Page) -> None:
            page.clock.install()
            page.route("https://app.prolific.com/**", lambda route: route.fulfill(body="thank you from Prolific"))
            page.goto(url + prolific_link())
            page.click("text=I do not want to take part")
            page.wait_for_selector("#stay")

        leaving = browser.new_page()
        decline(leaving)
        assert "15" in leaving.inner_text("#way-back-when")
        with leaving.expect_navigation(url="https://app.prolific.com/submissions/complete?cc=C3NO"):
            leaving.clock.run_for(15_000)
        staying = browser.new_page()
        decline(staying)
        staying.click("#stay")
        staying.clock.run_for(60_000)
        assert staying.url == f"{url}/declined"
        with suppress(Exception):
            staying.close()
