"""Logging in and out."""

from __future__ import annotations

from flask import session as cookie
from sqlalchemy.orm import Session

from study_server.access.limits import address_hash
from study_server.dashboard import login_sessions
from study_server.dashboard.passwords import matches, password_hash
from study_server.dashboard.wrong_passwords import LoginRefused, refuse_many
from study_server.participants.running_study import RunningStudy

_COOKIE = "researcher"


def is_closed(study: RunningStudy) -> bool:
    """Whether nobody can log in, because there is no password."""
    with study.database.reading() as session:
        return not password_hash(study, session)


def log_in(study: RunningStudy, password: str, address: str) -> None:
    """Log this browser in. Raises LoginRefused for a wrong password, TooManyFailures after too many of them.

    Every attempt whose outcome is told has been counted before, in one place for all processes and hosts: more at a
    time do not get further.
    """
    came_from = address_hash(study, address)
    source = f"address {came_from}"
    with study.database.reading() as session:
        refuse_many(session, study, source)  # before the costly part
        hashed = password_hash(study, session)
    # Outside of the transaction below: it takes a tenth of a second, in which no answer could be stored.
    right = bool(hashed) and matches(hashed or "", password)
    secret = ""
    with study.database.writing() as session:
        study.locked(session)  # one at a time, on PostgreSQL too
        refuse_many(session, study, source)
        study.note(session, "login" if right else "login_failed", "researcher", detail=source)
        if right:
            login_sessions.end(session, study, _secret())  # the one that this browser had
            secret = login_sessions.begin(session, study, login_sessions.proof_of(study, hashed or ""), came_from)
    if not right:
        raise LoginRefused
    cookie[_COOKIE] = secret


def log_out(study: RunningStudy) -> None:
    """This browser is logged in no more, nor is one with a copy of its cookie."""
    with study.database.writing() as session:
        login_sessions.end(session, study, _secret())
    cookie.pop(_COOKIE, None)


def log_out_everywhere(study: RunningStudy) -> int:
    """No browser is logged in any more; how many were."""
    with study.database.writing() as session:
        study.locked(session)
        ended = number_logged_in(session, study)
        login_sessions.end_all(session, study)
        study.note(session, "logged_out_everywhere", "researcher", detail=f"log-ins ended: {ended}")
    cookie.pop(_COOKIE, None)
    return ended


def is_logged_in(study: RunningStudy, *, somebody_is_there: bool = False) -> bool:
    """Whether this browser has logged in, with the password that counts now, and the log-in is not over.

    somebody_is_there: whether that keeps the log-in from ending for want of use.
    """
    if not (secret := _secret()):
        return False
    with study.database.reading() as session:
        hashed = password_hash(study, session)
        found = login_sessions.find(session, study, secret, login_sessions.proof_of(study, hashed)) if hashed else None
    if found is not None and somebody_is_there:
        login_sessions.note_presence(study, found)
    return found is not None


def number_logged_in(session: Session, study: RunningStudy) -> int:
    """How many browsers are logged in."""
    hashed = password_hash(study, session)
    return login_sessions.count_open(session, study, login_sessions.proof_of(study, hashed)) if hashed else 0


def _secret() -> str:
    """That of this browser's log-in; empty where it has none, or one of before they were kept in the database."""
    found = cookie.get(_COOKIE)
    return found if isinstance(found, str) else ""
