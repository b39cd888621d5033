"""Withdrawal: what is removed, that nothing leads back, and that it stays in the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from recruiting import (
    attribute,
    begin_from,
    changed,
    finish,
    pairs_of,
    people,
    prolific_link,
    text_of,
)
from requests_of_a_participant import answer, begin, database, sign_in
from study_server.errors import Conflict
from study_server.export.participants import participant_rows
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.participants import withdrawal
from study_server.storage.models import (
    Calibration,
    Event,
    FreeSlot,
    Identity,
    Invitation,
    QuestionAnswer,
    Response,
    Visit,
)
from study_server.web.app import create_app

Configure = Callable[..., Flask]

SCREEN = {
    "refresh_rate_hz": 60.0, "screen_width": 1920, "screen_height": 1080, "device_pixel_ratio": 1.0, "color_depth": 24,
    "touch_points": 0, "language": "de",
}  # fmt: skip
PROLIFIC_ONLY = {"platforms": ["prolific"], "prolific_no_consent_code": "C3NO", "prolific_completion_code": "C1DONE"}


@pytest.fixture
def study(study: StudyFolder, other_database: str) -> StudyFolder:
    """The study on both databases."""
    return StudyFolder(study.path, other_database)


@pytest.fixture
def configure(study: StudyFolder) -> Iterator[Configure]:
    """Make the application of the study: what withdrawing removes, and whom it admits."""
    made = []

    def make(removes: str, **recruitment: Any) -> Flask:
        app = create_app(changed(study, recruitment=recruitment, withdrawal={"removes": removes}))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["study"].database.close()


def source(study: StudyFolder) -> str:
    return study.other_database or str(study.path)


def counts(app: Flask) -> dict[str, int]:
    """How many rows each table has of what a withdrawal removes."""
    with database(app).reading() as session:
        tables = (Response, QuestionAnswer, Visit, Calibration, Identity)
        return {t.__tablename__: session.scalar(select(func.count()).select_from(t)) or 0 for t in tables}


def withdraw(client: FlaskClient, **fields: str) -> str:
    """Withdraw as the pages ask it, confirmation included; the last page."""
    sign_in(client, "/withdraw")
    if fields:
        assert "Withdraw now" in client.post("/withdraw", data=fields).text
    return client.post("/withdraw", data={"confirmed": "yes"} | fields, follow_redirects=True).text


def finish_with_questions(client: FlaskClient, trials: list[dict[str, str]]) -> str:
    client.post("/api/visits", json=SCREEN)
    for trial in trials:
        answer(client, trial["id"])
    sign_in(client, "/questions")
    client.post("/questions", data={"age": "20–35"})
    return client.get("/thanks").text


# --- what is removed -------------------------------------------------------------------------------------------------


def test_everything_is_removed_and_the_pairs_go_to_the_next(configure: Configure, study: StudyFolder) -> None:
    app = configure("answers", **PROLIFIC_ONLY)
    client = app.test_client()
    finish_with_questions(client, begin_from(client, prolific_link()))
    assert counts(app) == {"response": 10, "question_answer": 1, "visit": 1, "calibration": 0, "identity": 1}
    page = withdraw(client)
    assert "All your answers" in page
    assert attribute(page, "way-back-link", "href") == "https://app.prolific.com/submissions/complete?cc=C3NO"
    assert set(counts(app).values()) == {0}
    ((gone, identity),) = people(app)
    assert identity is None
    assert (gone.answered, gone.visits, gone.passed, gone.slot, gone.released_reason) == (
        0, 0, None, None, "withdrawn",
    )  # fmt: skip
    assert gone.completion_code == "withdrawn"  # its own could tell who it was
    assert not response_rows(source(study))
    (row,) = participant_rows(source(study), identities=True)
    assert (row["state"], row["use"], row["not_used_because"], row["person"]) == ("withdrawn", False, "withdrawn", None)
    begin_from(app.test_client(), prolific_link("ffff", "65cc"))
    assert pairs_of(app, 1) == pairs_of(app, 2)


def test_the_identity_alone_is_removed_and_the_answers_go_on_counting(configure: Configure, study: StudyFolder) -> None:
    app = configure("identity", **PROLIFIC_ONLY)
    client = app.test_client()
    finish_with_questions(client, begin_from(client, prolific_link()))
    page = withdraw(client)
    assert "Nobody can tell any more which answers were yours" in page
    assert counts(app) == {"response": 10, "question_answer": 1, "visit": 1, "calibration": 0, "identity": 0}
    ((gone, _),) = people(app)
    assert (gone.answered, gone.passed, gone.slot, gone.completion_code) == (10, False, None, "withdrawn")
    with database(app).reading() as session:
        assert not session.scalars(select(FreeSlot)).all()  # all answers of the slot are there
    assert len(response_rows(source(study))) == 10


def test_the_audit_trail_keeps_that_somebody_withdrew_and_names_no_person(configure: Configure) -> None:
    app = configure("answers", **PROLIFIC_ONLY)
    client = app.test_client()
    trials = begin_from(client, prolific_link())
    answer(client, trials[0]["id"])
    withdraw(client)
    with database(app).reading() as session:
        events = [(e.kind, e.actor, e.detail) for e in session.scalars(select(Event).order_by(Event.id))]
    assert events[-2:] == [
        ("slot_released", "participant", "slot 0, withdrawn"), ("withdrawn", "participant", "removed: answers"),
    ]  # fmt: skip
    assert "5f0b" not in str(events)


def test_no_byte_of_the_identity_stays_in_the_tables(configure: Configure, study: StudyFolder) -> None:
    app = configure("answers", **PROLIFIC_ONLY)
    client = app.test_client()
    page = finish(client, begin_from(client, prolific_link()))
    code = text_of(page, "withdrawal-code")
    withdraw(client)
    with database(app).reading() as session:
        rows = [
            str(tuple(row))
            for table in Identity.metadata.sorted_tables
            for row in session.execute(select(table))  # every value of every table
        ]
    assert len(rows) > 100
    assert not [row for row in rows if "5f0b9c1a" in row or code in row]


@pytest.mark.parametrize("removes", ["answers", "identity"])
def test_answers_on_their_way_cannot_come_in_after_a_withdrawal(configure: Configure, removes: str) -> None:
    app = configure(removes, platforms=["open"])
    client = app.test_client()
    trials = begin(client)
    cookie = client.get_cookie("shift_study_study")
    assert cookie is not None
    study, participant = app.extensions["study"], people(app)[0][0]

    def send(trial: dict[str, str]) -> int:
        tab = app.test_client()
        tab.set_cookie("shift_study_study", cookie.value)
        return answer(tab, trial["id"]).status_code

    with ThreadPoolExecutor(11) as pool:
        codes = pool.map(send, trials)
        gone = pool.submit(withdrawal.withdraw, study, participant, "participant")
        stored = list(codes).count(200)
        removed = gone.result().answers_removed
    ((after, _),) = people(app)
    assert (counts(app)["response"], after.answered) == ((0, 0) if removes == "answers" else (stored, stored))
    assert removed == (stored if removes == "answers" else 0)
    assert after.slot is None


# --- nothing leads back ----------------------------------------------------------------------------------------------


def test_nobody_can_go_on_after_a_withdrawal(configure: Configure) -> None:
    app = configure("identity", platforms=["open"])
    client, other = app.test_client(), app.test_client()
    trials = begin(client)
    answer(client, trials[0]["id"])
    cookie = client.get_cookie("shift_study_study")
    assert cookie is not None
    other.set_cookie("shift_study_study", cookie.value)
    withdraw(client)
    for browser in (client, other):
        assert answer(browser, trials[1]["id"]).status_code == 403
        assert browser.get("/api/trials").status_code == 403
        assert browser.get("/trials").status_code == 302
    assert other.get("/").location == "/withdrawn"  # where the old cookie still is
    assert "You have withdrawn" in other.get("/withdrawn").text
    assert counts(app)["response"] == 1


def test_who_withdrew_is_a_newcomer_to_the_platform_s_link(configure: Configure) -> None:
    app = configure("answers", **PROLIFIC_ONLY)
    client = app.test_client()
    first = begin_from(client, prolific_link())
    withdraw(client)
    again = app.test_client()
    assert "I agree to take part" in again.get(prolific_link()).text
    assert not {t["id"] for t in first} & {t["id"] for t in begin_from(again, prolific_link())}


def test_a_personal_link_is_gone_with_its_label(configure: Configure, study: StudyFolder) -> None:
    app = configure("answers", platforms=["link"])
    link = personal_link(study, app)
    client = app.test_client()
    begin_from(client, link)
    withdraw(client)
    assert "not valid, or no longer" in app.test_client().get(link).text
    with database(app).reading() as session:
        assert not session.scalars(select(Invitation)).all()


def personal_link(study: StudyFolder, app: Flask) -> str:
    from study_server.participants.invitations import invite

    folder = StudyFolder(study.path, study.other_database)
    ((_, link),) = invite(folder, database(app), 1, "Ada Lovelace", "https://study.example.org/")
    return link.removeprefix("https://study.example.org")


# --- by whom ---------------------------------------------------------------------------------------------------------


def test_a_withdrawal_asks_first(configure: Configure) -> None:
    app = configure("answers", platforms=["open"])
    client = app.test_client()
    begin(client)
    sign_in(client, "/withdraw")
    assert "Withdraw now" in client.get("/withdraw").text
    assert "Withdraw now" in client.post("/withdraw").text
    assert people(app)[0][0].withdrawn_at is None
    assert app.test_client().post("/withdraw", data={"confirmed": "yes"}).status_code in (400, 403)  # CSRF


@pytest.mark.parametrize("spelled", [str, str.lower, lambda code: f"  {code[:5]} {code[5:]}\n"])
def test_the_code_withdraws_from_any_browser(configure: Configure, spelled: Callable[[str], str]) -> None:
    app = configure("answers", platforms=["open"])
    client = app.test_client()
    code = text_of(finish(client, begin(client)), "withdrawal-code")
    assert text_of(client.get("/withdraw").text, "withdrawal-code") == code
    assert "You have withdrawn" in withdraw(app.test_client(), code=spelled(code))
    assert people(app)[0][0].withdrawn_at is not None
    assert client.get("/thanks").location == "/"


def test_another_s_code_leaves_this_browser_s_participation_alone(configure: Configure) -> None:
    app = configure("answers", platforms=["open"])
    first, second = app.test_client(), app.test_client()
    begin(first)
    trials = begin(second)
    assert "You have withdrawn" in withdraw(second, code=people(app)[0][0].withdrawal_code)
    assert [p.withdrawn_at is None for p, _ in people(app)] == [False, True]
    assert second.get("/api/trials").json["trials"] == trials


@pytest.mark.parametrize("whole", [True, False])
def test_a_personal_link_says_who_somebody_is_and_withdraws_nobody(
    configure: Configure, study: StudyFolder, whole: bool
) -> None:
    app = configure("answers", platforms=["link"])
    link = personal_link(study, app)
    begin_from(app.test_client(), link)
    stranger = app.test_client()
    sign_in(stranger, "/withdraw")
    proof = f"https://study.example.org{link}&lang=en" if whole else link.removeprefix("/?token=")
    assert stranger.post("/withdraw", data={"code": proof, "confirmed": "yes"}).status_code == 404
    assert people(app)[0][0].withdrawn_at is None


def test_wrong_codes_are_refused_with_one_sentence(configure: Configure) -> None:
    app = configure("answers", platforms=["open", "link"], general_token="class")
    begin_from(app.test_client(), "/?token=class")
    client = app.test_client()
    sign_in(client, "/withdraw")
    for code in (
        "ABCDEFGHJK", "", " ", "%", "\x00", "é" * 400, "https://x/?token=\x00", "http://[", "p0001", "?" * 9000,
    ):  # fmt: skip
        refused = client.post("/withdraw", data={"code": code, "confirmed": "yes"})
        assert refused.status_code == 404, code
        assert text_of(refused.text, "mistake").startswith("No participation belongs to this code."), code
        assert people(app)[0][0].withdrawn_at is None, code


def test_the_researcher_withdraws_a_participant(configure: Configure) -> None:
    app = configure("answers", platforms=["open"])
    client = app.test_client()
    trials = begin(client)
    answer(client, trials[0]["id"])
    study = app.extensions["study"]
    participant = people(app)[0][0]
    gone = withdrawal.withdraw(study, participant, "researcher")
    assert (gone.label, gone.answers_removed) == ("p0001", 1)
    with pytest.raises(Conflict, match="withdrawn already"):
        withdrawal.withdraw(study, participant, "researcher")
    assert answer(client, trials[1]["id"]).status_code == 403
    assert client.get("/").location == "/withdrawn"


def test_every_page_of_a_participant_leads_to_the_withdrawal(client: FlaskClient) -> None:
    assert 'href="/withdraw"' not in client.get("/").text
    sign_in(client)
    client.post("/consent")
    assert 'href="/withdraw"' in client.get("/instructions").text
    assert client.get("/declined").location == "/withdraw"  # something has been recorded by now
