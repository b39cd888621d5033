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
    url = parsed(folder.database_url)
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
                    answers = copy_file(source, copy)
                elif not sqlite:
                    dump(url, copy)
                _write_zip(folder, source, copy, temporary)
        elif source is not None:
            answers = copy_file(source, temporary)
        else:
            dump(url, temporary)
        size = temporary.stat().st_size
    return Backup(str(target), size, answers, _how_to_restore(folder, target, url))


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


def copy_file(source: Path, target: Path) -> int | None:
    """As `copy_sqlite`, of a database file that others may be writing to."""
    try:
        uri = f"{source.resolve().as_uri()}?mode=rw"  # never makes an empty database
        with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)) as connection:
            # With this transaction open, all steps copy one state, and what is written meanwhile starts none anew.
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return copy_sqlite(connection, target)
    except sqlite3.Error as error:
        raise StudyError(f"{source} cannot be copied: {error}") from error


def dump(url: URL, target: Path) -> None:
    """Dump a PostgreSQL database. Raises StudyError where that cannot be done."""
    if shutil.which("pg_dump") is None:
        raise StudyError(
            "a PostgreSQL database is backed up by PostgreSQL's own pg_dump, which is not installed here: install "
            "PostgreSQL's client programs (Debian: postgresql-client)"
        )
    address = address_of(url)
    done = subprocess.run(
        ["pg_dump", "--format=custom", "--no-password", f"--file={target}", f"--dbname={address}"],
        env=environment_of(url),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StudyError(f"pg_dump could not copy {address}: {done.stderr.strip()}")


def address_of(url: URL) -> str:
    """A database as PostgreSQL's programs take it on their command line, which all can see in `ps`: no password."""
    return url.set(drivername="postgresql", password=None).render_as_string()


def environment_of(url: URL) -> dict[str, str]:
    """What PostgreSQL's programs get the password by."""
    return os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})


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
    # Links are followed, for images may lie on another disk. Each folder → itself and those that lead to it.
    around = {str(root): {_identity(folder) for folder in (root, *root.parents)}}
    for place, folders, names in os.walk(root, followlinks=True):
        above = around.pop(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            folder = Path(place) / name
            if (identity := _identity(folder)) in above:
                raise StudyError(f"{folder} leads back to {folder.resolve()}, without end: remove that link")
            around[str(folder)] = above | {identity}
        for name in sorted(names):
            file = Path(place) / name
            if name.startswith(".") or any(
                file.parent == database.parent and name.startswith(database.name) for database in in_use
            ):
                continue
            if not file.exists():
                raise StudyError(f"{file} is a link to nothing: remove it, or bring back what it led to")
            yield file


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


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
        synchronise(temporary)
        if target.exists():
            raise StudyError(f"{target} was made by somebody else meanwhile: name a new file")
        temporary.rename(target)
        synchronise(target.absolute().parent)
    except OSError as error:
        raise StudyError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def synchronise(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _how_to_restore(folder: StudyFolder, target: Path, url: URL) -> str:
    name = folder.path.resolve().name
    option = " --database-url URL" if url.get_backend_name() != "sqlite" else ""
    if target.suffix == ".zip":
        return f"Anywhere: shift-study restore {target.name} {name}{option}, then shift-study serve {name}{option}"
    elsewhere = f" --database-url {folder.other_database}" if folder.other_database and not option else option
    return f"Stop the server, then shift-study restore {target} {folder.path}{elsewhere}"


def parsed(url: str) -> URL:
    """A database's URL. Raises StudyError for what is none."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StudyError(f"{url!r} is no database URL that can be opened: {error}") from error
