"""Participants arrive: who is admitted, and what they are given to judge."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import Session

from study_server.errors import Conflict, NotYours, TooMany
from study_server.participants import slots
from study_server.participants.arrival import Arrival
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import (
    ANSWERED_ALL,
    STUDY_STATES,
    Event,
    FreeSlot,
    Identity,
    IdUse,
    LaterIds,
    Participant,
    Study,
    Trial,
)

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PLANNED_AHEAD = 64  # slots: as many as may be given to others, of other processes, while one arrives
_HOUR = timedelta(hours=1)
_MOST_LATER_IDS = 50  # of one participation; nobody gives a study up and takes it up again so often


@dataclass(frozen=True)
class Enrolled:
    """Who was taken in. token: the secret by which they are known; by_id: they go on by an id in a link alone."""

    token: str
    by_id: bool = False


class _Crowded(Exception):
    """An address has as many unfinished participations as it may."""


def readable_code(length: int = 10) -> str:
    """A random code of characters that cannot be confused with each other when typed off a screen."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def enrol(
    study: RunningStudy,
    token: str,
    arrival: Arrival | None = None,
    *,
    language: str | None = None,
    simulation_key: str | None = None,
    address: str | None = None,
) -> Enrolled:
    """Take in a participant who has consented: a slot and its trials.

    They are known by `token`, or by the secret of the participation that this person has begun already, here or in
    another browser. With an id in a link alone they can only go on with what is not finished; `address` (a keyed hash)
    is what such ids and unfinished participations are counted by. Observers of `simulate` give the study's simulation
    key. The first participant freezes the study.
    Raises Conflict where nobody is admitted (the message says why), TooMany, and NotYours for a wrong simulation key.
    """
    arrival = arrival or Arrival()
    if arrival.person is not None and not arrival.is_proved and address is not None:
        _count_id_use(study, address)
    _plan_ahead(study)
    try:
        with study.database.writing() as session:
            return _enrol(session, study, token, arrival, language, simulation_key, address)
    except _Crowded:
        most = study.settings.recruitment.unfinished_per_address
        _note_hourly(study, "address_full", f"{most} unfinished from address {address}")
        raise Conflict(
            _(
                "Many people have begun this study from your network and have not finished it yet. Please try again "
                "later, or from another network."
            )
        ) from None


def _enrol(
    session: Session,
    study: RunningStudy,
    token: str,
    arrival: Arrival,
    language: str | None,
    simulation_key: str | None,
    address: str | None,
) -> Enrolled:
    now = datetime.now(UTC)
    row = study.locked(session)
    study.refuse_changed(row)
    if study.find(session, token) is not None:
        return Enrolled(token)
    begun = begun_by(session, study, arrival)
    if begun is not None:
        add_ids(session, begun, arrival)
        if arrival.is_proved:
            return Enrolled(begun.token)
        if begun.stage in ANSWERED_ALL:
            raise Conflict(_used_up())
        return Enrolled(begun.token, by_id=True)
    simulated = simulation_key is not None
    if simulation_key is not None and not secrets.compare_digest(simulation_key.encode(), row.simulation_key.encode()):
        raise NotYours("that is not the simulation key of this study")
    _refuse_mixing(session, study, simulated)
    _refuse_closed(row.state)
    if not simulated:
        _refuse_crowd(session, study, address, now)
    slot = slots.take(session, study, row, now)
    if slot is None:
        raise Conflict(
            _("All places of this study are taken at the moment. One may become free: please try again later.")
        )
    stimuli = study.stimulus_ids(session, row)
    row.frozen_at = row.frozen_at or now
    last = session.scalar(select(func.max(Participant.number)).where(Participant.study_id == study.id))
    participant = Participant(
        study_id=study.id, number=1 + (last or 0), slot=slot, token=token, withdrawal_code=readable_code(),
        simulated=simulated, language=language, stage="instructions", consented_at=now, last_seen_at=now,
        address=None if simulated else address,
    )  # fmt: skip
    session.add(participant)
    session.flush()
    if arrival.platform != "open":
        session.add(_identity(session, study, participant, arrival))
    _give_trials(session, study, participant, slot, stimuli)
    return Enrolled(token)


def _used_up() -> str:
    said: str = _(
        "This link has been used to take part already, and all answers are here: there is nothing more to do. If you "
        "have lost your completion code, use the browser in which you took part, or write to whoever invited you."
    )
    return said


