"""Slots given back for participants who gave the study up at their platform, or whom the researcher names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from study_server.errors import NotFound, StudyError
from study_server.participants import slots
from study_server.participants.running_study import Actor, RunningStudy
from study_server.storage.models import ANSWERED_ALL, Identity, LaterIds, Participant

_COLUMNS = ("Submission id", "Participant id", "Status")


@dataclass(frozen=True)
class Submission:
    """Prolific's ids of a submission and of its participant."""

    submission: str
    person: str


def is_return(status: str) -> bool:
    """Whether a submission with this status at Prolific has been given up."""
    return re.sub(r"[\s_-]", "", status).upper() in ("RETURNED", "TIMEDOUT")


def read_prolific(path: Path) -> list[Submission]:
    """The submissions in Prolific's exported CSV that were given up. Raises StudyError where it is no such file."""
    try:
        table = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in _COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise StudyError(f"{path} has no column {missing[0]!r}: give the CSV that Prolific exports for the study")
        rows = [{name: row[name] or "" for name in _COLUMNS} for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path} is no CSV file: {error}") from error
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror or error}") from error
    at_work = {row["Participant id"] for row in rows if not is_return(row["Status"])}
    return [
        # Who gave it up once and took it up again is known by the submission alone.
        Submission(row["Submission id"], "" if row["Participant id"] in at_work else row["Participant id"])
        for row in rows
        if is_return(row["Status"])
    ]


def release_submissions(study: RunningStudy, submissions: Iterable[Submission], actor: Actor) -> list[Participant]:
    """Give back the slots of those who gave these submissions up; those who gave one back, in order of arrival.

    Who has answered everything keeps the slot: those answers are here, and nobody else has to give them. What is known
    here by no such id, or has been released before, is passed over.
    """
    with study.database.writing() as session:
        found = [(_of_submission(session, study, submission), submission) for submission in submissions]
        given_up = [p for p, s in found if p and p.stage not in ANSWERED_ALL and not _has_moved_on(p, s)]
        return _release(session, study, given_up, actor)


def release_labels(study: RunningStudy, labels: Iterable[str], actor: Actor) -> list[Participant]:
    """Give back the slots of the participants with these ids; those who held one. Raises NotFound for an unknown id."""
    with study.database.writing() as session:
        return _release(session, study, [_of_label(session, study, label) for label in labels], actor)


def _release(
    session: Session, study: RunningStudy, participants: Iterable[Participant], actor: Actor
) -> list[Participant]:
    ids = {participant.id for participant in participants}
    held = session.scalars(
        select(Participant).where(Participant.id.in_(ids)).order_by(Participant.id).with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()  # fmt: skip
    study.locked(session)
    released = [participant for participant in held if participant.slot is not None]
    for participant in released:
        slots.release(session, study, participant, "returned", actor)
    return released


def _of_submission(session: Session, study: RunningStudy, submission: Submission) -> Participant | None:
    # Where the link brings no SESSION_ID, the person is all that is known.
    later = Identity.later.any(LaterIds.session == submission.submission)
    by_person = (Identity.session.is_(None)) & (Identity.person == submission.person)
    return session.scalar(
        select(Participant)
        .join(Identity, Identity.participant_id == Participant.id)
        .where(
            Identity.study_id == study.id, Identity.platform == "prolific",
            or_(Identity.session == submission.submission, later, by_person),
        )
        .order_by(Identity.repetition.desc())
        .limit(1)
    )  # fmt: skip


def _has_moved_on(participant: Participant, submission: Submission) -> bool:
    """Whether the participant took the study up again after giving this submission up, and has answered since."""
    identity, answered = participant.identity, participant.last_answer_at
    if identity is None or answered is None:
        return False
    sessions = [identity.session, *(later.session for later in identity.later)]
    if submission.submission not in sessions:
        return False  # known by the person alone
    return any(later.added_at < answered for later in identity.later[sessions.index(submission.submission) :])


def _of_label(session: Session, study: RunningStudy, label: str) -> Participant:
    number = re.fullmatch(r"[ps]([0-9]{4,9})", label, re.ASCII)
    participant = session.scalar(
        select(Participant).where(
            Participant.study_id == study.id, Participant.number == (int(number[1]) if number else None)
        )
    )
    if participant is None or participant.label != label:
        raise NotFound(f"the study has no participant {label}: `shift-study participants` lists them")
    return participant
