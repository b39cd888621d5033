"""From where a table is exported: a study folder, or a database URL that may name one of its studies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import Study


@contextmanager
def reading(source: str) -> Iterator[tuple[Session, int | None]]:
    """A session on one state of the source's database, and the id of the study that is meant (None: every one there).

    `source` is a study folder, or a database URL; `URL#NAME` is one study of several there.
    Raises StudyError where there is no such study, or the database cannot be read.
    """
    database, name = _open(source)
    try:
        with database.reading_one_state() as session:
            study_id = session.scalar(select(Study.id).where(Study.name == name)) if name else None
            if name and study_id is None:
                names = ", ".join(session.scalars(select(Study.name))) or "none"
                raise StudyError(f"{database.name} has no study {name!r}; it has {names}")
            yield session, study_id
    except DatabaseError as error:  # damaged, or altered by hand
        raise StudyError(f"the responses in {database.name} cannot be read: {error.orig}") from error
    finally:
        database.close()


def _open(source: str) -> tuple[Database, str | None]:
    if "://" in source:
        url, _, name = source.partition("#")
        return Database(url, create=False), name or None
    folder = StudyFolder(Path(source))
    if not folder.has_database:
        raise StudyError(f"{folder.path} has no responses yet: serve it with shift-study serve {folder.path}")
    return Database(folder.database_url, create=False), folder.settings.study.name
