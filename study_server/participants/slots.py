"""Slots are given to participants, and given back by those who will not use them.

A slot's pairs depend on the study's seed and the slot's number alone (assignment.py), so whoever gets a slot that was
given back keeps the balance what it would have been. Everything here happens while the study's row is held.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from study_server.participants import same_different as task
from study_server.participants.running_study import Actor, RunningStudy
from study_server.storage.models import ANSWERED_ALL, FreeSlot, Participant, Study

Reason = Literal["timed_out", "returned", "failed", "excluded", "withdrawn"]


def take(session: Session, study: RunningStudy, row: Study, now: datetime) -> int | None:
    """The lowest slot that was given back, or else a new one; None where the study needs no more at present."""
    release_timed_out(session, study, now)
    if study.settings.recruitment.replaces_unusable:
        _release_unusable(session, study)
    slot = session.scalar(select(FreeSlot.slot).where(FreeSlot.study_id == study.id).order_by(FreeSlot.slot).limit(1))
    if slot is not None:
        session.execute(delete(FreeSlot).where(FreeSlot.study_id == study.id, FreeSlot.slot == slot))
        return slot
    needed = places(study)
    if needed is not None and row.next_slot >= needed:
        return None
    row.next_slot += 1
    return row.next_slot - 1


def places(study: RunningStudy) -> int | None:
    """How many slots give every pair the answers that the study wants; None where there is no such number.

    There is none without a target, and under the random strategy.
    """
    wanted = study.settings.recruitment.answers_per_pair
    if not wanted or study.settings.trials.strategy != "balanced":
        return None
    design = task.design(study.settings)
    return math.ceil(wanted / design.round_answers) * design.round_slots


def release(
    session: Session, study: RunningStudy, participant: Participant, reason: Reason, actor: Actor = "server"
) -> None:
    """Give the participant's slot to the next who comes; nothing where they hold none.

    Who comes back can go on all the same: those answers are kept, and count in addition.
    """
    if participant.slot is None:
        return
    session.add(FreeSlot(study_id=study.id, slot=participant.slot))
    study.note(session, "slot_released", actor, participant, f"slot {participant.slot}, {reason}")
    participant.slot, participant.released_reason = None, reason
    session.flush()


def _release_unusable(session: Session, study: RunningStudy) -> None:
    """Give back the slots of those whose answers do not count: the study may not have replaced them then."""
    unusable = select(Participant).where(
        Participant.study_id == study.id,
        Participant.slot.is_not(None),
        or_(Participant.excluded_reason.is_not(None), Participant.passed.is_(False)),
    )
    for participant in session.scalars(unusable.with_for_update(skip_locked=True, key_share=True)).all():
        release(session, study, participant, "failed" if participant.excluded_reason is None else "excluded")


def release_timed_out(session: Session, study: RunningStudy, now: datetime) -> None:
    """Give back the slots of all who have not been seen for longer than the study waits.

    Not of those whose row is held at the moment: they are here.
    """
    timeout = timedelta(minutes=study.settings.trials.slot_timeout_minutes)
    gone = select(Participant).where(
        Participant.study_id == study.id,
        Participant.slot.is_not(None),
        Participant.stage.not_in(ANSWERED_ALL),
        Participant.last_seen_at < now - timeout,
    )
    for participant in session.scalars(gone.with_for_update(skip_locked=True, key_share=True)).all():
        release(session, study, participant, "timed_out")
