"""Participants arrive: who is admitted, and which slot they get."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _  # in the words of who asked, which is not always who takes them in
from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.orm import Session

from study_server.errors import Conflict, NotYours, StudyError, TooMany
from study_server.participants import slots
from study_server.participants.arrival import Arrival
from study_server.participants.known_people import add_ids, begun_by, identity_of
from study_server.participants.running_study import RunningStudy
from study_server.storage.bulk_insert import refresh_statistics
from study_server.storage.group_commit import GroupCommit, Waiting
from study_server.storage.models import (
    ANSWERED_ALL,
    STUDY_STATES,
    Event,
    IdUse,
    Participant,
    Study,
)

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MOST_AT_ONCE = 50  # of who share a transaction; the others of other processes wait meanwhile
_FIRST_STAGE = "instructions"
_PARTICIPANT = Participant.__table__
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Enrolled:
    """Who was taken in.

    token: the secret by which they are known. stage: where they go on. by_id: they do so by an id in a link alone.
    """

    token: str
    stage: str
    by_id: bool = False


def readable_code(length: int = 10) -> str:
    """A random code of characters that cannot be confused with each other when typed off a screen."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(eq=False)
class _Newcomer(Waiting[Enrolled]):
    """Who has consented and waits to be taken in."""

    token: str
    arrival: Arrival
    language: str | None
    simulation_key: str | None
    address: str | None


class Enrolments:
    """Where the requests of this process bring who has consented: many who come at once share a transaction."""

    def __init__(self, study: RunningStudy) -> None:
        self.study = study
        self._commits = GroupCommit[tuple[Session, Study], _Newcomer, Enrolled](
            study.database.waiting, self._admitting, self._take_in, most_at_once=_MOST_AT_ONCE
        )

    def enrol(
        self,
        token: str,
        arrival: Arrival | None = None,
        *,
        language: str | None = None,
        simulation_key: str | None = None,
        address: str | None = None,
    ) -> Enrolled:
        """Take in a participant who has consented: a slot.

        They are known by `token`, or by the secret of the participation that this person has begun already, here or in
        another browser. With an id in a link alone they can only go on with what is not finished; `address` (a keyed
        hash) is what such ids and unfinished participations are counted by. Observers of `simulate` give the study's
        simulation key. The first participant freezes the study.
        Raises Conflict where nobody is admitted (the message says why), TooMany, and NotYours for a wrong simulation
        key.
        """
        return self._commits.settle(_Newcomer(token, arrival or Arrival(), language, simulation_key, address))

    @contextmanager
    def _admitting(self) -> Iterator[tuple[Session, Study]]:
        """A transaction, from when it is this process's turn to admit: whoever comes until then is in it."""
        with self.study.database.writing() as session:
            yield session, self.study.locked(session)

    def _take_in(
        self, admitting: tuple[Session, Study], newcomers: list[_Newcomer]
    ) -> list[tuple[_Newcomer, Enrolled]]:
        """Who is taken in, of those who are not refused; refusals leave nothing behind but that they are noted."""
        session, row = admitting
        admission = _Admission(session, self.study, row, newcomers)
        taken_in = []
        with session.no_autoflush:  # all new participants are written together
            for newcomer in newcomers:
                try:
                    taken_in.append((newcomer, admission.admit(newcomer)))
                except StudyError as refusal:
                    newcomer.error = refusal
        admission.finish()
        return taken_in


