"""The database: SQLite in WAL mode by default, or PostgreSQL. Used through `Database.reading` and `.writing`."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from study_server.errors import StudyError, Unavailable
from study_server.folder.private_files import Group, make_private, open_companion
from study_server.storage.models import Base
from study_server.storage.schema import HEAD, schema_version, stamp

BUSY_TIMEOUT_S = 10.0
LOCK_OF_SCHEMA = 7_402_958_113_004_871
"""An arbitrary number: PostgreSQL's name of the lock for making tables and entering studies."""

APPLICATION = "shift-study"
"""What PostgreSQL knows our connections by."""


class Database:
    """A database at a URL, its tables made if there are none yet (`create`).

    A writer waits about `busy_timeout_s` seconds for others before it fails. `group` is what the group of the files of
    SQLite may do with them, if they are made now.
    Raises StudyError for a URL that cannot be opened, Unavailable where that may only be so for the moment, and
    StudyError for tables of another version.
    """

    def __init__(
        self, url: str, *, create: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S, group: Group = ""
    ) -> None:
        try:
            # Connections to a server that was restarted meanwhile are noticed before they are used.
            restarts = not url.startswith("sqlite")
            self.engine = create_engine(with_driver(url), pool_size=16, max_overflow=48, pool_pre_ping=restarts)
            self.name = make_url(url).render_as_string(hide_password=True)
        except (ArgumentError, ImportError, ValueError, SQLAlchemyError) as error:
            raise StudyError(f"{url!r} is no database URL that can be opened: {error}") from error
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            path = Path(self.engine.url.database or "")
            if not create and not path.is_file():
                raise StudyError(f"the database {self.name} does not exist")  # SQLite would make an empty one
            if create:
                with suppress(OSError):  # SQLite says below why it cannot be made
                    make_private(path, group)
            _prepare_sqlite(self.engine, busy_timeout_s)
            self._turn: _Turn | None = _Turn(path, busy_timeout_s)
        else:
            _prepare_postgresql(self.engine, busy_timeout_s)
            self._turn = None  # PostgreSQL has its own queue
        self._writing_engine = self.engine.execution_options(shift_study_writes=True)
        try:
            self._check_schema(create)
        except (DatabaseError, OSError) as error:
            self.close()
            reason = error.orig if isinstance(error, DatabaseError) else error
            problem = Unavailable if isinstance(error, OperationalError) else StudyError
            raise problem(f"the database {self.name} cannot be opened: {reason}") from error
        except StudyError:
            self.close()  # an open connection would keep `upgrade` out
            raise

    def _check_schema(self, create: bool) -> None:
        with self.engine.connect() as connection:
            version = schema_version(connection)
        if version is None:
            if not create:
                raise StudyError(f"{self.name} is no database of a study: name one that shift-study serve has made")
            with self.writing_alone() as session:
                connection = session.connection()
                if schema_version(connection) is None:  # another process may have come first
                    Base.metadata.create_all(connection)
                    stamp(connection)
        elif version != HEAD:
            raise StudyError(_wrong_version(self.name, version))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reading; on SQLite it sees one consistent state."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session for one write transaction, committed at the end or rolled back whole.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that two writers wait for each other instead of
        failing half-way.
        """
        with self._in_turn(), Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def writing_rows(self) -> Iterator[Connection]:
        """As `writing`, without objects: for what is written all the time."""
        with self._in_turn(), self._writing_engine.begin() as connection:
            yield connection

    @contextmanager
    def writing_alone(self) -> Iterator[Session]:
        """As `writing`, and nobody else is inside a block like this: for making tables and entering studies."""
        with self.writing() as session:
            if not self.is_sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_OF_SCHEMA})
            yield session

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
        else:
            with self._turn.taken():
                yield

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._turn is not None:
            self._turn.close()


class _Turn:
    """The queue for SQLite's one write lock, for the threads of this process and for other processes.

    SQLite itself would wait by sleeping and trying again, for longer and longer, so that some wait much longer than
    others. A lock on a file is had by one who waits for it as soon as it is free, and ends with its process however
    that dies. It is not handed on in order: whoever has had it could have it again before the others wake up. So there
    are two: who is next holds the one while waiting for the other, and whoever has just had a turn queues behind them.
    """

    def __init__(self, database: Path, busy_timeout_s: float) -> None:
        self._busy_timeout_s = busy_timeout_s
        self._threads = threading.Lock()
        self._paths = [database.with_name(database.name + ending) for ending in (".next", ".turn")]
        self._files: list[int] = []

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Raises Unavailable where the turn comes too late, or where there can be none."""
        asked = time.monotonic()
        # Whichever thread is first waits for the other processes however long that takes, for a lock on a file knows no
        # limit; it alone does.
        if not self._threads.acquire(timeout=self._busy_timeout_s):
            raise Unavailable("the database is locked")
        try:
            try:
                for path in self._paths[len(self._files) :]:
                    self._files.append(open_companion(path, path.with_suffix("")))
                following, turn = self._files
                fcntl.flock(following, fcntl.LOCK_EX)
                try:
                    fcntl.flock(turn, fcntl.LOCK_EX)
                finally:
                    fcntl.flock(following, fcntl.LOCK_UN)
            except OSError as error:
                raise Unavailable(f"{self._paths[-1]} cannot be locked: {error.strerror}") from error
            try:
                # While somebody else holds the database, each waits for it in vain in turn: whoever has waited for
                # those before them as long as that does not wait again.
                if time.monotonic() - asked > self._busy_timeout_s:
                    raise Unavailable("the database is locked")
                yield
            finally:
                fcntl.flock(turn, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def close(self) -> None:
        with self._threads:
            while self._files:
                os.close(self._files.pop())


def with_driver(url: str) -> str:
    """The URL, PostgreSQL's with the driver that is installed with this package, and limits to waiting for its host."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "postgresql+psycopg":
        limits = {"application_name": APPLICATION, "connect_timeout": "5", "tcp_user_timeout": "15000"}
        parsed = parsed.update_query_dict({name: value for name, value in limits.items() if name not in parsed.query})
    return parsed.render_as_string(hide_password=False)


def _wrong_version(name: str, version: str) -> str:
    if version < HEAD:
        return (
            f"{name} has tables of version {version}, and this Shift Study works with version {HEAD}: upgrade them "
            "with shift-study upgrade, which makes a backup first"
        )
    return (
        f"{name} has tables of version {version}, made by a newer Shift Study; this one knows version {HEAD}: "
        "upgrade shift-study"
    )


def _prepare_postgresql(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.execute(
            # Acknowledged is what is on the disk, whatever the server's default. A connection whose host has vanished
            # must not hold a participant or the study for ever.
            "SELECT set_config('lock_timeout', %s, false),"
            " set_config('idle_in_transaction_session_timeout', %s, false),"
            " CASE current_setting('synchronous_commit') WHEN 'off'"
            " THEN set_config('synchronous_commit', 'on', false) END",
            (f"{busy_timeout_s * 1000:.0f}ms", f"{busy_timeout_s * 3000:.0f}ms"),
        )
        connection.commit()


def _prepare_sqlite(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # the driver must not begin transactions of its own; `begin` below does
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # an acknowledged answer must survive a power cut
            "foreign_keys = ON",
            f"busy_timeout = {busy_timeout_s * 1000:.0f}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection) -> None:  # type: ignore[no-untyped-def]
        writes = connection.get_execution_options().get("shift_study_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
