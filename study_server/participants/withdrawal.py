"""Withdrawal: a participant's identity, and where the study says so all answers, are removed for good.

That somebody withdrew stays in the audit trail, which names no person.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from study_server.errors import Conflict, NotFound
from study_server.participants import slots
from study_server.participants.acceptance import has_passed
from study_server.participants.arrival import Arrival
from study_server.participants.enrolment import readable_code
from study_server.participants.platforms import arrival_from
from study_server.participants.running_study import Actor, RunningStudy
from study_server.storage.models import (
    ANSWERED_ALL,
    Calibration,
    Identity,
    Invitation,
    Participant,
    QuestionAnswer,
    Response,
    Trial,
    Visit,
)

WITHDRAWN_CODE = "withdrawn"
"""Stands for the completion code of who has withdrawn, which could tell who it was."""

_CODE = re.compile(r"[A-Z0-9]{1,16}")


@dataclass(frozen=True)
class Withdrawn:
    """What a withdrawal has done. arrival: from where the participant had come; it is stored no more."""

    label: str
    answers_removed: int
    arrival: Arrival


def find(study: RunningStudy, proof: str) -> Participant:
    """The participant with this withdrawal code. Raises NotFound, with the same sentence whatever is wrong."""
    code = re.sub(r"[\s-]", "", proof).upper()
    with study.database.reading() as session:
        participant = None
        if _CODE.fullmatch(code):
            participant = session.scalar(
                select(Participant).where(Participant.study_id == study.id, Participant.withdrawal_code == code)
            )
        if participant is None:
            raise NotFound(_("No participation belongs to this code. Please check it, letter by letter."))
        return participant


def of_browser(study: RunningStudy, token: str | None) -> Participant | None:
    """The participant with this secret, if they have consented and not withdrawn."""
    with study.database.reading() as session:
        participant = study.find(session, token)
        return participant if participant is not None and participant.withdrawn_at is None else None


def withdraw(study: RunningStudy, participant: Participant, actor: Actor) -> Withdrawn:
    """Withdraw a participant, in one transaction: all that the study's setting says is removed.

    Nothing that the person has leads back to the participation then: cookie, withdrawal code, platform, personal link.
    Raises Conflict where the participant has withdrawn already.
    """
    with study.database.writing() as session:
        row = session.get_one(Participant, participant.id, with_for_update={"key_share": True})
        study.locked(session)
        if row.withdrawn_at is not None:
            raise Conflict(_("This participant has withdrawn already."))
        arrival, removes = arrival_from(row.identity), study.settings.withdrawal.removes
        count = row.stage in ANSWERED_ALL and has_passed(row) and row.excluded_reason is None
        is_replaced = not count and study.settings.recruitment.replaces_unusable
        if removes == "identity" and row.stage in ANSWERED_ALL and not is_replaced:
            # All the slot's answers stay: nobody else has to give them.
            row.slot, row.released_reason, row.address = None, "withdrawn", None
        else:
            slots.release(session, study, row, "withdrawn", actor)
        row.withdrawn_at = datetime.now(UTC)
        removed = _remove_answers(session, row) if removes == "answers" else 0
        _remove_identity(session, study, row)
        study.note(session, "withdrawn", actor, row, f"removed: {removes}")
        return Withdrawn(row.label, removed, arrival)


def _remove_answers(session: Session, participant: Participant) -> int:
    trials = select(Trial.id).where(Trial.participant_id == participant.id)
    removed = participant.answered
    session.execute(delete(Response).where(Response.trial_id.in_(trials)))
    for table in (QuestionAnswer, Visit, Calibration):
        session.execute(delete(table).where(table.participant_id == participant.id))
    participant.answered, participant.visits, participant.passed, participant.failed_rules = 0, 0, None, None
    return removed


def _remove_identity(session: Session, study: RunningStudy, participant: Participant) -> None:
    identity = participant.identity
    if identity is not None:
        session.delete(identity)
        session.flush()
        if identity.platform == "link" and identity.person is not None:
            # The invitation's label may be a name. It stays only where the person took part more than once.
            others = select(Identity.participant_id).where(*_by_link(study, identity.person))
            if session.scalar(others.limit(1)) is None:
                session.execute(
                    delete(Invitation).where(Invitation.token == identity.person, Invitation.study_id == study.id)
                )
    participant.token, participant.withdrawal_code = secrets.token_urlsafe(32), readable_code()
    if participant.completion_code is not None:
        participant.completion_code = WITHDRAWN_CODE


def _by_link(study: RunningStudy, token: str) -> tuple[ColumnElement[bool], ...]:
    return Identity.study_id == study.id, Identity.platform == "link", Identity.person == token
