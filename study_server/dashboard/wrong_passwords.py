"""Wrong passwords are counted, over all processes and hosts: by where they come from, and all together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event

WINDOW = timedelta(minutes=15)
"""Failures of this time count."""
MOST_OF_AN_ADDRESS = 10
MANY = 100
"""After more than so many from anywhere, addresses that nobody has logged in from may fail less often."""
MOST_OF_A_STRANGER = 2
KNOWN_FOR = timedelta(days=90)
"""So long an address is known from which somebody has logged in."""


class LoginRefused(Exception):
    """The password was not accepted."""


@dataclass
class TooManyFailures(LoginRefused):
    """No password is accepted from this address for now, not even the right one."""

    retry_after_s: int
    attacked: bool
    """Whether it may fail less often than usual, because so many fail from anywhere."""


@dataclass(frozen=True)
class WrongPasswords:
    """How many there were, and from how many addresses."""

    count: int
    addresses: int


def refuse_many(session: Session, study: RunningStudy, source: str) -> None:
    """Raise TooManyFailures where so many have failed that this source may not try now. `source` as in the events.

    Nobody is kept out by the failures of others who has logged in from there before: else anybody could close the
    dashboard to its researcher, by failing often enough from enough places.
    """
    now = datetime.now(UTC)
    failures = select(Event.at).where(_failed(study), Event.at > now - WINDOW).order_by(Event.at.desc())
    own = failures.where(Event.detail == source)
    if first := _nth(session, own, MOST_OF_AN_ADDRESS):
        raise TooManyFailures(_seconds(first + WINDOW - now), attacked=False)
    many, first = _nth(session, failures, MANY + 1), _nth(session, own, MOST_OF_A_STRANGER)
    if many and first and not _is_known(session, study, source, now):
        raise TooManyFailures(_seconds(min(many, first) + WINDOW - now), attacked=True)


def lately(session: Session, study: RunningStudy, now: datetime) -> WrongPasswords:
    """Those of the last 24 hours."""
    of_day = select(func.count(), func.count(Event.detail.distinct())).where(
        _failed(study), Event.at > now - timedelta(hours=24)
    )
    return WrongPasswords(*session.execute(of_day).one())


def _failed(study: RunningStudy) -> ColumnElement[bool]:
    return (Event.study_id == study.id) & (Event.kind == "login_failed")


def _nth(session: Session, failures: Select[datetime], n: int) -> datetime | None:
    """When the n-th latest was; None where there are not so many."""
    return session.scalar(failures.offset(n - 1).limit(1))


def _is_known(session: Session, study: RunningStudy, source: str, now: datetime) -> bool:
    logged_in = select(Event.id).where(
        Event.study_id == study.id, Event.kind == "login", Event.detail == source, Event.at > now - KNOWN_FOR
    )
    return session.scalar(logged_in.limit(1)) is not None


def _seconds(wait: timedelta) -> int:
    return max(1, int(wait.total_seconds()))