class _Admission:
    """One transaction in which people are taken in one after the other, while the study's row is held."""

    def __init__(self, session: Session, study: RunningStudy, row: Study, newcomers: Sequence[_Newcomer]) -> None:
        """Raises Conflict where another process has changed the study."""
        self.session, self.study, self.row, self.now = session, study, row, datetime.now(UTC)
        study.refuse_changed(row)
        self._slots = slots.Slots(session, study, self.row, self.now)
        last = select(func.max(Participant.number)).where(Participant.study_id == study.id)
        both = select(last.scalar_subquery().label("last"), _first_is_simulated(study).scalar_subquery().label("first"))
        found = session.execute(both).one()
        self._last_number = self._before = found.last or 0
        self._are_simulated: bool | None = found.first
        of_these = Participant.token.in_([newcomer.token for newcomer in newcomers])
        known = select(Participant.token, Participant.stage).where(Participant.study_id == study.id, of_these)
        self._stages = {row.token: row.stage for row in session.execute(known)}
        """Of those who are here already, by their tokens."""
        self._unfinished = self._unfinished_of({newcomer.address for newcomer in newcomers})
        self._new: list[dict[str, Any]] = []
        self._ids: list[int] = []
        """Of the first of the new ones; all have one in the end."""

    def admit(self, newcomer: _Newcomer) -> Enrolled:
        """Take somebody in. Raises StudyError where they are refused, before anything of theirs is there."""
        study, arrival, address = self.study, newcomer.arrival, newcomer.address
        if arrival.person is not None and not arrival.is_proved and address is not None:
            _count_id_use(self.session, study, address, self.now)
        if (stage := self._stages.get(newcomer.token)) is not None:
            return Enrolled(newcomer.token, stage)
        begun = begun_by(self.session, study, arrival)
        if begun is not None:
            if not arrival.is_proved and begun.stage in ANSWERED_ALL:
                raise Conflict(_used_up())
            add_ids(self.session, begun, arrival)
            return Enrolled(begun.token, begun.stage, by_id=not arrival.is_proved)
        simulated = newcomer.simulation_key is not None
        if newcomer.simulation_key is not None and not secrets.compare_digest(
            newcomer.simulation_key.encode(), self.row.simulation_key.encode()
        ):
            raise NotYours("that is not the simulation key of this study")
        if self._are_simulated is not simulated and self._are_simulated is not None:
            raise _mixed(simulated)
        _refuse_closed(self.session, self.row)
        if not simulated:
            self._refuse_crowd(address)
        slot = self._slots.take()
        if slot is None:
            raise Conflict(
                _("All places of this study are taken at the moment. One may become free: please try again later.")
            )
        self._are_simulated = simulated
        self.row.frozen_at = self.row.frozen_at or self.now
        self._last_number += 1
        self._new.append(
            {
                "study_id": study.id, "number": self._last_number, "slot": slot, "token": newcomer.token,
                "withdrawal_code": readable_code(), "simulated": simulated, "language": newcomer.language,
                "stage": _FIRST_STAGE, "consented_at": self.now, "last_seen_at": self.now,
                "address": None if simulated else address,
            }
        )  # fmt: skip
        self._stages[newcomer.token] = _FIRST_STAGE
        if arrival.platform != "open":
            self._insert_new()
            self.session.add(identity_of(self.session, study, self._ids[-1], arrival))
            self.session.flush()  # whoever comes next may be the same person
        if not simulated:
            self._unfinished[address] += 1
        return Enrolled(newcomer.token, _FIRST_STAGE)

    def _unfinished_of(self, addresses: Collection[str | None]) -> Counter[str | None]:
        """Address → how many from there have begun and not finished."""
        if not self.study.settings.recruitment.unfinished_per_address:
            return Counter()
        of_address = (
            select(Participant.address, func.count().label("people"))
            .where(
                Participant.study_id == self.study.id, Participant.address.in_(addresses),
                Participant.slot.is_not(None), Participant.stage.not_in(ANSWERED_ALL),
            )
            .group_by(Participant.address)
        )  # fmt: skip
        return Counter({row.address: row.people for row in self.session.execute(of_address)})

    def _refuse_crowd(self, address: str | None) -> None:
        most = self.study.settings.recruitment.unfinished_per_address
        if not most or address is None or self._unfinished[address] < most:
            return
        detail = f"{most} unfinished from address {address}"
        _note_hourly(self.session, self.study, "address_full", detail, self.now)
        raise Conflict(
            _(
                "Many people have begun this study from your network and have not finished it yet. Please try again "
                "later, or from another network."
            )
        )

    def _insert_new(self) -> None:
        """Those who were taken in, as far as they are not in the database yet."""
        if rows := self._new[len(self._ids) :]:
            inserted = insert(Participant).returning(Participant.id, sort_by_parameter_order=True)
            self._ids += self.session.scalars(inserted, rows)

    def finish(self) -> None:
        """Write down all who were taken in."""
        self._insert_new()
        if self._last_number.bit_length() > self._before.bit_length():  # while there are few, and then ever more seldom
            refresh_statistics(self.session, _PARTICIPANT)


