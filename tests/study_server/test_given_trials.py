"""Trials are made when a participant first asks for them, and are those of the slot that they held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, func, select, update
from sqlalchemy.orm import Session

from participation import Participation, make_tiny_study
from stored_state import assert_consistent
from study_server.errors import Conflict, NotYours
from study_server.folder.study_folder import StudyFolder
from study_server.participants import progress
from study_server.participants.given_trials import GivenTrials, has_trials
from study_server.storage.models import Participant, Stimulus, StimulusGroup, Study, Trial

Shown = list[tuple[int, str, int, str]]


@pytest.fixture
def people(tmp_path: Path, other_database: str) -> Iterator[Participation]:
    folder = make_tiny_study(tmp_path / "study")
    people = Participation(StudyFolder(folder.path, other_database) if other_database else folder)
    yield people
    people.database.close()


def given_to(people: Participation, token: str) -> Shown:
    """Position, group, stratum and arrangement of each trial of a participant."""
    with people.database.reading() as session:
        found = session.execute(
            select(Trial.position, StimulusGroup.name, Stimulus.stratum, Trial.arrangement)
            .join(Stimulus, Stimulus.id == Trial.stimulus_id)
            .join(StimulusGroup, StimulusGroup.id == Stimulus.group_id)
            .join(Participant, Participant.id == Trial.participant_id)
            .where(Participant.token == token)
            .order_by(Trial.position)
        ).all()
    return [tuple(row) for row in found]


def planned(people: Participation, slot: int, number: int) -> Shown:
    study = people.study
    plan = study.task.plan_trials(study.settings, slot, number)
    return [(n, study.groups[t.group], t.stratum, " ".join(t.arrangement)) for n, t in enumerate(plan, 1)]


def test_who_has_consented_has_no_trials_until_they_ask_for_them(people: Participation) -> None:
    people.arrive()
    token = people.begin()
    assert given_to(people, token) == []
    names = people.trials(token)
    assert given_to(people, token) == planned(people, slot=1, number=2)
    assert len(names) == len({*names}) == 4
    assert people.trials(token) == names
    people.record(token, names[0])
    assert people.trials(token) == names[1:]


def test_who_has_answered_all_is_given_nothing_more(people: Participation) -> None:
    token = people.begin()
    people.answer_all(token)
    assert people.trials(token) == []
    assert len(given_to(people, token)) == 4


def test_who_comes_back_after_their_slot_was_given_on_gets_its_trials_all_the_same(people: Participation) -> None:
    late = people.begin()
    people.stay_away(late)
    after = people.arrive()
    assert people.held_slots() == [None, 0]
    people.trials(late)
    people.trials(after)
    assert given_to(people, late) == planned(people, slot=0, number=1)
    assert given_to(people, after) == planned(people, slot=0, number=2)
    people.answer_all(late)
    assert_consistent(people.study)


def test_two_tabs_that_ask_at_once_see_the_same_trials(people: Participation) -> None:
    everybody = [people.arrive() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for token in everybody:
            assert len({tuple(names) for names in pool.map(people.trials, [token] * 4)}) == 1
    with people.database.reading() as session:
        counts = Counter(session.scalars(select(Trial.participant_id)))
    assert [*counts.values()] == [4] * 8


def test_a_tab_that_comes_second_makes_none(people: Participation, monkeypatch: pytest.MonkeyPatch) -> None:
    token, names = people.arrive(), []
    plan = people.study.task.plan_trials

    def plan_slowly(*given: Any) -> Any:
        monkeypatch.undo()
        names.extend(people.trials(token))  # the other tab, meanwhile
        return plan(*given)

    monkeypatch.setattr(type(people.study.task), "plan_trials", lambda task, *given: plan_slowly(*given))
    assert people.trials(token) == names
    assert len(names) == 4


def test_a_tab_that_is_overtaken_while_it_looks_sees_them_all(
    people: Participation, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, names = people.arrive(), []

    def look(*given: Any) -> bool:
        monkeypatch.undo()
        names.extend(people.trials(token))  # the other tab, meanwhile
        return has_trials(*given)

    monkeypatch.setattr(progress, "has_trials", look)
    assert people.trials(token) == names
    assert len(names) == 4


def test_who_ask_at_once_share_a_transaction(people: Participation) -> None:
    everybody, given = [people.arrive() for _ in range(6)], GivenTrials(people.study)
    taken: list[int] = []

    @event.listens_for(people.database.engine, "commit")
    def commit(connection: Any) -> None:
        taken.append(connection.exec_driver_sql("SELECT count(*) FROM trial").scalar())

    given._commits._is_storing = True  # somebody else, until all are there
    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(given.give, token) for token in everybody]
        while len(given._commits._waiting) < 6:
            assert not any(one.done() for one in asking)
        given._commits._waiting[0].called.put(None)
        for one in asking:
            one.result(30)
    assert [count for count in taken if count] == [24]
    for place, token in enumerate(everybody):
        assert given_to(people, token) == planned(people, slot=place, number=place + 1)


def test_slots_are_planned_before_anything_is_held(people: Participation, monkeypatch: pytest.MonkeyPatch) -> None:
    token, happened = people.arrive(), []
    plan, writing = people.study.task.plan_trials, people.database.writing

    @contextmanager
    def write() -> Iterator[Session]:
        with writing() as session:
            happened.append("held")
            yield session

    monkeypatch.setattr(people.database, "writing", write)
    monkeypatch.setattr(
        type(people.study.task), "plan_trials", lambda task, *given: happened.append("planned") or plan(*given)
    )
    people.trials(token)
    assert happened == ["planned", "held"]


def test_nobody_gets_trials_of_a_study_that_another_process_has_changed(people: Participation) -> None:
    token = people.arrive()
    with people.database.writing() as session:
        session.execute(update(Study).values(manifest_sha256="0" * 64))
    with pytest.raises(Conflict, match="restart the server"):
        people.trials(token)
    assert given_to(people, token) == []


def test_who_is_unknown_gets_none(people: Participation) -> None:
    with pytest.raises(NotYours):
        people.trials("nobody")
    with people.database.reading() as session:
        assert session.scalar(select(func.count(Trial.id))) == 0


def test_names_that_are_made_together_stand_together_and_cannot_be_guessed(people: Participation) -> None:
    token = people.arrive()
    people.trials(token)
    with people.database.writing() as session:
        before = [*session.scalars(select(Trial.token)), *session.scalars(select(Trial.images_token))]
        session.execute(delete(Trial))
    people.trials(token)
    with people.database.reading() as session:
        after = [*session.scalars(select(Trial.token)), *session.scalars(select(Trial.images_token))]
    assert len({*before, *after}) == 16
    assert len({name[8:] for name in before + after}) == 16
    assert {len(name) for name in before + after} == {28}
    begins = sorted({int(name[:8], 16) for name in before + after})
    assert begins[-1] - begins[0] < 60  # of a second in which they were made
