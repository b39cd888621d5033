"""Who comes from where: Prolific, MTurk, SONA and personal links; one participation a person; the way back."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy import select

import shift_study
from browser import open_browser
from recruiting import (
    SECRET,
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
from requests_of_a_participant import ANSWER, answer, begin, database, sign_in, sign_in_at
from served import served
from study_server.dashboard import actions
from study_server.folder.study_folder import StudyFolder
from study_server.participants.withdrawal import withdraw
from study_server.storage.models import Event, FreeSlot
from study_server.web.app import create_app
from study_server.web.background_server import running_server

Configure = Callable[..., Flask]

ALL = {
    "platforms": ["prolific", "mturk", "sona", "link"],
    "general_token": "class-of-2026",
    "prolific_completion_code": "C1DONE",
    "prolific_screen_out_code": "C2SCREEN",
    "prolific_no_consent_code": "C3NO",
    "prolific_webhook_secret": SECRET,
    "sona_completion_url": "https://uni.sona-systems.com/webstudy_credit.aspx?experiment_id=9&credit_token=ab"
    "&survey_code=%SURVEY_CODE%",
}
MTURK = "/?workerId=A1B2&assignmentId=3ASSIGN&hitId=3HIT&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
OWN_WINDOW = f"{MTURK}&window=own"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.fixture
def configure(study: StudyFolder) -> Iterator[Configure]:
    """Make the application of the study, with other settings."""
    made = []

    def make(**recruitment: Any) -> Flask:
        app = create_app(changed(study, recruitment=recruitment, completion={"code": "OWN"}))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["study"].database.close()


# --- Prolific --------------------------------------------------------------------------------------------------------


def test_prolific_participants_are_led_back_with_the_code(configure: Configure) -> None:
    app = configure(**ALL)
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
    client = configure(**ALL).test_client()
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
def test_a_damaged_link_is_refused_with_its_part(configure: Configure, link: str) -> None:
    app = configure(**ALL)
    client = app.test_client()
    refused = client.get(link)
    assert refused.status_code == 400
    assert "This link is damaged" in refused.text
    assert client.post("/consent").status_code in (400, 403)
    assert not people(app)


# --- one participation a person --------------------------------------------------------------------------------------


def test_another_browser_goes_on_at_the_same_trial_with_the_same_pairs_and_sides(configure: Configure) -> None:
    app = configure(**ALL)
    first, second = app.test_client(), app.test_client()
    trials = begin_from(first, prolific_link())
    for trial in trials[:4]:
        answer(first, trial["id"])
    assert second.get(prolific_link()).location == "/trials"
    assert second.get("/api/trials").json["trials"] == trials[4:]
    page = finish(second, trials[4:])
    assert second.get(prolific_link()).location == "/thanks"
    assert app.test_client().get(prolific_link(), follow_redirects=True).text.count("C1DONE") == page.count("C1DONE")
    assert len(people(app)) == 1


def test_another_person_at_the_same_computer_is_a_new_participant(configure: Configure) -> None:
    app = configure(**ALL)
    client = app.test_client()
    first = begin_from(client, prolific_link())
    second = begin_from(client, prolific_link("ffff", "65cc"))
    assert not {t["id"] for t in first} & {t["id"] for t in second}
    assert client.get(prolific_link()).location == "/trials"  # and the first comes back
    assert client.get("/api/trials").json["trials"] == first
    assert [identity.person for _, identity in people(app) if identity] == ["5f0b9c1a2b3c4d5e6f708192", "ffff"]


def test_a_link_that_admits_nobody_leaves_the_participation_in_the_browser_alone(configure: Configure) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    trials = begin(client)
    assert client.get(prolific_link()).status_code == 403
    assert client.get("/?token=guessed").status_code == 403
    assert client.get("/api/trials").json["trials"] == trials
    page = finish(client, trials)
    assert client.get(prolific_link()).status_code == 403
    assert client.get("/thanks").text == page


def test_a_paused_study_leaves_the_participation_in_the_browser_alone(configure: Configure) -> None:
    app = configure(**ALL)
    client = app.test_client()
    trials = begin_from(client, prolific_link())
    actions.set_state(app.extensions["study"], "paused")
    assert "paused" in client.get(prolific_link("ffff", "65cc")).text
    assert client.get("/api/trials").json["trials"] == trials


def test_two_consents_of_one_person_at_once_make_one_participant(study: StudyFolder, other_database: str) -> None:
    folder = changed(StudyFolder(study.path, other_database), recruitment=ALL)
    app = create_app(folder)
    clients = [app.test_client() for _ in range(8)]
    for client in clients:
        sign_in(client, prolific_link())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda client: client.post("/consent").status_code, clients)) == {303}
    assert len(people(app)) == 1
    assert {client.get("/").location for client in clients} == {"/instructions"}
    app.extensions["study"].database.close()


def test_who_took_a_returned_submission_up_again_is_known_by_its_new_id(configure: Configure) -> None:
    app = configure(**ALL)
    begin_from(app.test_client(), prolific_link())
    app.test_client().get(prolific_link(session="65dd"))
    ((_, identity),) = people(app)
    assert identity is not None
    assert identity.session == "65dd"
    client = app.test_client()
    # News of the old submission comes late.
    assert client.post("/hooks/prolific", **signed(event("RETURNED"))).json == {"released": []}
    assert client.post("/hooks/prolific", **signed(event("RETURNED", "65dd"))).json == {"released": ["p0001"]}


def test_with_repeat_a_person_can_take_part_again_after_finishing(configure: Configure) -> None:
    app = configure(**ALL | {"repeat": True})
    client = app.test_client()
    trials = begin_from(client, prolific_link())
    assert client.get(prolific_link(session="65cc")).location == "/trials"  # not while at it
    finish(client, trials)
    assert client.get(prolific_link(session="65cc")).location == "/thanks"
    assert len(begin_from(client, prolific_link(session="65ee"))) == 10
    assert [identity.repetition for _, identity in people(app) if identity] == [1, 2]
    assert client.get("/").location == "/trials"


def test_with_repeat_the_next_person_at_a_laboratory_computer_can_begin(configure: Configure) -> None:
    app = configure(platforms=["open"], repeat=True)
    client = app.test_client()
    page = finish(client, begin(client))
    assert "let somebody else take part" in page
    assert client.post("/again").location == "/"
    assert len(begin(client)) == 10
    assert len(people(app)) == 2


# --- who is admitted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platforms", "link", "told"),
    [
        (["prolific"], "/", "open the study from its page there"),
        (["open"], prolific_link(), "Anybody can take part at this address"),
        (["link", "mturk"], "/?survey_code=1234", "accept the HIT"),
        (["link"], "/?token=guessed", "personal link is not valid"),
        (["sona"], MTURK, "If you use SONA"),
    ],
)
def test_who_comes_another_way_is_told_how_to_come(
    configure: Configure, platforms: list[str], link: str, told: str
) -> None:
    app = configure(platforms=platforms)
    client = app.test_client()
    refused = client.get(link)
    assert refused.status_code == 403
    assert told in refused.text
    assert "I agree to take part" not in refused.text
    assert client.post("/consent").status_code in (400, 403)
    assert not people(app)


def test_all_admitted_ways_work_side_by_side(configure: Configure) -> None:
    app = configure(**ALL | {"platforms": ["open", *ALL["platforms"]]})
    for link in ("/", prolific_link(), OWN_WINDOW, "/?survey_code=1234", "/?token=class-of-2026"):
        assert len(begin_from(app.test_client(), link)) == 10
    platforms = [identity.platform if identity else None for _, identity in people(app)]
    assert platforms == [None, "prolific", "mturk", "sona", "link"]


# --- MTurk -----------------------------------------------------------------------------------------------------------


def test_mturk_shows_the_study_in_its_frame_and_opens_it_in_a_window_of_its_own(configure: Configure) -> None:
    app = configure(**ALL)
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
    handed_in = frame.get(attribute(shown.text, "again", "href")).text
    assert attribute(handed_in, "submission", "action") == "https://workersandbox.mturk.com/mturk/externalSubmit"
    assert '<input type="hidden" name="assignmentId" value="3ASSIGN">' in handed_in
    assert f'<input type="hidden" name="completionCode" value="{text_of(page, "completion-code")}">' in handed_in


def test_the_preview_records_nothing(configure: Configure) -> None:
    app = configure(**ALL)
    client = app.test_client()
    shown = client.get("/?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=3HIT&turkSubmitTo=https://www.mturk.com")
    assert "This is a preview" in shown.text
    assert "frame-ancestors https://*.mturk.com" in shown.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in shown.headers
    assert client.post("/consent").status_code in (400, 403)
    assert not people(app)


def test_the_form_for_mturk_is_that_of_the_same_assignment(configure: Configure) -> None:
    app = configure(**ALL)
    client = app.test_client()
    finish(client, begin_from(client, OWN_WINDOW))
    assert 'id="submission"' in client.get(MTURK).text
    assert 'id="submission"' not in client.get(MTURK.replace("3ASSIGN", "3OTHER")).text
    assert 'id="submission"' not in client.get(MTURK.replace("A1B2", "A9")).text


def test_a_worker_who_took_the_hit_up_again_at_the_questions_submits_the_new_assignment(configure: Configure) -> None:
    app = configure(**ALL)
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
    page = configure(**ALL).test_client().get(f"{MTURK}&_external=1&_scheme=javascript&_anchor=x").text
    assert attribute(page, "open", "href").startswith("/?")


# --- SONA ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["survey_code", "id"])
def test_sona_participants_are_led_back_with_their_code(configure: Configure, name: str) -> None:
    client = configure(**ALL).test_client()
    page = finish(client, begin_from(client, f"/?{name}=12345"))
    assert attribute(page, "way-back-link", "href") == ALL["sona_completion_url"].replace("%SURVEY_CODE%", "12345")


def test_an_id_means_nothing_where_sona_is_not_admitted(configure: Configure) -> None:
    app = configure(platforms=["open"])
    begin_from(app.test_client(), "/?id=12345")
    assert people(app)[0][1] is None


# --- links -----------------------------------------------------------------------------------------------------------


def test_personal_links_admit_each_one_person(configure: Configure, study: StudyFolder, tmp_path: Path) -> None:
    app = configure(platforms=["link"])
    out = tmp_path / "links.csv"
    options = ("--count", 3, "--label", "class", "--base-url", "https://study.example.org/x", "-o", out)
    assert run("links", study.path, *options).exit_code == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["class-1", "class-2", "class-3"]
    assert all(re.fullmatch(r"https://study\.example\.org/x/\?token=[\w-]{24}", row["link"]) for row in rows)
    links = ["/" + row["link"].partition("/x/")[2] for row in rows]
    trials = begin_from(app.test_client(), links[0])
    again = app.test_client()
    assert again.get(links[0]).location == "/trials"
    assert again.get("/api/trials").json["trials"] == trials
    begin_from(app.test_client(), links[1])
    assert len(people(app)) == 2
    assert run("links", study.path, *options).output.count("exists already") == 1
    more = run("links", study.path, "--count", 2, "--label", "class")
    assert [line.partition(",")[0] for line in more.stdout.splitlines()] == ["label", "class-4", "class-5"]
    withdraw(app.extensions["study"], people(app)[0][0], "researcher")  # whose label is not given again
    assert run("links", study.path, "--count", 1, "--label", "class").stdout.splitlines()[1].startswith("class-6,")


def test_links_are_refused_for_a_study_that_would_not_admit_them(study: StudyFolder) -> None:
    refused = run("links", study.path)
    assert refused.exit_code == 1
    assert "recruitment.platforms" in refused.output
    changed(study, recruitment={"platforms": ["link"]})
    assert "--base-url" in run("links", study.path, "--base-url", "study.example.org").output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('platforms = ["open"]', "platforms = []", "recruitment.platforms is empty"),
        ('sona_completion_url = ""', 'sona_completion_url = "https://x.sona-systems.com/?survey_code=XXXX"',
         "%SURVEY_CODE% in place of XXXX"),
    ],
)  # fmt: skip
def test_recruitment_that_cannot_work_is_refused(study: StudyFolder, old: str, new: str, message: str) -> None:
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    refused = run("check", study.path)
    assert refused.exit_code == 1
    assert message in refused.output


# --- slots that come back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["RETURNED", "TIMED-OUT"])
def test_a_returned_submission_frees_its_pairs_for_the_next(configure: Configure, status: str) -> None:
    app = configure(**ALL)
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
    app = configure(**ALL)
    client = app.test_client()
    finish(client, begin_from(client, prolific_link()))
    assert client.post("/hooks/prolific", **signed(event("TIMED-OUT"))).json == {"released": []}


def test_the_webhook_knows_people_by_their_id_where_links_name_no_submission(configure: Configure) -> None:
    app = configure(**ALL)
    begin_from(app.test_client(), "/?PROLIFIC_PID=aaaa")
    client = app.test_client()
    assert client.post("/hooks/prolific", **signed(event("RETURNED", "65ff", "bbbb"))).json == {"released": []}
    assert client.post("/hooks/prolific", **signed(event("RETURNED", "65ff", "aaaa"))).json == {"released": ["p0001"]}


@pytest.mark.parametrize("other", [{"event_type": "study.status.change"}, {"status": "ACTIVE"}, {"resource_id": "x"}])
def test_other_events_are_acknowledged_and_change_nothing(configure: Configure, other: dict[str, str]) -> None:
    app = configure(**ALL)
    begin_from(app.test_client(), prolific_link())
    told = app.test_client().post("/hooks/prolific", **signed(event("RETURNED") | other))
    assert (told.status_code, told.json) == (200, {"released": []})
    assert people(app)[0][0].slot == 0


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
def test_an_unsigned_or_old_request_is_refused(configure: Configure, request_: dict[str, Any], status: int) -> None:
    app = configure(**ALL)
    begin_from(app.test_client(), prolific_link())
    assert app.test_client().post("/hooks/prolific", **request_).status_code == status
    assert people(app)[0][0].slot == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"event_type": 3}', b'{"event_type": "a\\u0000"}'])
def test_rubbish_from_prolific_is_refused(configure: Configure, body: bytes) -> None:
    assert configure(**ALL).test_client().post("/hooks/prolific", **signed(body)).status_code == 400


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


# --- the table of participants ---------------------------------------------------------------------------------------


def test_the_table_says_whom_to_pay_and_whose_answers_to_use(
    configure: Configure, study: StudyFolder, tmp_path: Path
) -> None:
    app = configure(**ALL)
    client = app.test_client()
    finish(client, begin_from(client, prolific_link()))  # says "same" to everything
    begin_from(app.test_client(), prolific_link("ffff", "65cc"))
    out = tmp_path / "participants.csv"
    done = run("participants", study.path, "-o", out, "--json")
    figures = json.loads(done.stdout)
    assert figures | {"file": ""} == {
        "file": "", "participants": 2, "states": {"finished": 1, "unfinished": 1}, "pay": 1, "use": 0,
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

    def begin(self) -> list[dict[str, str]]:
        sign_in_at(self.session, self.link)
        for path in ("/consent", "/instructions", "/practice"):
            assert self.session.post(self.url + path, timeout=30).ok
        trials: list[dict[str, str]] = self.session.get(f"{self.url}/api/trials", timeout=30).json()["trials"]
        return trials

    def finish(self, trials: list[dict[str, str]]) -> str:
        for trial in trials:
            body = ANSWER | {"idempotency_key": f"key-of-{trial['id']}".replace("_", "x")}
            url = f"{self.url}/api/trials/{trial['id']}/response"
            assert self.session.put(url, json=body, timeout=30).ok
        return self.session.post(f"{self.url}/questions", timeout=30).text


@pytest.mark.slow
def test_dry_run_as_prolific_would_do_it(study: StudyFolder) -> None:
    folder = changed(study, recruitment=ALL | {"platforms": ["prolific"]})
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
    folder = changed(study, recruitment=ALL)
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
