"""Participants arrive: who is admitted, and what they are given to judge."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from study_server.errors import Conflict, NotYours
from study_server.participants import same_different as task
from study_server.participants import slots
from study_server.participants.arrival import Arrival
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import STUDY_STATES, Identity, Participant, Study, Trial

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PLANNED_AHEAD = 64  # slots: as many as may be given to others, of other processes, while one arrives


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
) -> str:
    """Take in a participant who has consented: a slot and its trials. Gives the secret by which they are known.

    That is `token`, or the secret of the participation that this person has begun already, here or in another browser.
    Observers of `simulate` give the study's simulation key. The first participant freezes the study.
    Raises Conflict where nobody is admitted (the message says why), and NotYours for a wrong simulation key.
    """
    arrival = arrival or Arrival()
    now = datetime.now(UTC)
    _plan_ahead(study)
    with study.database.writing() as session:
        row = study.locked(session)
        study.refuse_changed(row)
        if study.find(session, token) is not None:
            return token
        begun = begun_by(session, study, arrival)
        if begun is not None:
            return begun.token
        simulated = simulation_key is not None
        if simulation_key is not None and not secrets.compare_digest(
            simulation_key.encode(), row.simulation_key.encode()
        ):
            raise NotYours("that is not the simulation key of this study")
        _refuse_mixing(session, study, simulated)
        _refuse_closed(row.state)
        slot = slots.take(session, study, row, now)
        if slot is None:
            raise Conflict(
                _("All places of this study are taken at the moment. One may become free: please try again later.")
            )
        pairs = study.pair_ids(session, row)
        row.frozen_at = row.frozen_at or now
        last = session.scalar(select(func.max(Participant.number)).where(Participant.study_id == study.id))
        participant = Participant(
            study_id=study.id, number=1 + (last or 0), slot=slot, token=token, withdrawal_code=readable_code(),
            simulated=simulated, language=language, stage="instructions", consented_at=now, last_seen_at=now,
        )  # fmt: skip
        session.add(participant)
        session.flush()
        if arrival.platform != "open":
            session.add(_identity(session, study, participant, arrival))
        _give_trials(session, study, participant, slot, pairs)
    return token


def _plan_ahead(study: RunningStudy) -> None:
    """Plan the slots that come next before the study's row is held: with many images this takes a second."""
    with study.database.reading() as session:
        first = session.scalar(select(Study.next_slot).where(Study.id == study.id)) or 0
    task.plan_ahead(study.settings, range(first, first + _PLANNED_AHEAD))


def returning(study: RunningStudy, arrival: Arrival) -> str | None:
    """Secret of the participation that this person has begun or finished; None for a newcomer."""
    with study.database.reading() as session:
        begun = begun_by(session, study, arrival)
        if begun is None or begun.stage == "finished" or not _is_newer(arrival, begun.identity):
            return begun.token if begun else None
    # Who gave the study up at the platform and took it up again is known there by other ids now.
    with study.database.writing() as session:
        begun = begun_by(session, study, arrival)
        if begun is not None and begun.identity is not None:
            begun.identity.project = arrival.project or begun.identity.project
            begun.identity.session = arrival.session or begun.identity.session
            begun.identity.submit_to = arrival.submit_to or begun.identity.submit_to
        return begun.token if begun else None


def _is_newer(arrival: Arrival, identity: Identity | None) -> bool:
    return identity is not None and any(
        getattr(arrival, name) not in (None, getattr(identity, name)) for name in ("project", "session", "submit_to")
    )


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
        is_same = arrival.session is not None and arrival.session == participant.identity.session
        return participant if is_same else None
    return participant


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
    session: Session, study: RunningStudy, participant: Participant, slot: int, pairs: dict[tuple[str, int], int]
) -> None:
    session.execute(
        insert(Trial.__table__),  # type: ignore[arg-type]
        [
            {
                "study_id": study.id, "participant_id": participant.id, "position": position,
                "pair_id": pairs[study.images[planned.image], planned.shift_px],
                "reference_side": planned.reference_side, "token": secrets.token_urlsafe(16),
                "left_token": secrets.token_urlsafe(16), "right_token": secrets.token_urlsafe(16),
            }
            for position, planned in enumerate(task.plan_trials(study.settings, slot, participant.number), start=1)
        ],
    )  # fmt: skip
