"""Many who consent at once share a transaction: each gets what they would have got alone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import event, select

from participation import Participation, make_tiny_study
from recruiting import changed
from study_server.errors import Conflict, NotYours, TooMany
from study_server.folder.study_folder import StudyFolder
from study_server.participants.arrival import Arrival
from study_server.participants.enrolment import Enrolled, Enrolments
from study_server.storage.database import Database
from study_server.storage.models import Event, Identity, Participant, Study, Trial
from study_server.web.app import create_app

Together = Callable[..., list[Any]]


@pytest.fixture
def folder(tmp_path: Path, other_database: str) -> StudyFolder:
    folder = make_tiny_study(tmp_path / "study")
    return StudyFolder(folder.path, other_database) if other_database else folder


@pytest.fixture
def people(folder: StudyFolder) -> Iterator[Participation]:
    people = Participation(folder)
    yield people
    people.database.close()


@pytest.fixture
def commits(people: Participation) -> list[int]:
    """One entry for each transaction that takes people in: how many."""
    found: list[int] = []

    @event.listens_for(people.database.engine, "commit")
    def commit(connection: Any) -> None:
        count = len(connection.exec_driver_sql("SELECT id FROM participant").all())
        if count > sum(found):
            found.append(count - sum(found))

    return found


def together(people: Participation, *newcomers: dict[str, Any]) -> list[Any]:
    """What becomes of these who consent while somebody else has the database."""
    enrolments, results = Enrolments(people.study), [None] * len(newcomers)

    def consent(place: int, given: dict[str, Any]) -> None:
        try:
            results[place] = enrolments.enrol(**given)
        except Exception as error:
            results[place] = error

    waiting = enrolments._commits._waiting
    enrolments._commits._is_storing = True  # somebody else, until all are there
    threads = [threading.Thread(target=consent, args=each) for each in enumerate(newcomers)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        deadline = time.monotonic() + 30
        while len(waiting) < number:
            assert time.monotonic() < deadline
    waiting[0].called.put(None)
    for thread in threads:
        thread.join(30)
    return results


def test_all_are_taken_in_by_one_transaction_with_slots_and_numbers_in_order(
    people: Participation, commits: list[int]
) -> None:
    results = together(people, *({"token": f"token-{n}"} for n in range(12)))
    assert results == [Enrolled(f"token-{n}", "instructions") for n in range(12)]
    assert commits == [12]
    with people.database.reading() as session:
        found = session.execute(select(Participant.token, Participant.number, Participant.slot)).all()
    assert sorted(found) == sorted((f"token-{n}", n + 1, n) for n in range(12))
    assert [people.person(f"token-{n}").answered for n in range(12)] == [0] * 12
    assert [len(people.trials(f"token-{n}")) for n in range(12)] == [4] * 12
    with people.database.reading() as session:
        per_stimulus = Counter(session.scalars(select(Trial.stimulus_id)))
    assert set(per_stimulus.values()) == {3}  # 12 participants of 4 trials, 16 stimuli: three whole rounds


def test_whoever_comes_while_another_server_admits_is_in_the_next_transaction(
    people: Participation, commits: list[int]
) -> None:
    enrolments, elsewhere = Enrolments(people.study), Database(people.study.folder.database_url)
    with ThreadPoolExecutor(6) as pool:
        with elsewhere.writing() as session:
            people.study.locked(session)
            coming = [pool.submit(enrolments.enrol, f"token-{n}") for n in range(6)]
            deadline = time.monotonic() + 30
            while len(enrolments._commits._waiting) < 6:
                assert time.monotonic() < deadline
        for one in coming:
            one.result(30)
    elsewhere.close()
    assert commits == [6]


def test_each_is_refused_or_taken_in_as_if_they_came_alone(people: Participation, commits: list[int]) -> None:
    key = people.study.simulation_key
    results = together(
        people,
        {"token": "first"},
        {"token": "simulated", "simulation_key": key},  # where people are, no observers are let in
        {"token": "guessed", "simulation_key": "no key"},
        {"token": "first"},  # pressed twice
        {"token": "second"},
    )
    assert [type(result) for result in results] == [Enrolled, Conflict, NotYours, Enrolled, Enrolled]
    assert commits == [2]
    assert people.held_slots() == [0, 1]


def test_observers_are_let_in_where_no_person_has_come_and_persons_where_no_observer_has(people: Participation) -> None:
    """As the first participant was, whoever brought them."""
    key = people.study.simulation_key
    assert together(people, {"token": "first"}) == [Enrolled("first", "instructions")]
    refused, taken_in = together(people, {"token": "simulated", "simulation_key": key}, {"token": "second"})
    assert isinstance(refused, Conflict) and taken_in == Enrolled("second", "instructions")


def test_each_is_known_by_their_own_id_among_others_who_come_at_once(people: Participation, commits: list[int]) -> None:
    persons = [
        {"token": f"token-{n}", "arrival": Arrival("prolific", f"person {n}", "study", f"session {n}", is_proved=True)}
        for n in range(3)
    ]
    together(people, persons[0], {"token": "open"}, *persons[1:])
    with people.database.reading() as session:
        found = session.execute(select(Participant.token, Identity.person).join(Participant.identity)).all()
    assert sorted(found) == [(f"token-{n}", f"person {n}") for n in range(3)]
    assert commits == [4]


def test_one_person_who_comes_twice_at_once_takes_part_once(people: Participation) -> None:
    arrival = Arrival("prolific", "5f" * 12, "study", "session-1", is_proved=True)
    results = together(people, {"token": "one", "arrival": arrival}, {"token": "other", "arrival": arrival})
    assert results == [Enrolled("one", "instructions"), Enrolled("one", "instructions")]
    assert people.held_slots() == [0]


def test_what_an_address_may_is_counted_within_a_transaction_too(folder: StudyFolder) -> None:
    people = Participation(changed(folder, recruitment={"unfinished_per_address": 2}, server={"ids_per_hour": 3}))
    crowd = [{"token": f"token-{n}", "address": "one"} for n in range(4)]
    results = together(people, *crowd, {"token": "elsewhere", "address": "other"})
    assert [type(result) for result in results] == [Enrolled, Enrolled, Conflict, Conflict, Enrolled]
    assert len(people.noted("address_full")) == 1  # once an hour
    named = [
        {"token": f"named-{n}", "address": "third", "arrival": Arrival("sona", f"person {n}", None, None)}
        for n in range(5)
    ]
    results = together(people, *named)
    assert [type(result) for result in results] == [Enrolled, Enrolled, Conflict, TooMany, TooMany]
    assert len(people.noted("ids_full")) == 1
    people.database.close()


def test_places_that_are_left_go_to_those_who_came_first(folder: StudyFolder) -> None:
    people = Participation(changed(folder, recruitment={"answers_per_pair": 1}))  # four slots
    gone = people.arrive()
    people.stay_away(gone)
    results = together(people, *({"token": f"token-{n}"} for n in range(6)))
    assert [type(result) for result in results] == [*[Enrolled] * 4, Conflict, Conflict]
    assert sorted(slot for slot in people.held_slots() if slot is not None) == [0, 1, 2, 3]
    people.database.close()


def test_who_is_refused_reads_why_in_their_own_language(folder: StudyFolder) -> None:
    """Whoever stores it, in whatever language."""
    app: Flask = create_app(folder)
    people = Participation.of(app.extensions["study"])
    with people.database.writing() as session:
        session.get_one(Study, people.study.id).state = "paused"
    with app.test_request_context(), force_locale("en"):
        refused, _ = together(people, {"token": "one"}, {"token": "other"})
    with app.test_request_context(), force_locale("de"):
        assert str(refused) == "Diese Studie ist unterbrochen. Bitte versuchen Sie es später noch einmal."
    people.database.close()


@pytest.mark.parametrize(
    ("actor", "says"),
    [
        ("server", "This study is closed: it has all the answers that it needs. Thank you for your interest."),
        ("researcher", "This study is closed. Thank you for your interest."),
    ],
)
def test_a_study_says_that_it_has_all_answers_only_where_it_does(folder: StudyFolder, actor: str, says: str) -> None:
    people = Participation(folder)
    with people.database.writing() as session:
        session.get_one(Study, people.study.id).state = "closed"
        for by in ("researcher" if actor == "server" else "server", actor):  # it was opened again between
            people.study.note(session, "closed", by)  # type: ignore[arg-type]
            session.flush()
        assert len(session.scalars(select(Event.id)).all()) == 2
    (refused,) = together(people, {"token": "one"})
    assert str(refused) == says
    people.database.close()
