"""Log-ins are kept in the database: one that has ended is over, whoever holds its cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import Session

from study_server.errors import Unavailable
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Login

LOGGED_IN_FOR = timedelta(hours=12)
IDLE_FOR = timedelta(hours=2)
"""A log-in that nobody uses for so long is over."""
CLOCKS_DIFFER_BY = timedelta(minutes=10)
"""So far in the future may be what another host has written, or this one before its clock was set back."""
SEEN_EVERY = timedelta(minutes=1)
"""No more often is it written that somebody is there."""


def proof_of(study: RunningStudy, hashed: str) -> str:
    """What log-ins have that were made while this was the password's hash."""
    return hmac.new(study.secret_key.encode(), b"researcher\0" + hashed.encode(), "sha256").hexdigest()[:32]


def begin(session: Session, study: RunningStudy, proof: str, address: str) -> str:
    """Begin a log-in; the secret by which its browser is known. Those that have been over for long are forgotten.

    proof: of the password that was given. address: its keyed hash.
    """
    now, secret = datetime.now(UTC), secrets.token_urlsafe(32)
    past = Login.made_at < now - LOGGED_IN_FOR - CLOCKS_DIFFER_BY
    session.execute(delete(Login).where(Login.study_id == study.id, past))
    # Should an older password be put back into study.toml, the log-ins made with it stay over.
    _end(session, study, Login.proof != proof)
    session.add(
        Login(
            id_sha256=_digest(secret), study_id=study.id, proof=proof, address=address, made_at=now, last_seen_at=now
        )
    )  # fmt: skip
    return secret


def find(session: Session, study: RunningStudy, secret: str, proof: str) -> Login | None:
    """The log-in of the browser that shows this secret; None where it is over, or there never was one."""
    return session.scalar(select(Login).where(Login.id_sha256 == _digest(secret), *_open(study, proof)))


def count_open(session: Session, study: RunningStudy, proof: str) -> int:
    """How many log-ins are not over."""
    return session.scalar(select(func.count()).select_from(Login).where(*_open(study, proof))) or 0


def note_presence(study: RunningStudy, login: Login) -> None:
    """Somebody is using the log-in."""
    now = datetime.now(UTC)
    if now - login.last_seen_at < SEEN_EVERY:
        return
    # Whoever comes while the database is busy is let in all the same.
    with suppress(DBAPIError, TimeoutError, Unavailable), study.database.writing() as session:
        still = Login.ended_at.is_(None) & (Login.last_seen_at <= now - SEEN_EVERY)
        session.execute(update(Login).where(Login.id_sha256 == login.id_sha256, still).values(last_seen_at=now))


def end(session: Session, study: RunningStudy, secret: str) -> None:
    """The log-in of the browser that shows this secret is over, if there is one."""
    _end(session, study, Login.id_sha256 == _digest(secret))


def end_all(session: Session, study: RunningStudy) -> None:
    """Every log-in at the study is over."""
    _end(session, study)


def _end(session: Session, study: RunningStudy, *which: ColumnElement[bool]) -> None:
    of_study = (Login.study_id == study.id, Login.ended_at.is_(None))
    session.execute(update(Login).where(*of_study, *which).values(ended_at=datetime.now(UTC)))


def _open(study: RunningStudy, proof: str) -> list[ColumnElement[bool]]:
    now = datetime.now(UTC)
    return [
        Login.study_id == study.id,
        Login.proof == proof,
        Login.ended_at.is_(None),
        Login.made_at > now - LOGGED_IN_FOR,
        Login.made_at <= now + CLOCKS_DIFFER_BY,
        Login.last_seen_at > now - IDLE_FOR,
        Login.last_seen_at <= now + CLOCKS_DIFFER_BY,
    ]


def _digest(secret: str) -> str:
    # Of 256 random bits: nobody who reads the database can find the secret again, so no slow hash is needed.
    return hashlib.sha256(secret.encode()).hexdigest()
