"""Consistent copies of a study's data, made while its server goes on writing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from tqdm import tqdm

from study_server.errors import StudyError
from study_server.folder.study_folder import DATABASE, StudyFolder
from study_server.progress_bar import progress

DUMP = "study.dump"
_PAGES_AT_A_TIME = 2000
_BUSY_S = 20
_ALREADY_SMALL = (".png", ".webp", ".jpg", ".zip", ".gz", ".parquet")


@dataclass(frozen=True)
class Backup:
    """A backup that was made. answers: how many it holds; None where that is not known."""

    file: str
    bytes: int
    answers: int | None
    restore: str
    """How to get the data back, in words."""


def backup(folder: StudyFolder, target: Path) -> Backup:
    """Copy the study's database to `target`; to a .zip, the whole study folder with it.

    Every answer that was acknowledged before the call is in it. An SQLite database is copied as a .db, one of a
    PostgreSQL server by its own program pg_dump as a .dump. `target` appears only once it is complete and checked.
    Raises StudyError where it is there already, lies in the study folder, or cannot be made.
    """
    url = _parsed(folder.database_url)
    sqlite = url.get_backend_name() == "sqlite"
    endings = (".db", ".zip") if sqlite else (".dump", ".zip")
    if target.suffix not in endings:
        raise StudyError(f"{target}: name a file that ends with {endings[0]} (the database) or .zip (the whole folder)")
    if target.resolve().is_relative_to(folder.path.resolve()):
        raise StudyError(f"{target} lies in the study folder: name a place outside it, best on another disk")
    source = Path(url.database or "") if sqlite else None
    if source is not None and not source.is_file():
        if target.suffix != ".zip" or url.database != str((folder.path / DATABASE).resolve()):
            raise StudyError(f"the database {source} does not exist yet: serve the study first")
        source = None  # a folder that has never been served
    answers = None
    with arriving(target) as temporary:
        if target.suffix == ".zip":
            with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.absolute().parent) as scratch:
                copy = Path(scratch) / (DATABASE if sqlite else DUMP)
                copy.touch(mode=0o600)  # as private where it is unpacked
                if source is not None:
                    answers = _copy_file(source, copy)
                elif not sqlite:
                    _dump(url, copy)
                _write_zip(folder, source, copy, temporary)
        elif source is not None:
            answers = _copy_file(source, temporary)
        else:
            _dump(url, temporary)
        size = temporary.stat().st_size
    return Backup(str(target), size, answers, _how_to_restore(folder, target, url, source))


def copy_sqlite(source: sqlite3.Connection, target: Path) -> int | None:
    """Copy the state that the connection sees to a database file of its own, and check it; the answers in it.

    Raises StudyError where the copy is damaged, as it is where the original is.
    """
    with closing(sqlite3.connect(target)) as copy, tqdm(
        unit="page", desc="copying the database", delay=1.0, mininterval=0.5, leave=False
    ) as bar:  # fmt: skip

        def show(_status: int, remaining: int, total: int) -> None:
            bar.total = total
            bar.update(total - remaining - bar.n)

        source.backup(copy, pages=_PAGES_AT_A_TIME, progress=show)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, that can be read from read-only places too
        faults = [row[0] for row in copy.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        faults += [f"table {row[0]}, row {row[1]}: no {row[2]}" for row in copy.execute("PRAGMA foreign_key_check")]
        if faults:
            raise StudyError(f"the database is damaged, and so would be the copy: {'; '.join(map(str, faults[:5]))}")
        if copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'response'").fetchone() is None:
            return None
        count: int = copy.execute("SELECT count(*) FROM response").fetchone()[0]
        return count


def _copy_file(source: Path, target: Path) -> int | None:
    try:
        uri = f"{source.resolve().as_uri()}?mode=rw"  # never makes an empty database
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)) as connection:
            # With this transaction open, all steps copy one state, and what is written meanwhile starts none anew.
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return copy_sqlite(connection, target)
    except sqlite3.Error as error:
        raise StudyError(f"{source} cannot be copied: {error}") from error


def _dump(url: URL, target: Path) -> None:
    if shutil.which("pg_dump") is None:
        raise StudyError(
            "a PostgreSQL database is backed up by PostgreSQL's own pg_dump, which is not installed here: install "
            "PostgreSQL's client programs (Debian: postgresql-client)"
        )
    address = url.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(
        ["pg_dump", "--format=custom", "--no-password", f"--file={target}", f"--dbname={address}"],
        env=os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {}),  # not for all to see in `ps`
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StudyError(f"pg_dump could not copy {address}: {done.stderr.strip()}")


def _write_zip(folder: StudyFolder, source: Path | None, copy: Path, target: Path) -> None:
    """The folder's files under its own name, the copy in place of the database that is in use."""
    root = folder.path.resolve()
    files = list(_files(root, source))
    with zipfile.ZipFile(target, "w") as archive:
        for file in progress(files, "packing", unit="file", total=len(files)):
            _add(archive, file, f"{root.name}/{file.relative_to(root)}")
        if copy.stat().st_size:
            _add(archive, copy, f"{root.name}/{copy.name}")


def _add(archive: zipfile.ZipFile, file: Path, name: str) -> None:
    small = file.suffix.lower() in _ALREADY_SMALL
    archive.write(file, name, zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED)


def _files(root: Path, database: Path | None) -> Iterator[Path]:
    """All files of a study folder but hidden ones and the database in use, with what belongs to it."""
    in_use = {root / DATABASE, database.resolve() if database else root / DATABASE}
    for place, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place) / name
            if not name.startswith(".") and not any(
                file.parent == database.parent and name.startswith(database.name) for database in in_use
            ):
                yield file


@contextmanager
def arriving(target: Path) -> Iterator[Path]:
    """A temporary file beside `target` that takes its name once it is complete and on the disk; if not, it goes."""
    if target.exists() or target.is_symlink():
        raise StudyError(f"{target} exists: name a new file")
    temporary = None
    try:
        handle, name = tempfile.mkstemp(prefix=".backup-", suffix=target.suffix, dir=target.absolute().parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _synchronise(temporary)
        if target.exists():
            raise StudyError(f"{target} was made by somebody else meanwhile: name a new file")
        temporary.rename(target)
        _synchronise(target.absolute().parent)
    except OSError as error:
        raise StudyError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _how_to_restore(folder: StudyFolder, target: Path, url: URL, source: Path | None) -> str:
    name = folder.path.resolve().name
    if target.suffix == ".db":
        return f"Stop the server, remove {source}-wal and {source}-shm, and copy {target} to {source}."
    if target.suffix == ".dump":
        return f"In a new, empty database: pg_restore --no-owner --dbname=URL {target}"
    text = f"Anywhere: unzip {target.name}, then shift-study serve {name}"
    if url.get_backend_name() != "sqlite":
        return f"{text} --database-url URL, after pg_restore --no-owner --dbname=URL {name}/{DUMP}"
    if folder.settings.server.database_url:
        return f"{text}, after taking server.database_url out of {name}/study.toml"
    return text


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StudyError(f"{url!r} is no database URL that can be opened: {error}") from error