def enrol(study: RunningStudy, token: str, arrival: Arrival | None = None, **given: str | None) -> Enrolled:
    """As `Enrolments.enrol`, of one who comes alone."""
    return Enrolments(study).enrol(token, arrival, **given)


def _used_up() -> str:
    said: str = _(
        "This link has been used to take part already, and all answers are here: there is nothing more to do. If you "
        "have lost your completion code, use the browser in which you took part, or write to whoever invited you."
    )
    return said


def _count_id_use(session: Session, study: RunningStudy, address: str, now: datetime) -> None:
    """Raises TooMany where this address has named more ids in an hour than it may."""
    most = study.settings.server.ids_per_hour
    if not most:
        return
    session.execute(delete(IdUse).where(IdUse.study_id == study.id, IdUse.at < now - _HOUR))
    of_address = (IdUse.study_id == study.id) & (IdUse.address == address)
    used, first = session.execute(select(func.count(), func.min(IdUse.at)).where(of_address)).one()
    if used < most:
        session.add(IdUse(study_id=study.id, address=address, at=now))
        session.flush()
        return
    _note_hourly(session, study, "ids_full", f"{most} ids in an hour from address {address}", now)
    wait = max(1, int((first + _HOUR - now).total_seconds()))
    raise TooMany(_("Too many people have come from your network within an hour. Please try again later."), wait)


def _note_hourly(session: Session, study: RunningStudy, kind: str, detail: str, now: datetime) -> None:
    """A line in the audit trail, the same no more than once an hour."""
    noted = select(Event.id).where(
        Event.study_id == study.id, Event.kind == kind, Event.detail == detail, Event.at > now - _HOUR
    )
    if session.scalar(noted.limit(1)) is None:
        study.note(session, kind, "server", detail=detail)
        session.flush()


def refuse(study: RunningStudy, *, simulated: bool = False) -> None:
    """Raise Conflict where a newcomer would not be admitted now."""
    with study.database.reading() as session:
        if _are_simulated(session, study) not in (None, simulated):
            raise _mixed(simulated)
        _refuse_closed(session, session.get_one(Study, study.id))


def _refuse_closed(session: Session, row: Study) -> None:
    assert row.state in STUDY_STATES
    if row.state == "paused":
        raise Conflict(_("This study is paused. Please try again later."))
    if row.state == "closed":
        by_whom = select(Event.actor).where(Event.study_id == row.id, Event.kind == "closed").order_by(Event.id.desc())
        if session.scalar(by_whom.limit(1)) == "server":
            raise Conflict(
                _("This study is closed: it has all the answers that it needs. Thank you for your interest.")
            )
        raise Conflict(_("This study is closed. Thank you for your interest."))


def _are_simulated(session: Session, study: RunningStudy) -> bool | None:
    """Whether the study's participants are simulated, as the first one was; None before the first."""
    return session.scalar(_first_is_simulated(study))


def _first_is_simulated(study: RunningStudy) -> Select[bool]:
    return select(Participant.simulated).where(Participant.study_id == study.id).order_by(Participant.number).limit(1)


def _mixed(simulated: bool) -> Conflict:
    return Conflict(
        "this study has real participants, so it takes no simulated observers"
        if simulated
        else _(
            "This study is filled with simulated answers, so nobody can take part in it. If you were invited, please "
            "tell whoever sent you this address: real participants need a new study folder."
        )
    )