def _count_id_use(study: RunningStudy, address: str) -> None:
    """Raises TooMany where this address has named more ids in an hour than it may."""
    most = study.settings.server.ids_per_hour
    if not most:
        return
    now = datetime.now(UTC)
    with study.database.writing() as session:
        session.execute(delete(IdUse).where(IdUse.study_id == study.id, IdUse.at < now - _HOUR))
        of_address = (IdUse.study_id == study.id) & (IdUse.address == address)
        used, first = session.execute(select(func.count(), func.min(IdUse.at)).where(of_address)).one()
        if used < most:
            session.add(IdUse(study_id=study.id, address=address, at=now))
            return
    _note_hourly(study, "ids_full", f"{most} ids in an hour from address {address}")
    wait = max(1, int((first + _HOUR - now).total_seconds()))
    raise TooMany(_("Too many people have come from your network within an hour. Please try again later."), wait)


def _refuse_crowd(session: Session, study: RunningStudy, address: str | None, now: datetime) -> None:
    most = study.settings.recruitment.unfinished_per_address
    if not most or address is None:
        return
    slots.release_timed_out(session, study, now)
    of_address = select(func.count()).where(
        Participant.study_id == study.id, Participant.address == address, Participant.slot.is_not(None),
        Participant.stage.not_in(ANSWERED_ALL),
    )  # fmt: skip
    if (session.scalar(of_address) or 0) >= most:
        raise _Crowded


def _note_hourly(study: RunningStudy, kind: str, detail: str) -> None:
    """A line in the audit trail, the same no more than once an hour."""
    with study.database.writing() as session:
        noted = select(Event.id).where(
            Event.study_id == study.id, Event.kind == kind, Event.detail == detail,
            Event.at > datetime.now(UTC) - _HOUR,
        )  # fmt: skip
        if session.scalar(noted.limit(1)) is None:
            study.note(session, kind, "server", detail=detail)


def _plan_ahead(study: RunningStudy) -> None:
    """Plan the slots that come next before the study's row is held: with many images this takes seconds."""
    with study.database.reading() as session:
        first = session.scalar(select(Study.next_slot).where(Study.id == study.id)) or 0
        given_back = session.scalar(select(func.min(FreeSlot.slot)).where(FreeSlot.study_id == study.id))
    study.task.plan_ahead(study.settings, range(first, first + _PLANNED_AHEAD))
    if given_back is not None:  # of a round of long ago, perhaps
        study.task.plan_ahead(study.settings, range(given_back, given_back + 1))


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


def _by_person(study: RunningStudy, arrival: Arrival) -> tuple[ColumnElement[bool], ...]:
    return (
        Identity.study_id == study.id, Identity.platform == arrival.platform, Identity.person == arrival.person,
    )  # fmt: skip


def _identity(session: Session, study: RunningStudy, participant: Participant, arrival: Arrival) -> Identity:
    before = 0
    if arrival.person is not None:
        before = session.scalar(select(func.max(Identity.repetition)).where(*_by_person(study, arrival))) or 0
    return Identity(
        participant_id=participant.id, study_id=study.id, platform=arrival.platform, person=arrival.person,
        project=arrival.project, session=arrival.session, repetition=before + 1,
    )  # fmt: skip


def refuse(study: RunningStudy, *, simulated: bool = False) -> None:
    """Raise Conflict where a newcomer would not be admitted now."""
    with study.database.reading() as session:
        _refuse_mixing(session, study, simulated)
        _refuse_closed(session.get_one(Study, study.id).state)


def _refuse_closed(state: str) -> None:
    assert state in STUDY_STATES
    if state == "paused":
        raise Conflict(_("This study is paused. Please try again later."))
    if state == "closed":
        raise Conflict(_("This study is closed: it has all the answers that it needs. Thank you for your interest."))


def _refuse_mixing(session: Session, study: RunningStudy, simulated: bool) -> None:
    # All are what the first one is.
    first = select(Participant.simulated).where(Participant.study_id == study.id).order_by(Participant.number).limit(1)
    if session.scalar(first) in (None, simulated):
        return
    raise Conflict(
        "this study has real participants, so it takes no simulated observers"
        if simulated
        else _(
            "This study is filled with simulated answers, so nobody can take part in it. If you were invited, please "
            "tell whoever sent you this address: real participants need a new study folder."
        )
    )


def _give_trials(
    session: Session, study: RunningStudy, participant: Participant, slot: int, stimuli: dict[tuple[str, int], int]
) -> None:
    session.execute(
        insert(Trial.__table__),  # type: ignore[arg-type]
        [
            {
                "study_id": study.id, "participant_id": participant.id, "position": position,
                "stimulus_id": stimuli[study.groups[planned.group], planned.stratum],
                "repetition": planned.repetition, "arrangement": " ".join(planned.arrangement),
                "token": secrets.token_urlsafe(16), "images_token": secrets.token_urlsafe(16),
            }
            for position, planned in enumerate(study.task.plan_trials(study.settings, slot, participant.number), 1)
        ],
    )  # fmt: skip
