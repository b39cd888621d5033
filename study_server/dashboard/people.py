"""The participants, a page at a time: how far they are and how they took part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session, selectinload

from study_server.dashboard.recruitment import state_conditions, state_of
from study_server.errors import NotFound
from study_server.participants.acceptance import failed, not_used_because
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event, Participant, Response, Trial, Visit

PAGE = 100

ORDERS = {"arrival": "newest first", "seen": "last seen first", "answered": "fewest answers first"}

_LABEL = re.compile(r"[ps]?0*([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Person:
    """A line of the list of participants."""

    participant: Participant
    state: str
    not_used_because: str
    reaction_time_ms: float | None
    """Median; None without answers."""
    device_pixel_ratio: str
    """All that the answers were given at, or the last visit's."""
    interrupted: int
    """Answers during which the pair was out of sight or the window changed."""


def conditions(study: RunningStudy, now: datetime) -> dict[str, ColumnElement[bool]]:
    """Filter's name → condition on Participant."""
    states = state_conditions(study, now)
    return states | {"failed": and_(failed(), Participant.withdrawn_at.is_(None))}


def number_of(label: str) -> int | None:
    """The number in a label that somebody typed: 12 of p0012, s12 or 12."""
    found = _LABEL.fullmatch(label.strip().lower())
    return int(found.group(1)) if found else None


def find(session: Session, study: RunningStudy, label: str, *, hold: bool = False) -> Participant:
    """The participant with this label; `hold`: nobody else changes their row until the transaction ends.

    Raises NotFound.
    """
    number = number_of(label)
    query = select(Participant).where(Participant.study_id == study.id, Participant.number == number)
    participant = session.scalar(query.with_for_update(key_share=True) if hold else query) if number else None
    if participant is None or participant.label != label:
        raise NotFound(f"there is no participant {label}")
    return participant


def people(
    session: Session, study: RunningStudy, now: datetime, *, only: str = "", label: str = "", order: str = "arrival",
    page: int = 1,
) -> tuple[list[Person], int]:  # fmt: skip
    """The participants on a page, and how many there are on all of them."""
    query = select(Participant).where(Participant.study_id == study.id)
    if only in (filters := conditions(study, now)):
        query = query.where(filters[only])
    if label:
        query = query.where(Participant.number == (number_of(label) or 0))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    by: dict[str, Any] = {
        "arrival": Participant.number.desc(), "seen": Participant.last_seen_at.desc(), "answered": Participant.answered,
    }  # fmt: skip
    found = session.scalars(query.order_by(by[order], Participant.number).limit(PAGE).offset(PAGE * (page - 1))).all()
    return describe(session, study, list(found), now), total


def describe(session: Session, study: RunningStudy, participants: list[Participant], now: datetime) -> list[Person]:
    """What the answers and visits of these participants say."""
    ids = [participant.id for participant in participants]
    medians = _median_reaction_times(session, ids)
    ratios, interrupted = _answer_conditions(session, ids)
    for id, ratio in session.execute(
        select(Visit.participant_id, Visit.device_pixel_ratio)
        .where(Visit.participant_id.in_(ids))
        .order_by(Visit.number)
    ):
        if id not in interrupted:  # nothing answered yet
            ratios[id] = {ratio}
    return [
        Person(
            participant, state_of(study, participant, now), not_used_because(participant), medians.get(participant.id),
            ", ".join(f"{ratio:.4g}" for ratio in sorted(ratios.get(participant.id, ()))),
            interrupted.get(participant.id, 0),
        )
        for participant in participants
    ]  # fmt: skip


def _median_reaction_times(session: Session, ids: list[int]) -> dict[int, float]:
    place = func.row_number().over(partition_by=Trial.participant_id, order_by=Response.reaction_time_ms)
    count = func.count().over(partition_by=Trial.participant_id)
    ranked = (
        select(
            Trial.participant_id, Response.reaction_time_ms.label("ms"), place.label("place"), count.label("count")
        )
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.participant_id.in_(ids))
        .subquery()
    )  # fmt: skip
    middle = (2 * ranked.c.place >= ranked.c.count) & (2 * ranked.c.place <= ranked.c.count + 2)
    rows = session.execute(
        select(ranked.c.participant_id, func.avg(ranked.c.ms)).where(middle).group_by(ranked.c.participant_id)
    )
    return {id: float(ms) for id, ms in rows}


def _answer_conditions(session: Session, ids: list[int]) -> tuple[dict[int, set[float]], dict[int, int]]:
    """Participant's id → device pixel ratios of their answers; and number of interrupted answers."""
    disturbed = Response.hidden.is_(True) | (Response.window_changes > 0)
    rows = session.execute(
        select(
            Trial.participant_id, Response.device_pixel_ratio, func.sum(case((disturbed, 1), else_=0))
        )
        .join(Response, Response.trial_id == Trial.id)
        .where(Trial.participant_id.in_(ids))
        .group_by(Trial.participant_id, Response.device_pixel_ratio)
    )  # fmt: skip
    ratios: dict[int, set[float]] = {}
    interrupted: dict[int, int] = {}
    for id, ratio, count in rows:
        ratios.setdefault(id, set()).add(ratio)
        interrupted[id] = interrupted.get(id, 0) + int(count)
    return ratios, interrupted


def not_used(session: Session, study: RunningStudy, limit: int = 1000) -> list[Participant]:
    """Participants whose answers are not used for a reason other than not being finished, the newest first."""
    reasons = Participant.withdrawn_at.is_not(None) | Participant.excluded_reason.is_not(None) | failed()
    query = select(Participant).where(Participant.study_id == study.id, reasons)
    return list(session.scalars(query.order_by(Participant.number.desc()).limit(limit)))


def events(
    session: Session, study: RunningStudy, *, kind: str = "", participant: Participant | None = None, page: int = 1
) -> tuple[list[tuple[Event, Participant | None]], int]:
    """Lines of the audit trail on a page, the newest first, and how many there are on all of them."""
    conditions = [Event.study_id == study.id]
    conditions += [Event.kind == kind] if kind else []
    conditions += [Event.participant_id == participant.id] if participant else []
    total = session.scalar(select(func.count()).select_from(Event).where(*conditions)) or 0
    rows = session.execute(
        select(Event, Participant)
        .outerjoin(Participant, Participant.id == Event.participant_id)
        .where(*conditions)
        .order_by(Event.id.desc())
        .limit(PAGE)
        .offset(PAGE * (page - 1))
    )
    return [(event, who) for event, who in rows], total


def visits_of(session: Session, participant: Participant) -> list[Visit]:
    """A participant's visits, the last first."""
    return list(
        session.scalars(select(Visit).where(Visit.participant_id == participant.id).order_by(Visit.number.desc()))
    )


def with_identity(session: Session, participant: Participant) -> Participant:
    """The participant with the platform's ids loaded."""
    return session.scalars(
        select(Participant).where(Participant.id == participant.id).options(selectinload(Participant.identity))
    ).one()
