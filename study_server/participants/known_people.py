"""Who is known to the platform that sent them: their participation is found again, by whichever ids they come."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from study_server.participants.arrival import Arrival
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Identity, LaterIds, Participant

_MOST_LATER_IDS = 50  # of one participation; nobody gives a study up and takes it up again so often


def add_ids(session: Session, participant: Participant, arrival: Arrival | None) -> None:
    """Who gave the study up at the platform and took it up again is known there by other ids, too, from now on.

    The first ones stay: the platform may still speak of them.
    """
    identity = participant.identity
    if identity is None or arrival is None or arrival.session is None:
        return
    if (identity.platform, identity.person) != (
        arrival.platform,
        arrival.person,
    ) or identity.session == arrival.session:
        return
    if all(later.session != arrival.session for later in identity.later) and len(identity.later) < _MOST_LATER_IDS:
        identity.later.append(LaterIds(session=arrival.session, project=arrival.project, added_at=datetime.now(UTC)))


def begun_by(session: Session, study: RunningStudy, arrival: Arrival) -> Participant | None:
    """The person's last participation.

    Where the study lets people take part repeatedly, not one that is finished; but the platform's id of a
    participation always leads back to that one.
    """
    if arrival.person is None:
        return None
    participant = session.scalar(
        select(Participant)
        .join(Identity, Identity.participant_id == Participant.id)
        .where(*_by_person(study, arrival))
        .order_by(Identity.repetition.desc())
        .limit(1)
    )
    if participant and participant.stage == "finished" and study.settings.recruitment.repeat:
        assert participant.identity is not None
        known = {participant.identity.session, *(later.session for later in participant.identity.later)}
        return participant if arrival.session is not None and arrival.session in known else None
    return participant


def may_repeat(study: RunningStudy, token: str | None, arrival: Arrival) -> bool:
    """Whether who has finished, known by this secret, comes to take part once more."""
    if not study.settings.recruitment.repeat or arrival.person is None:
        return False
    with study.database.reading() as session:
        return begun_by(session, study, arrival) is None


def identity_of(session: Session, study: RunningStudy, participant: int, arrival: Arrival) -> Identity:
    """Who a new participant, with this id, is to the platform that sent them."""
    before = 0
    if arrival.person is not None:
        before = session.scalar(select(func.max(Identity.repetition)).where(*_by_person(study, arrival))) or 0
    return Identity(
        participant_id=participant, study_id=study.id, platform=arrival.platform, person=arrival.person,
        project=arrival.project, session=arrival.session, repetition=before + 1,
    )  # fmt: skip


def _by_person(study: RunningStudy, arrival: Arrival) -> tuple[ColumnElement[bool], ...]:
    return (
        Identity.study_id == study.id, Identity.platform == arrival.platform, Identity.person == arrival.person,
    )  # fmt: skip
