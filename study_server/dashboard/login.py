"""Logging in: how often one may try, who is logged in, and for how long."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import session as cookie
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.access.limits import network_of
from study_server.dashboard.passwords import matches, password_hash
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event

LOGGED_IN_FOR = timedelta(hours=12)
WINDOW = timedelta(minutes=15)
"""Failures of this time count."""
MOST_FAILURES_OF_AN_ADDRESS = 10
MOST_FAILURES = 100

_COOKIE = "researcher"


class LoginRefused(Exception):
    """The password was not accepted."""


@dataclass
class TooManyFailures(LoginRefused):
    """No password is accepted for now, not even the right one."""

    retry_after_s: int


def is_closed(study: RunningStudy) -> bool:
    """Whether nobody can log in, because there is no password."""
    with study.database.reading() as session:
        return not password_hash(study, session)


def log_in(study: RunningStudy, password: str, address: str) -> None:
    """Log this browser in. Raises LoginRefused for a wrong password, TooManyFailures after too many of them.

    Every attempt whose outcome is told has been counted before, in one place for all processes and hosts: more at a
    time do not get further.
    """
    source = f"address {_address_hash(study, address)}"
    with study.database.reading() as session:
        _refuse_many(session, study, source)  # before the costly part
        hashed = password_hash(study, session)
    # Outside of the transaction below: it takes a tenth of a second, in which no answer could be stored.
    right = bool(hashed) and matches(hashed or "", password)
    with study.database.writing() as session:
        study.locked(session)  # one at a time, on PostgreSQL too
        _refuse_many(session, study, source)
        study.note(session, "login" if right else "login_failed", "researcher", detail=source)
    if not right:
        raise LoginRefused
    assert hashed
    cookie[_COOKIE] = {"at": int(time.time()), "proof": _proof(study, hashed)}


def log_out() -> None:
    """This browser is logged in no more."""
    cookie.pop(_COOKIE, None)


def is_logged_in(study: RunningStudy) -> bool:
    """Whether this browser has logged in with the password that counts now, not longer ago than LOGGED_IN_FOR."""
    found = cookie.get(_COOKIE)
    if not isinstance(found, dict) or not 0 <= time.time() - found.get("at", 0) < LOGGED_IN_FOR.total_seconds():
        return False
    with study.database.reading() as session:
        hashed = password_hash(study, session)
    return bool(hashed) and hmac.compare_digest(_proof(study, hashed or ""), str(found.get("proof")))


def _proof(study: RunningStudy, hashed: str) -> str:
    """What only a cookie has that was made while this was the password's hash."""
    return hmac.new(study.secret_key.encode(), b"researcher\0" + hashed.encode(), "sha256").hexdigest()[:32]


def _address_hash(study: RunningStudy, address: str) -> str:
    """Tells addresses apart without telling them."""
    network = network_of(address).encode()
    return hmac.new(study.secret_key.encode(), b"address\0" + network, hashlib.sha256).hexdigest()[:16]


def _refuse_many(session: Session, study: RunningStudy, source: str) -> None:
    failures = select(func.count(), func.min(Event.at)).where(
        Event.study_id == study.id, Event.kind == "login_failed", Event.at > datetime.now(UTC) - WINDOW
    )
    of_address = failures.where(Event.detail == source)
    for query, most in ((of_address, MOST_FAILURES_OF_AN_ADDRESS), (failures, MOST_FAILURES)):
        count, first = session.execute(query).one()
        if count >= most:
            raise TooManyFailures(max(1, int((first + WINDOW - datetime.now(UTC)).total_seconds())))
