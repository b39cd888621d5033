"""Put a backup back: checked before, whole or not at all, and what was there is kept."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError

from study_server.errors import StudyError
from study_server.folder import study_toml
from study_server.folder.study_folder import DATABASE, StudyFolder
from study_server.progress_bar import progress
from study_server.storage.backup import DUMP, copy_file, parsed, synchronise
from study_server.storage.kept_study import KeptStudy, kept_study, refuse_other_study
from study_server.storage.postgresql_restore import restore_dump

_LOCK_WAIT_S = 5
_SQLITE, _POSTGRESQL = b"SQLite format 3\0", b"PGDMP"
"""What such files begin with."""
_LOCK_BYTE, _LOCK_BYTES = 0x40000000, 512
"""Where SQLite locks: pending, reserved and shared; https://www.sqlite.org/fileformat2.html#lockbyte."""
_WITH_DATABASE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, and would take for part of another one of that name."""


@dataclass(frozen=True)
class Restored:
    """What was restored. until: when the last of the answers was given; kept: where that is which was there before."""

    folder: str
    database: str | None
    answers: int
    until: str | None
    kept: str | None
    version: str | None
    """Of the tables; None where the backup holds no database."""
    unused: str | None = None
    """Where study.toml says that the data are, if that is another place than where they are now."""


def restore(backup: Path, directory: Path, database_url: str = "") -> Restored:
    """Put the backup in the place of the study's database; an archive where there is no folder yet becomes the folder.

    backup: a .db, a .dump or a .zip that `backup` has made. Raises StudyError where it is no sound backup of this
    study, where a server is running on what it would replace, or where it fails: then everything is as it was.
    """
    if not backup.is_file():
        raise StudyError(f"{backup} does not exist: name a file that shift-study backup has made")
    try:
        if not zipfile.is_zipfile(backup):
            _ = _is_dump(backup, backup)  # before anything is said of the folder
            return _restore_database(backup, StudyFolder(directory, database_url), backup)
        with zipfile.ZipFile(backup) as archive:
            if (directory / study_toml.FILE_NAME).exists():
                return _restore_from_archive(archive, backup, StudyFolder(directory, database_url))
            return _restore_folder(archive, backup, directory, database_url)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise StudyError(f"{backup} is damaged, or no archive of shift-study backup: {error}") from error
    except (sqlite3.Error, DatabaseError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error
        raise StudyError(f"{backup} cannot be restored to {directory}: {reason}") from error
    except OSError as error:
        raise StudyError(f"{backup} cannot be restored to {directory}: {error}") from error


# --- one database ----------------------------------------------------------------------------------------------------


def _restore_database(copy: Path, folder: StudyFolder, backup: Path) -> Restored:
    """Restore the .db or .dump `copy`, which is the file `backup` or was in it."""
    url = parsed(folder.database_url)
    is_dump = _is_dump(copy, backup)
    if is_dump == (url.get_backend_name() == "sqlite"):
        raise StudyError(
            f"{backup} holds {'a PostgreSQL' if is_dump else 'an SQLite'} database, and the data of "
            f"{folder.path} are in {url.render_as_string()}: name another place with --database-url"
        )
    if is_dump:
        return _restored(folder, url.render_as_string(), *restore_dump(copy, folder, url, backup))
    target = Path(url.database or "").resolve()
    with _draft(target) as draft:
        study = _checked_copy(copy, draft, folder, backup)
        return _restored(folder, str(target), study, _swap(draft, target))


def _is_dump(copy: Path, backup: Path) -> bool:
    """Whether it is PostgreSQL's; by what is in it, for the copies that are kept have other names."""
    if _is_sqlite(copy):
        return False
    with copy.open("rb") as file:
        is_dump = file.read(len(_POSTGRESQL)) == _POSTGRESQL
    if not is_dump:
        raise StudyError(
            f"{backup} is damaged, or no backup: name a .db, .dump or .zip that shift-study backup has made, or what "
            "an earlier restore or upgrade has kept"
        )
    return True


