"""The table of participants (docs/responses.md): whom to pay, whose answers to use, and on what they took part."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from study_server.export.responses import Measured, last_calibrations
from study_server.export.source import reading
from study_server.participants.acceptance import not_used_because
from study_server.storage.models import ANSWERED_ALL, Identity, Participant, Study, Trial, Visit

SCHEMA = "shift-study/participants/3"
COLUMNS = (
    "schema", "study", "participant", "simulated", "state", "pay", "use", "not_used_because", "trials", "answered",
    "visits", "consented_at", "last_seen_at", "last_answer_at", "finished_at",
    "completion_code", "language", "screen_width", "screen_height",
    "device_pixel_ratio", "refresh_rate_hz", "touch_points", "device_pixels_per_cm", "viewing_distance_cm",
)  # fmt: skip
IDENTITY_COLUMNS = ("platform", "person", "project", "session", "later_sessions")


def participant_rows(source: str, *, identities: bool = False) -> list[dict[str, Any]]:
    """One row for each participant of a study folder or a database URL, in order of arrival.

    `pay` is whether they finished; `use` whether their answers count, and `not_used_because` the rules that say no.
    The platforms' ids are left out unless `identities`. Raises StudyError where there is no study.
    """
    with reading(source) as (session, study_id):
        return rows_of_study(session, study_id, identities=identities)


def rows_of_study(session: Session, study_id: int | None, *, identities: bool = False) -> list[dict[str, Any]]:
    """The rows of one study, or of all in the database."""
    query = (
        select(Participant, Study)
        .join(Study, Study.id == Participant.study_id)
        .options(selectinload(Participant.identity).selectinload(Identity.later))
        .order_by(Participant.study_id, Participant.number)
    )
    if study_id is not None:
        query = query.where(Participant.study_id == study_id)
    last = (
        select(Visit.participant_id, func.max(Visit.number).label("number")).group_by(Visit.participant_id).subquery()
    )
    visits = {
        visit.participant_id: visit
        for visit in session.scalars(
            select(Visit).join(last, (last.c.participant_id == Visit.participant_id) & (last.c.number == Visit.number))
        )
    }
    trials = select(Trial.participant_id, func.count().label("trials")).group_by(Trial.participant_id)
    totals = {row.participant_id: row.trials for row in session.execute(trials)}
    calibrations = last_calibrations(session)
    return [
        _row(study, participant, totals.get(participant.id, 0), visits.get(participant.id),
             calibrations.get(participant.id))
        | (_identity(participant.identity) if identities else {})
        for participant, study in session.execute(query)
    ]  # fmt: skip


def _row(
    study: Study, participant: Participant, trials: int, visit: Visit | None, calibration: Measured | None
) -> dict[str, Any]:
    reasons = not_used_because(participant)
    finished = participant.stage in ANSWERED_ALL
    state = "withdrawn" if participant.withdrawn_at else "finished" if finished else "unfinished"
    values = (
        SCHEMA, study.name, participant.label, participant.simulated, state, finished, not reasons, reasons, trials,
        participant.answered, participant.visits,
        *(moment.isoformat(timespec="seconds") if moment else None
          for moment in (participant.consented_at, participant.last_seen_at, participant.last_answer_at,
                         participant.finished_at)),
        participant.completion_code, participant.language,
        *((visit.screen_width, visit.screen_height, visit.device_pixel_ratio, visit.refresh_rate_hz, visit.touch_points)
          if visit else (None,) * 5),
        *((calibration.device_pixels_per_cm, calibration.viewing_distance_cm) if calibration else (None, None)),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _identity(identity: Identity | None) -> dict[str, Any]:
    if identity is None:
        return dict.fromkeys(IDENTITY_COLUMNS)
    first = {name: getattr(identity, name) for name in IDENTITY_COLUMNS[:-1]}
    return first | {"later_sessions": ";".join(later.session for later in identity.later) or None}
