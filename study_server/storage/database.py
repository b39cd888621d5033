"""The database: SQLite in WAL mode by default, or PostgreSQL. Used through `Database.reading` and `.writing`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)
from sqlalchemy.orm import Session

from study_server.errors import FileMoved, StudyError, Unavailable
from study_server.folder.private_files import Group, make_private
from study_server.storage.database_files import DatabaseFiles, Identity, identity_of
from study_server.storage.models import Base
from study_server.storage.schema import HEAD, schema_version, stamp
from study_server.storage.turn import Turn
from study_server.storage.waiting_room import Seat, WaitingRoom

BUSY_TIMEOUT_S = 10.0
LOCK_OF_SCHEMA = 7_402_958_113_004_871
"""An arbitrary number: PostgreSQL's name of the lock for making tables and entering studies."""

APPLICATION = "shift-study"
"""What PostgreSQL knows our connections by."""

DATABASE_FAILURES = (OperationalError, InterfaceError, TimeoutError, Unavailable)
"""What befalls whoever wants the database, and not one request alone."""


class Database:
    """A database at a URL, its tables made if there are none yet (`create`).

    A writer waits about `busy_timeout_s` seconds for others before it fails; how many may wait at a time while nobody
    gets on, the waiting room says, which several databases of a process may share. identity: of the file that an SQLite
    database must be; None: of whichever is there. One that is moved, deleted or replaced while it is open is neither
    read nor written until it is back: FileMoved.
    `group` is what the group of the files of SQLite may do with them, if they are made now.
    Raises StudyError for a URL that cannot be opened, Unavailable where that may only be so for the moment, and
    StudyError for tables of another version.
    """

    def __init__(
        self,
        url: str,
        *,
        create: bool = True,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        waiting_room: WaitingRoom | None = None,
        identity: Identity | None = None,
        group: Group = "",
    ) -> None:
        self._busy_timeout_s = busy_timeout_s
        self._room = waiting_room or WaitingRoom()
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
            if create and identity is None:
                with suppress(OSError):  # SQLite says below why it cannot be made
                    make_private(path, group)
            self._files: DatabaseFiles | None = DatabaseFiles(path, identity)
            _prepare_sqlite(self.engine, busy_timeout_s, self._room)
            _watch(self.engine, self._files)
            self._turn: Turn | None = Turn(path, self._room)
        else:
            _prepare_postgresql(self.engine, busy_timeout_s)
            self._turn = self._files = None  # PostgreSQL has its own queue, and its own files
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
    def reading_rows(self) -> Iterator[Connection]:
        """As `reading`, without objects: for what is read all the time."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def reading_one_state(self) -> Iterator[Session]:
        """A session for reading that sees one state of the database from its first query on, on PostgreSQL too."""
        engine = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        with Session(engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session for one write transaction, committed at the end or rolled back whole.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that two writers wait for each other instead of
        failing half-way.
        """
        with self._in_turn():
            with Session(self._writing_engine, expire_on_commit=False) as session, session.begin():
                yield session
            self._check_files()

    @contextmanager
    def writing_rows(self) -> Iterator[Connection]:
        """As `writing`, without objects: for what is written all the time."""
        with self._in_turn():
            with self._writing_engine.begin() as connection:
                yield connection
            self._check_files()

    @contextmanager
    def writing_alone(self) -> Iterator[Session]:
        """As `writing`, and nobody else is inside a block like this: for making tables and entering studies."""
        with self.writing() as session:
            if not self.is_sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_OF_SCHEMA})
            yield session

    def waiting(self) -> Seat:
        """The seat of a thread that is going to write, or to wait for one that writes for it.

        Raises Unavailable where too many wait already.
        """
        return self._room.seat(self._busy_timeout_s)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        with self.waiting() as seat:
            try:
                with self._turn.taken(seat) if self._turn is not None else nullcontext():
                    yield
            except DATABASE_FAILURES:
                raise
            except BaseException:
                self._room.got_on()
                raise
            self._room.got_on()

    @property
    def identity(self) -> Identity | None:
        """Which file an SQLite database is, whatever its name."""
        return self._files.identity if self._files else None

    def _check_files(self) -> None:
        """What has been committed is found again."""
        if self._files:
            self._files.check()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._turn is not None:
            self._turn.close()


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


def _prepare_sqlite(engine: Engine, busy_timeout_s: float, room: WaitingRoom) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # the driver must not begin transactions of its own; `begin` below does
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # an acknowledged answer must survive a power cut
            "foreign_keys = ON",
            # Pages, 16 MB. The trials of a crowd change pages all over the indexes: with the usual 1000 most of their
            # transactions would wait for a checkpoint that writes them a second time.
            "wal_autocheckpoint = 4000",
            f"busy_timeout = {busy_timeout_s * 1000:.0f}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection) -> None:  # type: ignore[no-untyped-def]
        if not connection.get_execution_options().get("shift_study_writes", False):
            connection.exec_driver_sql("BEGIN")
            return
        # Who has waited for the turn waits for another program's lock only as long as they still would have.
        with room.seat(busy_timeout_s) as seat:
            wait_ms = round(1000 * (seat.left_s if seat.waited_s > 0.1 * busy_timeout_s else busy_timeout_s))
        if connection.info.get("busy_ms", round(1000 * busy_timeout_s)) != wait_ms:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait_ms}")
            connection.info["busy_ms"] = wait_ms
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        room.got_on()


def _watch(engine: Engine, files: DatabaseFiles) -> None:
    """Let no connection be opened to another file than the one that is in use, nor a transaction begin on one."""

    @event.listens_for(engine, "do_connect")
    def _open(dialect, record, arguments, options) -> object:  # type: ignore[no-untyped-def]
        files.check()
        record.info["before"] = identity_of(files.database)
        if files.identity is None:
            return None  # the dialect opens it, or makes it
        return dialect.connect(f"{files.database.as_uri()}?mode=rw", **{**options, "uri": True})

    @event.listens_for(engine, "connect")
    def _opened(connection, record) -> None:  # type: ignore[no-untyped-def]
        try:
            files.opened(record.info.pop("before", None))
        except FileMoved:
            connection.close()
            raise

    @event.listens_for(engine, "close")
    def _closed(connection, record) -> None:  # type: ignore[no-untyped-def]
        files.closed()

    @event.listens_for(engine, "begin", insert=True)
    def _begins(connection) -> None:  # type: ignore[no-untyped-def]
        files.check()
