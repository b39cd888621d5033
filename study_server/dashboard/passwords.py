"""The dashboard's password: a scrypt hash in study.toml, or else in the study's row of the database."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from study_server.dashboard import login_sessions
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Study

SHORTEST = 10
LONGEST = 1000

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def random_password() -> str:
    """A password of some 79 random bits that can be typed off a screen: four groups of four letters and digits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def hash_password(password: str) -> str:
    """Its scrypt hash, with a salt of its own. Raises StudyError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise StudyError(
            f"a password of {len(password)} characters: take at least {SHORTEST} (and at most {LONGEST}); several "
            "words are easy to remember"
        )
    return generate_password_hash(password, method="scrypt")


def set_password(folder: StudyFolder, password: str) -> bool:
    """Store the password's hash in the study's database: whoever is logged in is not any more.

    Whether it is the one that counts: a hash in study.toml takes precedence. Raises StudyError.
    """
    hashed = hash_password(password)
    database = Database(folder.database_url, group=folder.settings.server.group)
    try:
        study = RunningStudy(folder, database)
        with database.writing() as session:
            study.locked(session).password_hash = hashed
            login_sessions.end_all(session, study)
            study.note(session, "password_set", "researcher")
    finally:
        database.close()
    return not folder.settings.server.password_hash


def has_password(folder: StudyFolder) -> bool:
    """Whether the study has one, in study.toml or its database."""
    if folder.settings.server.password_hash:
        return True
    if not folder.has_database:
        return False
    database = Database(folder.database_url)
    try:
        with database.reading() as session:
            query = select(Study.password_hash).where(Study.name == folder.settings.study.name)
            return bool(session.scalar(query))
    finally:
        database.close()


def password_hash(study: RunningStudy, session: Session) -> str | None:
    """The hash that counts; None where the study has no password."""
    return study.settings.server.password_hash or session.get_one(Study, study.id).password_hash


def matches(hashed: str, password: str) -> bool:
    """Whether this is the password, in a time that does not tell how much of it is right.

    Raises StudyError where the hash is none.
    """
    try:
        if hashed.count("$") == 2:
            return check_password_hash(hashed, password)
    except ValueError:
        pass
    raise StudyError(
        "server.password_hash in study.toml is no hash of a password: make one with shift-study password --print"
    )
