"""Places are given, given back and given on: who abandons, returns, fails or is excluded, and when a study is full."""

from __future__ import annotations

import random
import secrets
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select, update

from made_studies import linked, made_once
from participation import receipts
from requests_of_a_participant import answer, begin, sign_in
from stored_state import assert_consistent, spread_of_pairs
from study_server.errors import Conflict
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants import acceptance, slots
from study_server.participants.answers import Answers
from study_server.participants.enrolment import enrol
from study_server.participants.progress import TrialLinks, leave, remaining_trials
from study_server.participants.recorded import Recorded
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import ANSWERED_ALL, FreeSlot, Participant, Stimulus, Study, Trial
from study_server.web.app import create_app

LONG_AGO = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="session")
def plain_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiny images, shifts 0 to 3, one trial of each shift: a round has four slots."""
    make = partial(make_study, source="demo", count=4, max_shift=3, size=16, seed=3)
    return made_once(tmp_path_factory, "plain-study", make)


def with_settings(path: Path, **changes: object) -> StudyFolder:
    text = (path / "study.toml").read_text(encoding="utf-8")
    for name, value in changes.items():
        before = f"\n{name} = {'false' if isinstance(value, bool) else 0}\n"
        assert text.count(before) == 1
        text = text.replace(before, f"\n{name} = {str(value).lower()}\n")
    (path / "study.toml").write_text(text, encoding="utf-8")
    return StudyFolder(path)


@pytest.fixture
def recruiting(plain_study: Path, tmp_path: Path) -> Iterator[Flask]:
    """A study that wants every pair answered once: it has four places."""
    folder = with_settings(linked(plain_study, tmp_path / "study"), answers_per_pair=1)
    app = create_app(folder)
    yield app
    app.extensions["study"].database.close()


def study_of(app: Flask) -> RunningStudy:
    study: RunningStudy = app.extensions["study"]
    return study


def answer_all(app: Flask, client, *, wrongly: bool = False) -> None:  # type: ignore[no-untyped-def]
    """Answer every trial as somebody who sees every shift, or who says the opposite."""
    study = study_of(app)
    for trial in client.get("/api/trials").json["trials"]:
        response = truth(study, trial["id"])
        if wrongly:
            response = {"same": "different", "different": "same"}[response]
        assert answer(client, trial["id"], response=response).status_code == 200


def truth(study: RunningStudy, trial: str) -> str:
    with study.database.reading() as session:
        shift_px = session.scalar(select(Stimulus.stratum).join(Trial).where(Trial.token == trial))
    return "same" if shift_px == 0 else "different"


def held_slots(app: Flask) -> list[int | None]:
    with study_of(app).database.reading() as session:
        return list(session.scalars(select(Participant.slot).order_by(Participant.number)))


def forget(app: Flask, number: int) -> None:
    """The participant has not been seen for a day."""
    with study_of(app).database.writing() as session:
        session.execute(update(Participant).where(Participant.number == number).values(consented_at=LONG_AGO))


def test_a_study_is_full_while_all_its_places_are_taken_and_has_one_again_when_somebody_stays_away(
    recruiting: Flask,
) -> None:
    clients = [recruiting.test_client() for _ in range(4)]
    for client in clients:
        begin(client)
    late = recruiting.test_client()
    sign_in(late)
    refused = late.post("/consent")
    assert refused.status_code == 409
    assert "please try again later" in refused.text
    forget(recruiting, 3)
    assert late.post("/consent").status_code == 303
    assert held_slots(recruiting) == [0, 1, None, 3, 2]
    assert_consistent(study_of(recruiting))
    answer_all(recruiting, clients[2])  # who comes back can finish all the same
    assert_consistent(study_of(recruiting))


def test_a_study_closes_itself_when_every_pair_has_its_answers_and_turns_the_next_away(recruiting: Flask) -> None:
    clients = [recruiting.test_client() for _ in range(4)]
    for client in clients:
        begin(client)
    for client in clients:
        with study_of(recruiting).database.reading() as session:
            assert session.scalars(select(Study.state)).one() == "open"
        answer_all(recruiting, client)
    with study_of(recruiting).database.reading() as session:
        assert session.scalars(select(Study.state)).one() == "closed"
        assert set(acceptance.accepted_answers_per_stimulus(session, study_of(recruiting)).values()) == {1}
    late = recruiting.test_client()
    assert "This study is closed" in late.get("/").text
    assert late.post("/consent").status_code in (403, 409)
    assert clients[0].post("/questions").status_code == 303  # who has begun goes on


def test_who_fails_the_validation_test_is_replaced(recruiting: Flask) -> None:
    careless, *others = [recruiting.test_client() for _ in range(5)]
    begin(careless)
    answer_all(recruiting, careless, wrongly=True)
    assert held_slots(recruiting) == [None]
    for client in others:
        begin(client)
    assert held_slots(recruiting) == [None, 0, 1, 2, 3]
    for client in others:
        answer_all(recruiting, client)
    with study_of(recruiting).database.reading() as session:
        assert session.scalars(select(Study.state)).one() == "closed"


def test_without_a_target_who_fails_is_replaced_only_where_the_study_says_so(plain_study: Path, tmp_path: Path) -> None:
    for replace, slot in ((False, 0), (True, None)):
        copy = linked(plain_study, tmp_path / str(replace))
        app = create_app(with_settings(copy, **({"replace_failed": True} if replace else {})))
        begin(client := app.test_client())
        answer_all(app, client, wrongly=True)
        assert held_slots(app) == [slot]
        study_of(app).database.close()


def test_who_failed_before_the_study_replaced_anybody_is_replaced_from_then_on(
    plain_study: Path, tmp_path: Path
) -> None:
    copy = linked(plain_study, tmp_path / "study")
    app = create_app(StudyFolder(copy))
    begin(client := app.test_client())
    answer_all(app, client, wrongly=True)
    study_of(app).database.close()
    app = create_app(with_settings(copy, answers_per_pair=1))
    for client in (clients := [app.test_client() for _ in range(4)]):
        begin(client)
    assert held_slots(app) == [None, 0, 1, 2, 3]
    for client in clients:
        answer_all(app, client)
    with study_of(app).database.reading() as session:
        assert session.scalars(select(Study.state)).one() == "closed"
    study_of(app).database.close()


def test_who_has_answered_everything_finishes_whenever_they_come_back(recruiting: Flask) -> None:
    begin(late := recruiting.test_client())
    begin(done := recruiting.test_client())
    answer_all(recruiting, done)
    with study_of(recruiting).database.writing() as session:
        session.execute(update(Participant).values(consented_at=LONG_AGO - timedelta(days=1000)))
    assert "The time for finishing this study is over" in late.get("/", follow_redirects=True).text
    sign_in(done, "/questions")
    assert done.post("/questions").status_code == 303
    assert 'id="completion-code"' in done.get("/thanks").text


class Recruitment(RuleBasedStateMachine):
    """People arrive, answer, stay away, come back, are excluded, in any order."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        folder = StudyFolder(linked(self.folder, Path(self.home.name) / "study"))
        self.database = Database(folder.database_url)
        self.study = RunningStudy(folder, self.database)
        self.answers = Answers(self.study)
        self.people: list[str] = []

    def teardown(self) -> None:
        self.database.close()
        self.home.cleanup()

    @rule()
    def arrive(self) -> None:
        token = secrets.token_urlsafe(16)
        with self.database.reading() as session:
            study = session.get_one(Study, self.study.id)
            waiting = session.scalars(select(FreeSlot.slot)).all()
            gone = session.scalars(
                select(Participant.id).where(
                    func.coalesce(Participant.last_answer_at, Participant.consented_at)
                    < datetime.now(UTC) - timedelta(hours=1),
                    Participant.stage.not_in(ANSWERED_ALL), Participant.slot.is_not(None),
                )
            ).all()  # fmt: skip
            has_place = study.next_slot < (slots.places(self.study) or 10**9) or bool(waiting or gone)
        try:
            enrol(self.study, token)
        except Conflict:
            assert study.state == "closed" or not has_place
            return
        assert study.state == "open" and has_place
        self.people.append(token)

    @precondition(lambda self: self.people)
    @rule(who=st.randoms(use_true_random=False))
    def go_to_the_trials(self, who: random.Random) -> None:
        self.trials(who.choice(self.people))

    def trials(self, token: str) -> list[TrialLinks]:
        for stage in ("instructions", "practice"):
            leave(self.study, token, stage)
        return remaining_trials(self.study, token)

    @precondition(lambda self: self.people)
    @rule(who=st.randoms(use_true_random=False), n=st.integers(1, 4), sees=st.booleans())
    def answer(self, who: random.Random, n: int, sees: bool) -> None:
        token = who.choice(self.people)
        for trial in self.trials(token)[:n]:
            response = truth(self.study, trial.id) if sees else who.choice(["same", "different"])
            recorded = Recorded.model_validate(
                {"response": response, "reaction_time_ms": 1000.0, "device_pixel_ratio": 1.0, "pixel_scale": 1,
                 "viewport_width": 800, "viewport_height": 600, "hidden": False}
            )  # fmt: skip
            self.answers.record(token, trial.id, secrets.token_hex(8), recorded, receipts(self.study, trial.id))

    @precondition(lambda self: self.people)
    @rule(who=st.randoms(use_true_random=False))
    def stay_away(self, who: random.Random) -> None:
        with self.database.writing() as session:
            gone = self.study.get(session, who.choice(self.people), hold=True)
            gone.consented_at = LONG_AGO
            gone.last_answer_at = LONG_AGO if gone.last_answer_at is not None else None

    @precondition(lambda self: self.people)
    @rule(who=st.randoms(use_true_random=False), reason=st.sampled_from(["returned", "excluded", "withdrawn"]))
    def give_back(self, who: random.Random, reason: slots.Reason) -> None:
        with self.database.writing() as session:
            participant = self.study.get(session, who.choice(self.people), hold=True)
            self.study.locked(session)
            if reason == "excluded":
                participant.excluded_reason = "a reason"
            slots.release(session, self.study, participant, reason)

    @invariant()
    def what_is_stored_agrees_with_itself(self) -> None:
        assert_consistent(self.study)

    @invariant()
    def the_balance_is_within_one(self) -> None:
        with self.database.reading() as session:
            study = session.get_one(Study, self.study.id)
            if session.scalars(select(FreeSlot.slot)).first() is None and study.next_slot:
                assert spread_of_pairs(self.study) <= 1

    @invariant()
    def it_is_closed_exactly_from_when_every_pair_had_its_answers(self) -> None:
        with self.database.reading() as session:
            state = session.get_one(Study, self.study.id).state
            fewest = min(acceptance.accepted_answers_per_stimulus(session, self.study).values())
            excluded = session.scalars(select(Participant.id).where(Participant.excluded_reason.is_not(None))).all()
        if fewest >= 1:
            assert state == "closed"
        elif not excluded:  # an exclusion can take away what was enough
            assert state == "open"


def test_any_order_of_arrivals_answers_absences_and_exclusions(plain_study: Path, tmp_path: Path) -> None:
    class OfThisStudy(Recruitment):
        folder = with_settings(linked(plain_study, tmp_path / "study"), answers_per_pair=1).path

    from hypothesis.stateful import run_state_machine_as_test

    # Each of them takes many steps: of as many as elsewhere, every sixth.
    run_state_machine_as_test(
        OfThisStudy,
        settings=settings(
            max_examples=settings().max_examples // 6,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
