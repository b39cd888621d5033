"""Put a dump back into a PostgreSQL database, by PostgreSQL's own programs, in one transaction."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.storage.backup import address_of, arriving, dump, environment_of
from study_server.storage.database import with_driver
from study_server.storage.kept_study import (
    KeptStudy,
    kept_study,
    moment,
    other_name,
    refuse_newer,
    refuse_other_study,
)
from study_server.storage.models import Base
from study_server.storage.upgrade import postgresql_alone

_LOCK_WAIT_S = 10
_VERSIONS = ("alembic_version", "schema_version")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def restore_dump(archive: Path, folder: StudyFolder, url: URL, backup: Path) -> tuple[KeptStudy, Path | None]:
    """The study that is in the database now, and the dump of what was there before, which is made in the folder.

    The database may hold several studies: all of them are those of the dump then. Raises StudyError where it holds one
    that the dump does not, where a server is running on it, or where it fails; then the database is as it was.
    """
    for program in ("pg_dump", "pg_restore", "psql"):
        if shutil.which(program) is None:
            raise StudyError(
                f"a PostgreSQL database is restored by PostgreSQL's {program}, which is not installed here: install "
                "PostgreSQL's client programs (Debian: postgresql-client)"
            )
    studies = _checked(archive, folder, backup)
    name = url.render_as_string()
    engine = create_engine(with_driver(url.render_as_string(hide_password=False)), poolclass=NullPool)
    try:
        with postgresql_alone(engine, name, "restore"):
            with engine.connect() as connection:  # which ends before the tables are dropped
                _refuse_lost(connection, studies, backup, name)
                kept = _keep(connection, url, folder)
            _replace(archive, url, backup)
        with engine.connect() as connection:
            return kept_study(connection, folder.settings.study.name, backup), kept
    except DatabaseError as error:
        raise StudyError(f"{backup} cannot be restored to {name}: {error.orig}") from error
    finally:
        engine.dispose()


def _checked(archive: Path, folder: StudyFolder, backup: Path) -> set[str]:
    """Names of the studies in a dump that can be read and fits the folder."""
    version = next((row["version_num"] for row in _rows(archive, _VERSIONS[0], backup)), None)
    if version is None:
        raise StudyError(f"{backup} is no dump of a study's database of this Shift Study or one before it")
    refuse_newer(version, backup)
    rows = {row["name"] or "": row for row in _rows(archive, "study", backup)}
    name = folder.settings.study.name
    if name not in rows:
        raise StudyError(other_name(backup, list(rows), name))
    row = rows[name]
    study = KeptStudy(version, moment(row["frozen_at"]), row["settings"] or "", row["manifest_sha256"] or "")
    refuse_other_study(study, folder, backup)
    return set(rows)


def _refuse_lost(connection: Connection, studies: set[str], backup: Path, name: str) -> None:
    if inspect(connection).has_table("study"):
        lost = sorted(set(connection.scalars(text("SELECT name FROM study"))) - studies)
        if lost:
            raise StudyError(
                f"{name} also holds {', '.join(map(repr, lost))}, which {backup} does not, and a dump replaces all "
                "studies: restore it to another, empty database"
            )


def _keep(connection: Connection, url: URL, folder: StudyFolder) -> Path | None:
    if not inspect(connection).has_table("study"):
        return None
    kept = folder.path / f"study.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.dump"
    with arriving(kept) as temporary:
        dump(url, temporary)
    return kept


def _replace(archive: Path, url: URL, backup: Path) -> None:
    """Drop the studies' tables and make those of the dump, in one transaction."""
    with tempfile.TemporaryDirectory(prefix=".restore-") as scratch:  # which nobody else can look into
        script, drop = Path(scratch) / "restore.sql", Path(scratch) / "drop.sql"
        _run(["pg_restore", "--no-owner", "--no-privileges", f"--file={script}", archive], backup)
        drop.write_text("".join(f"DROP TABLE IF EXISTS {table} CASCADE;\n" for table in _tables(archive, backup)))
        command = ["psql", "--no-psqlrc", "--quiet", "--no-password", "--single-transaction", "-v", "ON_ERROR_STOP=1"]
        environment = environment_of(url) | {
            "PGOPTIONS": f"-c lock_timeout={_LOCK_WAIT_S}s -c client_min_messages=warning"
        }
        _run([*command, f"--dbname={address_of(url)}", "-f", drop, "-f", script], backup, environment)


def _tables(archive: Path, backup: Path) -> list[str]:
    """Every table that a dump may bring, and those that this program may have made where it is to go."""
    listed = re.findall(r"^\d+; \d+ \d+ TABLE (\S+) (\S+) ", _run(["pg_restore", "--list", archive], backup), re.M)
    schemas = {schema for schema, _ in listed}
    names = {name for _, name in listed} | set(Base.metadata.tables) | set(_VERSIONS)
    return [f'"{schema}"."{name}"' for schema in sorted(schemas) for name in sorted(names)]


def _rows(archive: Path, table: str, backup: Path) -> Iterable[dict[str, str | None]]:
    """The rows of a small table in a dump, as text."""
    lines = _run(["pg_restore", "--data-only", f"--table={table}", "--file=-", archive], backup).split("\n")
    columns: list[str] | None = None
    for line in lines:
        start = re.fullmatch(r"COPY \S+ \((.*)\) FROM stdin;", line)
        if start:
            columns = [name.strip('" ') for name in start.group(1).split(",")]
        elif line == "\\.":
            columns = None
        elif columns is not None:
            yield dict(zip(columns, map(_unescaped, line.split("\t")), strict=True))


def _unescaped(value: str) -> str | None:
    return None if value == r"\N" else re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value)


def _run(command: list[str | Path], backup: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment or dict(os.environ), capture_output=True, text=True)
    if done.returncode:
        raise StudyError(f"{backup} cannot be restored, by {command[0]}: {done.stderr.strip()}")
    return done.stdout
