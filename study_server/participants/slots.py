"""Slots are given to participants, and given back by those who will not use them.

A slot's stimuli depend on the study's seed and the slot's number alone (assignment.py), so whoever gets a slot that was
given back keeps the balance what it would have been. Everything here happens while the study's row is held.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from study_server.participants.acceptance import failed
from study_server.participants.running_study import Actor, RunningStudy
from study_server.storage.models import ANSWERED_ALL, FreeSlot, Participant, Study

_FREE_AT_ONCE = 50
"""No more are taken in one transaction."""

Reason = Literal["timed_out", "returned", "failed", "excluded", "withdrawn"]


class Slots:
    """The slots that those get who arrive in one transaction."""

    def __init__(self, session: Session, study: RunningStudy, row: Study, now: datetime) -> None:
        """row: of the study, which is held. Those of whoever is gone are given back first."""
        self._session, self._study, self._row = session, study, row
        release_timed_out(session, study, now)
        if study.settings.recruitment.replaces_unusable:
            _release_unusable(session, study)
        given_back = select(FreeSlot.slot).where(FreeSlot.study_id == study.id).order_by(FreeSlot.slot)
        self._given_back = deque(session.scalars(given_back.limit(_FREE_AT_ONCE)))
        self._needed = places(study)

    def take(self) -> int | None:
        """The lowest slot that was given back, or else a new one; None where the study needs no more at present."""
        if self._given_back:
            slot = self._given_back.popleft()
            self._session.execute(delete(FreeSlot).where(FreeSlot.study_id == self._study.id, FreeSlot.slot == slot))
            return slot
        if self._needed is not None and self._row.next_slot >= self._needed:
            return None
        self._row.next_slot += 1
        return self._row.next_slot - 1


def places(study: RunningStudy) -> int | None:
    """How many slots give every stimulus the answers that the study wants; None where there is no such number.

    There is none without a target, and under the random strategy.
    """
    wanted = study.settings.recruitment.answers_per_pair
    design = study.task.design(study.settings)
    if not wanted or not design.is_balanced:
        return None
    return design.slots_for(wanted)


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
    participant.slot, participant.given_back = None, participant.slot
    participant.released_reason, participant.address = reason, None
    session.flush()


def _release_unusable(session: Session, study: RunningStudy) -> None:
    """Give back the slots of those whose answers do not count: the study may not have replaced them then."""
    unusable = select(Participant).where(
        Participant.study_id == study.id,
        Participant.slot.is_not(None),
        or_(Participant.excluded_reason.is_not(None), failed()),
    )
    for participant in session.scalars(unusable.with_for_update(skip_locked=True, key_share=True)).all():
        release(session, study, participant, "failed" if participant.excluded_reason is None else "excluded")


def gone(study: RunningStudy, now: datetime) -> ColumnElement[bool]:
    """Condition on Participant: has not answered for longer than the study waits for that.

    Who has not begun the trials is waited for less long. Answering counts and nothing else: pages can be loaded by
    whoever wants to keep a place from others.
    """
    begun_before, answered_before = _waits(study, now)
    return and_(
        Participant.stage.not_in(ANSWERED_ALL),
        or_(
            and_(Participant.last_answer_at.is_(None), Participant.consented_at < begun_before),
            and_(Participant.last_answer_at.is_not(None), Participant.last_answer_at < answered_before),
        ),
    )


def is_gone(study: RunningStudy, participant: Participant, now: datetime) -> bool:
    """As `gone`, of a participant."""
    begun_before, answered_before = _waits(study, now)
    if participant.stage in ANSWERED_ALL:
        return False
    if participant.last_answer_at is None:
        return participant.consented_at < begun_before
    return participant.last_answer_at < answered_before


def _waits(study: RunningStudy, now: datetime) -> tuple[datetime, datetime]:
    """Who consented before the first of these moments and has not answered, or answered before the second, is gone."""
    settings = study.settings
    waits = (settings.recruitment.begin_minutes, settings.trials.slot_timeout_minutes)
    return now - timedelta(minutes=min(waits)), now - timedelta(minutes=waits[1])


def release_timed_out(session: Session, study: RunningStudy, now: datetime) -> None:
    """Give back the slots of all who are gone.

    Not of those whose row is held at the moment: they are here.
    """
    held = select(Participant).where(
        Participant.study_id == study.id, Participant.slot.is_not(None), gone(study, now)
    )  # fmt: skip
    for participant in session.scalars(held.with_for_update(skip_locked=True, key_share=True)).all():
        release(session, study, participant, "timed_out")