def _restored(folder: StudyFolder, database: str | None, study: KeptStudy | None, kept: Path | None) -> Restored:
    if study is None:
        return Restored(str(folder.path), None, 0, None, None, None)
    until = study.until.isoformat(timespec="seconds") if study.until else None
    return Restored(str(folder.path), database, study.answers, until, str(kept) if kept else None, study.version)


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A private file beside the target, gone at the end if it has not taken its place."""
    handle, name = tempfile.mkstemp(prefix=".restore-", suffix=".db", dir=target.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
    finally:
        for ending in ("", *_WITH_DATABASE):
            Path(f"{draft}{ending}").unlink(missing_ok=True)


def _checked_copy(copy: Path, draft: Path, folder: StudyFolder, backup: Path) -> KeptStudy:
    copy_file(copy, draft)  # checks the copy, and makes one file of it
    study = _study_in(draft, folder, backup)
    synchronise(draft)
    return study


def _study_in(file: Path, folder: StudyFolder, backup: Path) -> KeptStudy:
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.connect() as connection:
            study = kept_study(connection, folder.settings.study.name, backup)
    finally:
        engine.dispose()
    refuse_other_study(study, folder, backup)
    return study


def _swap(draft: Path, target: Path) -> Path | None:
    """Put the draft in the target's place in one step; what was there is found under the name that is returned."""
    with ExitStack() as alone:
        kept, is_one_file = None, False
        if target.exists():
            is_one_file = alone.enter_context(_alone(target))
            kept = _kept_name(target)
            _as_owned(draft, target.stat())
            target.chmod(0o600)
            _link(target, kept)
        else:
            _as_owned(draft, target.parent.stat())
        # Whatever is left of another database under these names would be taken for part of this one.
        for ending in _WITH_DATABASE:
            beside = Path(f"{target}{ending}")
            if beside.exists() and is_one_file:
                beside.unlink()
            elif beside.exists():
                kept = kept or _kept_name(target)
                _link(beside, Path(f"{kept}{ending}"))
                synchronise(target.parent)
                beside.unlink()
        synchronise(target.parent)
        draft.replace(target)
        synchronise(target.parent)
    return kept


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Nobody else has the database open, nor can open it; whether all that belongs to it is in its one file.

    In a damaged one, which may be why one restores, SQLite cannot see to that: what lies beside it stays there.
    """
    if not _is_sqlite(path):  # SQLite would clear up what lies beside it
        _refuse_locked(path)
        yield False
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_LOCK_WAIT_S)) as connection:
        connection.isolation_level = None
        is_one_file = True
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise _in_use(path, error) from error
        except sqlite3.DatabaseError:
            connection.close()  # or it would clear up behind us
            _refuse_locked(path)
            is_one_file = False
        yield is_one_file


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _refuse_locked(path: Path) -> None:
    """Raise StudyError where another process has SQLite's lock on a file, whatever is in that."""
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_BYTES, _LOCK_BYTE)
        except OSError as error:
            raise _in_use(path, error) from error


def _in_use(path: Path, error: Exception) -> StudyError:
    return StudyError(f"{path} is in use ({error}): stop its server and whatever else has it open, then restore")


def _kept_name(target: Path) -> Path:
    return target.with_name(f"{target.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


def _link(file: Path, to: Path) -> None:
    try:
        os.link(file, to)
    except FileExistsError:
        raise
    except OSError:  # there are file systems that cannot
        shutil.copyfile(file, to)
        to.chmod(0o600)
        synchronise(to)


def _as_owned(file: Path, like: os.stat_result) -> None:
    if os.geteuid() == 0:  # or the server, which does not run as root, could not open it
        os.chown(file, like.st_uid, like.st_gid)


# --- archives --------------------------------------------------------------------------------------------------------


def _restore_from_archive(archive: zipfile.ZipFile, backup: Path, folder: StudyFolder) -> Restored:
    """Only its database, for the folder is there."""
    root = _root(archive, backup)
    names = [f"{root}/{name}" for name in (DATABASE, DUMP) if f"{root}/{name}" in archive.namelist()]
    if not names:
        raise StudyError(f"{backup} holds no database: the study had never been served")
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=folder.path) as scratch:
        _extract(archive, [archive.getinfo(names[0])], root, Path(scratch))
        return _restore_database(Path(scratch) / PurePosixPath(names[0]).name, folder, backup)


def _restore_folder(archive: zipfile.ZipFile, backup: Path, directory: Path, database_url: str) -> Restored:
    """All of it, in a new folder."""
    if directory.is_symlink() or (directory.exists() and (not directory.is_dir() or any(directory.iterdir()))):
        raise StudyError(
            f"{directory} is neither a study folder nor new: name the study's folder to restore its database, or a new "
            "one for the whole study"
        )
    root = _root(archive, backup)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=directory.absolute().parent) as scratch:
        draft = Path(scratch) / "study"
        draft.mkdir(mode=0o700)
        _extract(archive, archive.infolist(), root, draft)
        folder = StudyFolder(draft, database_url)
        study = None
        if (draft / DATABASE).exists():
            if folder.other_database:
                raise StudyError(
                    f"{backup} holds an SQLite database, which is restored in its folder: leave out --database-url"
                )
            copy_file(draft / DATABASE, checked := draft / ".checked.db")
            checked.unlink()
            study = _study_in(draft / DATABASE, folder, backup)
        for path in [*draft.rglob("*"), draft]:
            _as_owned(path, directory.absolute().parent.stat())
            synchronise(path)
        draft.replace(directory)  # in one step, also in the place of an empty one
        synchronise(directory.absolute().parent)
        if not (directory / DUMP).exists():
            done = _restored(StudyFolder(directory), str(directory / DATABASE), study, None)
            return replace(done, unused=folder.settings.server.database_url or None if study else None)
        try:
            return _restore_database(directory / DUMP, StudyFolder(directory, database_url), backup)
        except BaseException:
            directory.replace(draft)
            raise


def _root(archive: zipfile.ZipFile, backup: Path) -> str:
    """The one folder that an archive of a study holds."""
    roots = {PurePosixPath(name).parts[0] for name in archive.namelist() if PurePosixPath(name).parts}
    root = next(iter(roots), "")
    if len(roots) != 1 or f"{root}/{study_toml.FILE_NAME}" not in archive.namelist():
        raise StudyError(f"{backup} holds no study folder: name a .zip that shift-study backup has made")
    return root


def _extract(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], root: str, to: Path) -> None:
    """Write members, private, where they belong; none gets out of the folder, and none becomes a link."""
    for member in progress(members, "unpacking", unit="file", total=len(members)):
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise StudyError(f"{archive.filename} has a file {member.filename!r}, which would lie elsewhere")
        if member.is_dir():
            continue
        target = to.joinpath(*path.relative_to(root).parts)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with archive.open(member) as source, os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
