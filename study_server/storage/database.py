"""The database: SQLite in WAL mode by default. Reads and writes go through `Database.reading` and `.writing`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, select
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.storage.models import SCHEMA_VERSION, Base, Schema

BUSY_TIMEOUT_S = 20


class Database:
    """A database at a URL, its tables made if there are none yet (`create`).

    Raises StudyError for a URL that cannot be opened, and for tables of a newer version.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        try:
            self.engine = create_engine(url)
        except (ArgumentError, ImportError, ValueError, SQLAlchemyError) as error:
            raise StudyError(f"{url!r} is no database URL that can be opened: {error}") from error
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite waits for its one write lock by sleeping: the threads of a process queue here first.
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            if not create and not Path(self.engine.url.database or "").is_file():
                raise StudyError(f"the database {url} does not exist")  # SQLite would make an empty one
            _prepare_sqlite(self.engine)
        self._writing_engine = self.engine.execution_options(shift_study_writes=True)
        try:
            self._check_schema(create)
        except (OperationalError, DatabaseError) as error:
            raise StudyError(f"the database {url} cannot be opened: {error.orig}") from error

    def _check_schema(self, create: bool) -> None:
        if not inspect(self.engine).has_table(Schema.__tablename__):
            if not create:
                raise StudyError(
                    f"{self.engine.url} is no database of a study: name one that shift-study serve has made"
                )
            with self.writing() as session:  # two processes may come here at once; the second finds it done
                Base.metadata.create_all(session.connection())
                if session.get(Schema, SCHEMA_VERSION) is None:
                    session.add(Schema(version=SCHEMA_VERSION))
        with self.reading() as session:
            version = session.scalars(select(Schema.version)).one()
        if version > SCHEMA_VERSION:
            raise StudyError(
                f"{self.engine.url} has tables of version {version}, made by a newer Shift Study; this one knows "
                f"version {SCHEMA_VERSION}: upgrade shift-study"
            )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading; it sees one consistent state."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session for one write transaction, committed at the end or rolled back whole.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that two writers wait for each other instead of
        failing half-way.
        """
        with self._turn, Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # the driver must not begin transactions of its own; `begin` below does
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # an acknowledged answer must survive a power cut
            "foreign_keys = ON",
            f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection) -> None:  # type: ignore[no-untyped-def]
        writes = connection.get_execution_options().get("shift_study_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
