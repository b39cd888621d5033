"""Bring a database of an earlier version to the present tables, whole or not at all."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.storage.backup import arriving, copy_sqlite
from study_server.storage.database import APPLICATION, LOCK_OF_SCHEMA, with_driver
from study_server.storage.schema import HEAD, schema_version

_MIGRATIONS = str(Path(__file__).with_name("migrations"))
_CLOSING_S = 2.0
"""A server that has just been stopped is still to be seen for a moment."""
_LOCK_WAIT_S = 5


@dataclass(frozen=True)
class Upgrade:
    """What was done. backup: the copy made before, None where nothing was to be done or PostgreSQL keeps the data."""

    database: str
    before: str
    after: str
    backup: Path | None


def upgrade(url: str) -> Upgrade:
    """Bring the database at `url` to the present version; one that has it is left alone.

    An SQLite database is copied first, to a file beside it. Everything happens in one transaction, so that a failure
    leaves the database as it was. Raises StudyError where a server is running on the database (of PostgreSQL, where a
    server of this version or a later one is), where the tables are newer than this program, or where it fails.
    """
    try:
        engine = create_engine(with_driver(url), poolclass=NullPool)
    except (ArgumentError, ImportError, ValueError, SQLAlchemyError) as error:
        raise StudyError(f"{url!r} is no database URL that can be opened: {error}") from error
    name = make_url(url).render_as_string(hide_password=True)
    try:
        before = _version(engine, name)
        if before == HEAD:
            return Upgrade(name, before, HEAD, None)
        backup = None
        if engine.dialect.name == "sqlite":
            with _sqlite_alone(engine, name, before) as (connection, backup):
                migrate(connection, before, HEAD)
        else:
            with postgresql_alone(engine, name, "upgrade") as connection:
                migrate(connection, before, HEAD)
    except DatabaseError as error:
        raise StudyError(f"{name} could not be upgraded, and is as it was: {error.orig}") from error
    return Upgrade(name, before, HEAD, backup)


def migrate(connection: Connection, before: str | None, after: str) -> None:
    """Run the migrations between two versions (None: no tables yet) in the transaction that the connection is in."""
    scripts = ScriptDirectory(_MIGRATIONS, version_locations=[_MIGRATIONS])
    context = MigrationContext.configure(connection)
    steps = list(scripts.iterate_revisions(after, before or "base"))[::-1]
    with Operations.context(context):
        for step in progress(steps, "upgrading", unit="version", total=len(steps)):
            step.module.upgrade()
            context.stamp(scripts, step.revision)


def _version(engine: Engine, name: str) -> str:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        raise StudyError(f"the database {name} does not exist")  # SQLite would make an empty one
    with engine.connect() as connection:
        version = schema_version(connection)
    if version is None:
        raise StudyError(f"{name} is no database of a study: name one that shift-study serve has made")
    if version > HEAD:
        raise StudyError(
            f"{name} has tables of version {version}, made by a newer Shift Study; this one knows version {HEAD}: "
            "upgrade shift-study"
        )
    return version


@contextmanager
def _sqlite_alone(engine: Engine, name: str, before: str) -> Iterator[tuple[Connection, Path]]:
    """A transaction on a database that nobody else has open, and the copy that was made before it."""

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own; `begin` below does
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_S * 1000}")
        connection.execute("PRAGMA foreign_keys = OFF")  # tables are replaced; all keys are checked at the end
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # kept from the first transaction until the end

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")

    path = Path(engine.url.database or "")
    with engine.connect() as connection:
        try:
            connection.begin().commit()
        except DatabaseError as error:
            raise StudyError(
                f"{name} is in use ({error.orig}): stop its server and whatever else has it open, then upgrade"
            ) from error
        backup = path.with_name(f"{path.name}.{before}-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        _copy(connection, backup)
        try:
            with connection.begin():
                yield connection, backup
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise StudyError(f"{name} would have lost rows that table {broken[0][0]} needs; it is as it was")
        except BaseException:
            backup.unlink()  # the database is as it was
            raise


def _copy(connection: Connection, backup: Path) -> None:
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    try:
        with arriving(backup) as temporary:
            copy_sqlite(source, temporary)
    except sqlite3.Error as error:
        raise StudyError(f"the copy {backup} cannot be made, so nothing was upgraded: {error}") from error


def _connections_of_servers(connection: Connection) -> int:
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))  # or the first look would be all that is seen
    return (
        connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = :name AND pid <> pg_backend_pid()"
            ),
            {"name": APPLICATION},
        )
        or 0
    )


@contextmanager
def postgresql_alone(engine: Engine, name: str, verb: str) -> Iterator[Connection]:
    """A transaction that no server of this version is beside, nor another one of these."""
    with engine.connect() as connection, connection.begin():
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_OF_SCHEMA})
        others = _connections_of_servers(connection)
        gone_by = time.monotonic() + _CLOSING_S
        while others and time.monotonic() < gone_by:
            time.sleep(0.1)
            others = _connections_of_servers(connection)
        if others:
            raise StudyError(f"{name} is in use by {others} connections of servers: stop them all, then {verb}")
        yield connection
