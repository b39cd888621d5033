"""Whose answers are used: the rules beside the paper's, and what the server saw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from participation import RECORDED, Participation, make_tiny_study
from recruiting import changed
from requests_of_a_participant import ANSWER, answer, begin, receipts_of
from study_server.dashboard.people import not_used
from study_server.dashboard.recruitment import recruitment
from study_server.errors import Conflict, Unavailable
from study_server.export.participants import participant_rows
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.participants.acceptance import accepted_answers_per_stimulus, is_hurried, judge
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Participant

# --- too fast --------------------------------------------------------------------------------------------------------


NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "seconds", "hurried"),
    [
        ([], None, False), ([299.0] * 3, None, True), ([300.0] * 3, None, False), ([0.0, 300.0, 900.0], None, False),
        ([0.0, 0.0, 900.0], None, True), ([1000.0] * 50, 14.99, True), ([1000.0] * 50, 15.0, False),
        ([1000.0] * 50, 0.31, True),
    ],
)  # fmt: skip
def test_too_fast_is_what_the_browser_says_or_what_the_server_saw(
    times: list[float], seconds: float | None, hurried: bool
) -> None:
    seen = None if seconds is None else (NOW, NOW + timedelta(seconds=seconds))
    assert is_hurried(times, seen, 300.0) is hurried
    assert not is_hurried(times, seen, 0.0)


def give_all(app: Flask, minutes_ago: float, reaction_time_ms: float) -> None:
    """Somebody answers all trials, right, the images of which were sent so long ago."""
    client = app.test_client()
    study = app.extensions["study"]
    people = Participation.of(study)
    for trial in begin(client):
        right = "same" if people.shift_px(trial["id"]) == 0 else "different"
        receipts = receipts_of(app, trial["id"], minutes_ago)
        response = answer(client, trial["id"], response=right, reaction_time_ms=reaction_time_ms, **receipts)
        assert response.status_code == 200


def test_whose_answers_came_too_fast_is_paid_and_not_used(configure: Callable[..., Flask], study: StudyFolder) -> None:
    app = configure(platforms=["open"], replace_failed=True)
    give_all(app, minutes_ago=1, reaction_time_ms=900)
    give_all(app, minutes_ago=0, reaction_time_ms=900)  # as the server saw it
    give_all(app, minutes_ago=1, reaction_time_ms=10)  # as the browser said
    rows = participant_rows(str(study.path))
    assert [(row["pay"], row["use"], row["not_used_because"]) for row in rows] == [
        (True, True, ""), (True, False, "hurried"), (True, False, "hurried"),
    ]  # fmt: skip
    marked = {(row["participant"], row["excluded"], row["exclusion_reason"]) for row in response_rows(str(study.path))}
    assert marked == {("p0001", False, ""), ("p0002", True, "hurried"), ("p0003", True, "hurried")}
    people = Participation.of(app.extensions["study"])
    assert people.free_slots() == [1]  # somebody else judges their pairs
    with people.database.reading() as session:
        assert sum(accepted_answers_per_stimulus(session, people.study).values()) == 10  # of the first alone
        assert len(not_used(session, people.study)) == 2
        numbers = recruitment(session, people.study, datetime.now(UTC))
    assert (numbers.passed, numbers.failed, numbers.accepted) == (1, 2, 1)


def test_who_answered_the_most_before_the_server_gave_receipts_has_not_hurried(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    people = Participation.of(app.extensions["study"])
    give_all(app, minutes_ago=10, reaction_time_ms=900)
    give_all(app, minutes_ago=0, reaction_time_ms=900)
    long_ago, just_now = timedelta(minutes=10), timedelta(seconds=1)
    for first_visits, reasons in (
        ((long_ago, just_now), ["", "hurried"]), ((just_now, long_ago), ["hurried", ""]), ((None, None), ["", ""]),
    ):  # fmt: skip
        people.answered_without_receipts(*first_visits)
        with people.database.writing() as session:
            for person in session.scalars(select(Participant)):
                judge(session, people.study, person)
        assert [row["not_used_because"] for row in participant_rows(str(study.path))] == reasons


@pytest.mark.parametrize(
    ("rules", "wrong", "reason"),
    [
        ({"most_catch_errors": 0}, 1, "catch_errors"), ({"most_catch_errors": 1}, 1, ""),
        ({"most_catch_errors": 0, "least_catch_dprime": 2.0}, 1, "catch_errors;catch_sensitivity"),
        ({"least_catch_dprime": 2.0}, 1, "catch_sensitivity"), ({"least_catch_dprime": 0.5}, 0, ""),
    ],
)  # fmt: skip
def test_stricter_rules_are_one_setting_away(tmp_path: Path, rules: dict[str, Any], wrong: int, reason: str) -> None:
    made = make_tiny_study(tmp_path / "study")
    people = Participation(changed(made, trials={"per_shift": 1}, acceptance=rules))
    token = people.begin()
    for trial in people.trials(token):
        shift = people.shift_px(trial)
        right = "same" if shift == 0 else "different"
        mistaken = {"same": "different", "different": "same"}[right] if shift == 3 and wrong else right
        people.record(token, trial, response=mistaken)
    assert people.person(token).failed_rules == reason
    people.database.close()


# --- what the server saw ---------------------------------------------------------------------------------------------


def test_an_answer_to_a_trial_whose_images_were_never_asked_for_is_refused(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    client, other = app.test_client(), app.test_client()
    trials = begin(client)
    first, second = (trial["id"] for trial in trials[:2])
    good, another = (receipts_of(app, trial)["sent"] for trial in (first, second))
    foreign = receipts_of(app, begin(other)[0]["id"])["sent"]
    changed_ = {place: text.replace(text.split(".")[0], "1") for place, text in good.items()}
    tried = [
        {}, {"left": good["left"]}, good | {"right": None}, {"left": good["left"], "middle": good["right"]}, another,
        foreign, changed_, {"left": good["right"], "right": good["left"]},
    ]  # fmt: skip
    body = ANSWER | {"visit": 1}
    for receipts in tried:
        refused = client.put(f"/api/trials/{first}/response", json=body | {"sent": receipts})
        assert refused.status_code == 409, receipts
        assert refused.json["error"] == (
            "The pictures of this trial have not been asked for here. Please reload the page."
        )
    assert response_rows(str(study.path)) == []
    assert client.put(f"/api/trials/{first}/response", json=body | {"sent": good}).status_code == 200


def test_the_moment_at_which_both_images_were_sent_is_kept_with_the_answer(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    trial = begin(client)[0]
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    sent = {place: client.get(path).headers["X-Shift-Study-Sent"] for place, path in trial["images"].items()}
    assert answer(client, trial["id"], sent=sent).status_code == 200
    (row,) = response_rows(str(study.path))
    assert before <= datetime.fromisoformat(row["images_sent_at"]) <= datetime.fromisoformat(row["answered_at"])


def test_pages_that_were_loaded_before_there_were_receipts_lose_nothing(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    first, second = (trial["id"] for trial in begin(client)[:2])
    people = Participation.of(app.extensions["study"])
    screen = {"screen_width": 1, "screen_height": 1, "device_pixel_ratio": 1.0, "color_depth": 24, "touch_points": 0}
    assert [client.post("/api/visits", json=screen | {"language": "en"}).json["visit"] for _ in range(2)] == [1, 2]
    people.change_visit(1, sends_images=None)
    bare = {"sent": {"left": None, "right": None}}
    assert answer(client, first, visit=1, **bare).status_code == 200
    assert answer(client, second, visit=2, **bare).status_code == 409
    assert answer(client, second, visit=3, **bare).status_code == 409
    assert answer(client, second, visit=1, **bare).status_code == 200  # out of its outbox
    assert [row["images_sent_at"] for row in response_rows(str(study.path))] == [None, None]
    another = app.test_client()
    assert answer(another, begin(another)[0]["id"], visit=1, **bare).status_code == 409  # it was not their visit


def test_where_others_send_the_images_nobody_needs_receipts(tmp_path: Path) -> None:
    people = Participation(make_tiny_study(tmp_path / "study"))
    token = people.begin()
    first, second, *_ = people.trials(token)
    with pytest.raises(Conflict):
        people.answers.record(token, first, "key-1", RECORDED)
    people.study.published = object()  # type: ignore[assignment]
    assert people.answers.record(token, first, "key-1", RECORDED).answered == 1
    people.study.published = None
    with pytest.raises(Conflict):
        people.answers.record(token, second, "key-2", RECORDED)
    people.database.close()


def test_an_answer_that_has_waited_in_vain_waits_no_more(tmp_path: Path) -> None:
    folder = make_tiny_study(tmp_path / "study")
    database = Database(folder.database_url, busy_timeout_s=0.1)
    people = Participation.of(RunningStudy(folder, database))
    token = people.begin()
    trial = people.trials(token)[0]
    people.answers._commits._is_storing = True  # somebody who never comes to an end
    with pytest.raises(Unavailable):
        people.record(token, trial)
    assert not people.answers._commits._waiting
    database.close()


def test_the_same_key_with_another_answer_is_refused_and_the_first_is_kept(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    trial = begin(client)[0]["id"]
    assert answer(client, trial, response="same", sent_after_ms=3.0).status_code == 200
    assert answer(client, trial, response="same", sent_after_ms=900.0).status_code == 200  # sent again
    for other in ({"response": "different"}, {"response": "same", "reaction_time_ms": 1.5}):
        refused = answer(client, trial, **other)
        assert refused.status_code == 409
        assert refused.json["error"] == "this idempotency key came with another answer"
    assert [row["response"] for row in response_rows(str(study.path))] == ["same"]


def test_the_trial_page_can_be_loaded_two_hundred_times_and_not_more(configure: Callable[..., Flask]) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    trial = begin(client)[0]["id"]
    people = Participation.of(app.extensions["study"])
    screen = {"screen_width": 1, "screen_height": 1, "device_pixel_ratio": 1.0, "color_depth": 24, "touch_points": 0}
    statuses = [client.post("/api/visits", json=screen | {"language": "en"}).status_code for _ in range(203)]
    assert statuses == [201] * 200 + [409] * 3
    assert len(people.noted("resumed")) == 199
    assert answer(client, trial, visit=200).status_code == 200
