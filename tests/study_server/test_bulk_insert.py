"""Many rows at a time are stored as one by one, or not at all, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from participation import Participation, make_tiny_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.arrival import Arrival
from study_server.participants.enrolment import Enrolments
from study_server.storage.bulk_insert import insert_rows
from study_server.storage.models import Participant, Stimulus, Trial


@pytest.fixture
def people(tmp_path: Path, other_database: str) -> Iterator[Participation]:
    folder = make_tiny_study(tmp_path / "study")
    people = Participation(StudyFolder(folder.path, other_database) if other_database else folder)
    yield people
    people.database.close()


def trials_of(people: Participation, participant: int) -> list[dict[str, Any]]:
    """Three that the participant could have, with text that a database could take for something else."""
    with people.database.reading() as session:
        stimuli = session.scalars(select(Stimulus.id).order_by(Stimulus.id).limit(3)).all()
    strange = ("a\tb\\N", "", 'quote " and , { } \\ \n end')
    return [
        {
            "token": f"token {n} ü", "images_token": f"images\\{n}", "position": 101 + n, "stimulus_id": stimulus,
            "repetition": 7, "arrangement": strange[n], "participant_id": participant, "study_id": people.study.id,
        }
        for n, stimulus in enumerate(stimuli)
    ]  # fmt: skip


def someone(people: Participation) -> int:
    """The id of somebody who has just consented."""
    return people.person(people.arrive()).id


def test_rows_are_stored_as_they_are(people: Participation) -> None:
    wanted = trials_of(people, someone(people))
    with people.database.writing() as session:
        insert_rows(session, Trial.__table__, [])
        insert_rows(session, Trial.__table__, wanted)
    columns = [getattr(Trial, name) for name in wanted[0]]
    with people.database.reading() as session:
        found = session.execute(select(*columns).where(Trial.position > 100).order_by(Trial.position)).mappings().all()
    assert [dict(row) for row in found] == wanted


@pytest.mark.parametrize("wrong", [{"participant_id": 999}, {"position": 1}, {"repetition": 0}])
def test_all_are_refused_where_one_cannot_be(people: Participation, wrong: dict[str, int]) -> None:
    """A participant that does not exist, a place that is taken, a number that none can have."""
    token = people.arrive()
    assert people.trials(token)
    wanted = trials_of(people, people.person(token).id)
    with pytest.raises(IntegrityError), people.database.writing() as session:
        insert_rows(session, Trial.__table__, [*wanted[:2], wanted[2] | wrong])
    with people.database.reading() as session:
        assert session.scalar(select(func.count()).where(Trial.position > 100)) == 0
    assert people.trials(people.arrive())  # the connection is as good as new


def test_what_is_acknowledged_by_a_platform_and_without_is_alike(people: Participation) -> None:
    """Who comes by a platform is entered at once, so that the same person is known again; the others together."""
    enrolments = Enrolments(people.study)
    enrolments.enrol("open")
    enrolments.enrol("known", Arrival("prolific", "5f" * 12, "study", "session", is_proved=True))
    with people.database.reading() as session:
        one, other = session.scalars(select(Participant).order_by(Participant.number)).all()
        assert (one.identity, other.identity and other.identity.person) == (None, "5f" * 12)
        for name in ("simulated", "answered", "visits", "stage", "withdrawn_at", "finished_at", "passed"):
            assert getattr(one, name) == getattr(other, name)
        assert one.consented_at <= other.consented_at <= datetime.now(UTC)


def test_postgresql_learns_of_participants_while_they_are_few(tmp_path: Path, postgres: str) -> None:
    """Else it looks through all participants for each trial that refers to one."""
    people = Participation(StudyFolder(make_tiny_study(tmp_path / "study").path, postgres))
    for _ in range(5):
        people.arrive()
    with people.database.reading() as session:
        known = session.scalar(text("SELECT reltuples FROM pg_class WHERE relname = 'participant'"))
    people.database.close()
    assert known == 4  # at 1, 2 and 4; the next time at 8
