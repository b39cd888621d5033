"""Backups that are put back: the study's own, sound, whole or not at all; and nothing that was there is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

import shift_study
from benchmarks.load.postgres import find_binaries
from postgres import Cluster
from requests_of_a_participant import answer, begin, database
from restore_runs import restore_again_and_again
from schema_0001 import add_database, make_folder
from study_server.folder import study_toml
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.storage import restore as restoring
from study_server.storage.backup import backup
from study_server.storage.schema import HEAD
from study_server.web.app import create_app


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def made_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "study"
    make_study(path, source="demo", count=4, size=32, max_shift=3)
    return path


@pytest.fixture
def folder(made_small: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder(Path(shutil.copytree(made_small, tmp_path / "study")))


def answers(folder: StudyFolder, *, more: int = 0) -> int:
    """How many answers the study has, after a new participant has given some more."""
    app = create_app(folder)
    client: FlaskClient = app.test_client()
    if more:
        for trial in begin(client)[:more]:
            assert answer(client, trial["id"]).status_code == 200
    with database(app).reading() as session:
        count: int = session.connection().exec_driver_sql("SELECT count(*) FROM response").scalar_one()
    database(app).close()
    return count


def answers_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        count: int = connection.execute("SELECT count(*) FROM response").fetchone()[0]
        return count


def state(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


@pytest.fixture
def copy(folder: StudyFolder, tmp_path: Path) -> Path:
    """A backup with two answers, of a study that has five now."""
    assert answers(folder, more=2) == 2
    backup(folder, tmp_path / "copy.db")
    assert answers(folder, more=3) == 5
    return tmp_path / "copy.db"


# --- back in its place -----------------------------------------------------------------------------------------------


def test_a_database_is_put_back_and_what_was_there_is_kept(folder: StudyFolder, copy: Path) -> None:
    done = run("restore", copy, folder.path, "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output)
    assert (figures["answers"], figures["version"]) == (2, HEAD)
    with closing(sqlite3.connect(copy)) as connection:
        (last,) = connection.execute("SELECT max(answered_at) FROM response").fetchone()
    assert figures["until"] == last.replace(" ", "T")[:19] + "+00:00"
    assert answers(folder) == 2
    kept = Path(figures["kept"])
    assert kept.name.startswith("study.db.before-restore-")
    assert answers_in(kept) == 5
    for file in (kept, folder.path / "study.db"):
        assert file.stat().st_mode & 0o077 == 0
    assert not list(folder.path.glob(".restore-*"))
    said = run("restore", kept, folder.path)  # and back again
    assert "restored, with 5 answers, the last of 20" in said.output
    assert answers(folder) == 5


def test_the_answers_that_were_only_in_the_log_are_kept_too(folder: StudyFolder, copy: Path, tmp_path: Path) -> None:
    """As a server that was killed leaves it."""
    app = create_app(folder)
    (killed := tmp_path / "killed").mkdir()
    trial = begin(client := app.test_client())[0]
    assert answer(client, trial["id"]).status_code == 200
    for file in folder.path.glob("study.db*"):
        shutil.copyfile(file, killed / file.name)
    database(app).close()
    for file in killed.iterdir():
        shutil.copyfile(file, folder.path / file.name)
    assert (folder.path / "study.db-wal").stat().st_size > 0
    kept = json.loads(run("restore", copy, folder.path, "--json").output)["kept"]
    assert answers_in(Path(kept)) == 6
    assert answers(folder) == 2


def test_logs_of_a_database_that_is_gone_are_neither_taken_up_nor_lost(folder: StudyFolder, copy: Path) -> None:
    (folder.path / "study.db").unlink()
    (folder.path / "study.db-wal").write_bytes(b"of another")
    (folder.path / "study.db-shm").write_bytes(b"likewise")
    kept = json.loads(run("restore", copy, folder.path, "--json").output)["kept"]
    assert Path(f"{kept}-wal").read_bytes() == b"of another"
    assert Path(f"{kept}-shm").read_bytes() == b"likewise"
    assert answers(folder) == 2


def test_a_damaged_database_is_replaced_and_kept(folder: StudyFolder, copy: Path) -> None:
    file = folder.path / "study.db"
    damaged = b"SQLite format 4\0" + os.urandom(8000)
    file.write_bytes(damaged)
    file.with_name("study.db-wal").write_bytes(b"log")
    done = run("restore", copy, folder.path, "--json")
    assert done.exit_code == 0, done.output
    kept = json.loads(done.output)["kept"]
    assert (Path(kept).read_bytes(), Path(f"{kept}-wal").read_bytes()) == (damaged, b"log")
    assert answers(folder) == 2


def test_a_backup_of_older_tables_says_what_to_do_next(tmp_path: Path) -> None:
    make_folder(tmp_path / "before")
    add_database(tmp_path / "before")
    shutil.copyfile(tmp_path / "before" / "study.db", tmp_path / "old.db")
    done = run("restore", tmp_path / "old.db", tmp_path / "before")
    assert (done.exit_code, "shift-study upgrade" in done.output) == (0, True), done.output
    assert run("upgrade", tmp_path / "before").exit_code == 0


def test_the_last_line_of_a_backup_is_the_command(folder: StudyFolder, tmp_path: Path) -> None:
    assert answers(folder, more=1) == 1
    said = run("backup", folder.path, "-o", tmp_path / "copy.db").output
    command = said.splitlines()[-1].partition("then shift-study ")[2].split()
    assert run(*command).exit_code == 0


# --- archives --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [False, True])
def test_an_archive_becomes_a_new_folder(folder: StudyFolder, copy: Path, tmp_path: Path, there: bool) -> None:
    backup(folder, tmp_path / "study.zip")
    new = tmp_path / "new"
    if there:
        new.mkdir()
    done = run("restore", tmp_path / "study.zip", new, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["answers"] == 5
    hidden = ("study.db", "study.db.next", "study.db.turn")
    same = {name: data for name, data in state(folder.path).items() if name not in hidden}
    assert {name: data for name, data in state(new).items() if name not in hidden} == same
    assert all(path.stat().st_mode & 0o077 == 0 for path in [new, *new.rglob("*")])
    assert answers(StudyFolder(new), more=1) == 6
    assert {path.name for path in tmp_path.iterdir()} == {"study", "new", "study.zip", "copy.db"}


def test_of_an_archive_a_study_that_is_there_takes_the_database_alone(folder: StudyFolder, tmp_path: Path) -> None:
    assert answers(folder, more=2) == 2
    backup(folder, tmp_path / "study.zip")
    assert answers(folder, more=1) == 3
    (folder.path / "ethics.pdf").write_bytes(b"approved")
    done = run("restore", tmp_path / "study.zip", folder.path)
    assert (done.exit_code, "with 2 answers" in done.output) == (0, True), done.output
    assert (folder.path / "ethics.pdf").read_bytes() == b"approved"
    assert answers(folder) == 2


def test_an_archive_of_a_study_never_served_is_its_folder(folder: StudyFolder, tmp_path: Path) -> None:
    backup(folder, tmp_path / "study.zip")
    done = run("restore", tmp_path / "study.zip", tmp_path / "new")
    assert (done.exit_code, "never been served" in done.output) == (0, True), done.output
    assert state(tmp_path / "new") == state(folder.path)
    refused = run("restore", tmp_path / "study.zip", folder.path)
    assert (refused.exit_code, "holds no database" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["study/study.toml", "study/../../out"], "would lie elsewhere"),
        (["study/study.toml", "/out"], "holds no study folder"),
        (["study/study.toml", "other/file"], "holds no study folder"),
        (["study/file"], "holds no study folder"),
        ([], "holds no study folder"),
    ],
)
def test_what_is_no_archive_of_a_study_is_not_unpacked(tmp_path: Path, names: list[str], reason: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    before = state(tmp_path)
    done = run("restore", tmp_path / "bad.zip", tmp_path / "new")
    assert (done.exit_code, reason in done.output) == (1, True), done.output
    assert state(tmp_path) == before


def test_a_link_in_an_archive_leads_nowhere(folder: StudyFolder, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.write(folder.path / "study.toml", "study/study.toml")
        link = zipfile.ZipInfo("study/stimuli")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc")
    done = run("restore", tmp_path / "bad.zip", tmp_path / "new")
    assert (done.exit_code, "would lie elsewhere" in done.output) == (1, True), done.output
    assert not (tmp_path / "new").exists()


# --- refused ---------------------------------------------------------------------------------------------------------


def test_while_a_server_runs_nothing_is_restored(
    folder: StudyFolder, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "_LOCK_WAIT_S", 0.1)
    app = create_app(folder)
    # The database is open in this very process, as it is in a server's.
    done = run("restore", copy, folder.path)
    assert (done.exit_code, "is in use" in done.output, "stop its server" in done.output) == (1, True, True), (
        done.output
    )
    database(app).close()
    assert answers(folder) == 5
    assert not list(folder.path.glob("*before-restore*"))
    assert run("restore", copy, folder.path).exit_code == 0


LOCK = """
import fcntl, sys
file = open(sys.argv[1], "rb+")
fcntl.lockf(file, fcntl.LOCK_SH, 1, 0x40000002)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + b"x" * 8176])
def test_a_damaged_database_that_a_server_has_open_is_left_alone(
    folder: StudyFolder, copy: Path, content: bytes
) -> None:
    file = folder.path / "study.db"
    file.write_bytes(content)
    command = [sys.executable, "-c", LOCK, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        done = run("restore", copy, folder.path)
        assert (done.exit_code, "is in use" in done.output) == (1, True), done.output
        other.communicate("")
    assert file.read_bytes() == content
    assert run("restore", copy, folder.path).exit_code == 0


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 9] = b"\xff" * 4096 * 6
    file.write_bytes(data)


def execute(statement: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)
            connection.commit()

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (damage, "damaged|malformed"),
        (lambda file: file.write_bytes(file.read_bytes()[:5000]), "damaged|malformed"),
        (lambda file: file.write_bytes(b"precious"), "no backup"),
        (lambda file: file.write_bytes(b""), "no backup"),
        (execute("DROP TABLE response"), "no such table"),
        (execute("DELETE FROM participant"), "no participant"),
        (execute("UPDATE alembic_version SET version_num = '9999'"), "newer Shift Study"),
        (execute("DROP TABLE study"), "no study|no database of a study"),
        (execute("UPDATE study SET name = 'other'"), "holds 'other', and the folder's study is 'study'"),
        (execute("UPDATE study SET manifest_sha256 = 'other'"), "manifest.csv has been changed"),
        (
            execute("UPDATE study SET settings = replace(settings, 'fixation_ms\": 0', 'fixation_ms\": 9')"),
            "fixation_ms",
        ),
    ],
)
def test_what_is_no_sound_backup_of_this_study_is_refused(
    folder: StudyFolder, copy: Path, tmp_path: Path, change: Callable[[Path], Any], reason: str
) -> None:
    bad = Path(shutil.copy(copy, tmp_path / "bad.db"))
    change(bad)
    before = state(folder.path)
    done = run("restore", bad, folder.path)
    assert done.exit_code == 1, done.output
    assert any(part in done.output for part in reason.split("|")), done.output
    assert state(folder.path) == before


def test_names_that_lead_nowhere_are_refused(folder: StudyFolder, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    backup(folder, tmp_path / "study.zip")
    (tmp_path / "broken.zip").write_bytes((tmp_path / "study.zip").read_bytes()[:-1000])
    other = f"sqlite:///{tmp_path}/other.db"
    for arguments, reason in [
        ((tmp_path / "nothing.db", folder.path), "does not exist"),
        ((tmp_path / "full", folder.path), "is a directory"),
        ((folder.path / "study.toml", folder.path), "no backup"),
        ((copy, tmp_path / "full"), "is not a study folder"),
        ((copy, tmp_path / "new"), "is not a folder"),
        ((tmp_path / "study.zip", tmp_path / "full"), "neither a study folder nor new"),
        ((tmp_path / "broken.zip", tmp_path / "new"), "is damaged"),
        ((tmp_path / "study.zip", tmp_path / "new", "--database-url", other), "leave out --database-url"),
        ((copy, folder.path, "--database-url", "postgresql://study@db/study"), "holds an SQLite database"),
    ]:
        done = run("restore", *arguments)
        assert (done.exit_code != 0, reason in done.output) == (True, True), done.output
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "other.db").exists()


# --- whole or not at all ---------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
left = int(sys.argv[1])

def counted(module, name):
    do = getattr(module, name)
    def step(*arguments, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return do(*arguments, **options)
    setattr(module, name, step)

import tempfile, pathlib, shutil
import study_server.storage.restore as restoring, study_server.storage.backup
for module, name in [
    (os, "link"), (os, "replace"), (os, "fsync"), (os, "unlink"), (os, "rename"), (os, "chmod"), (tempfile, "mkstemp"),
    (restoring, "copy_file"), (restoring, "_study_in"), (restoring.sqlite3, "connect"),
]:
    counted(module, name)
restoring.restore(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
"""


def killed_at(step: int, backup: Path, place: Path) -> bool:
    """Restore, and die before some step; whether it came so far."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(step), str(backup), str(place)], capture_output=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("with_log", [False, True])
def test_who_is_killed_leaves_the_old_database_or_the_new_one(
    folder: StudyFolder, copy: Path, tmp_path: Path, with_log: bool
) -> None:
    app = create_app(folder)
    (made := tmp_path / "made").mkdir()
    for file in folder.path.glob("study.db*" if with_log else "study.db"):
        shutil.copyfile(file, made / file.name)
    database(app).close()
    seen = []
    step = 0
    while True:
        for file in folder.path.glob("study.db*"):
            file.unlink()
        for file in made.iterdir():
            shutil.copyfile(file, folder.path / file.name)
        killed = killed_at(step, copy, folder.path)
        kept = [answers_in(file) for file in folder.path.glob("study.db.before-restore-*")]
        seen.append(answers(folder))
        assert (seen[-1], set(kept) or {5}) in [(5, {5}), (2, {5})]
        assert seen[-1] == 5 or kept
        if not killed:
            break
        step += 1
    assert seen == sorted(seen, reverse=True)  # old until the one step, new from there on
    assert set(seen) == {5, 2}
    assert step > 8


@pytest.mark.slow
def test_who_is_killed_leaves_the_whole_new_folder_or_none(folder: StudyFolder, copy: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "study.zip")
    (place := tmp_path / "place").mkdir()
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        n_files = len(archive.namelist())
    steps = [0, 1, 2, 3, n_files, n_files + 2, n_files + 4, n_files + 5, n_files + 6, n_files + 7, 10**6]
    for step in steps:
        killed = killed_at(step, tmp_path / "study.zip", place / "new")
        assert killed == (step < 10**6) or (place / "new").exists()
        if (place / "new").exists():
            assert answers(StudyFolder(place / "new")) == 5
            shutil.rmtree(place / "new")


@pytest.mark.slow
def test_servers_that_are_killed_go_on_from_the_backup(
    folder: StudyFolder, made_small_study: Path, tmp_path: Path
) -> None:
    figures = restore_again_and_again(made_small_study, tmp_path / "runs", runs=2, seed=0)
    assert (figures.runs, figures.wrong) == (2, 0)
    assert figures.after > 0


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    binaries = find_binaries()
    assert binaries is not None
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")


@pytest.fixture
def on_postgresql(folder: StudyFolder, postgres: str, programs: None) -> Iterator[StudyFolder]:
    yield StudyFolder(folder.path, postgres)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["dump", "zip"])
def test_a_postgresql_database_is_put_back(on_postgresql: StudyFolder, tmp_path: Path, ending: str) -> None:
    url = on_postgresql.other_database
    assert answers(on_postgresql, more=2) == 2
    copy = tmp_path / f"copy.{ending}"
    said = run("backup", on_postgresql.path, "-o", copy, "--database-url", url).output
    assert "shift-study restore" in said
    assert answers(on_postgresql, more=3) == 5
    done = run("restore", copy, on_postgresql.path, "--database-url", url, "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output)
    assert (figures["answers"], figures["version"], figures["until"][:2]) == (2, HEAD, "20")
    assert answers(on_postgresql) == 2
    kept = Path(figures["kept"])
    assert kept.stat().st_mode & 0o077 == 0
    assert run("restore", kept, on_postgresql.path, "--database-url", url).exit_code == 0  # and back again
    assert answers(on_postgresql, more=1) == 6


@pytest.mark.slow
def test_an_archive_of_a_study_on_postgresql_becomes_a_folder_and_a_database(
    on_postgresql: StudyFolder, tmp_path: Path, postgres_cluster: Cluster
) -> None:
    assert answers(on_postgresql, more=2) == 2
    backup(on_postgresql, tmp_path / "study.zip")
    empty = postgres_cluster.new_database()
    refused = run("restore", tmp_path / "study.zip", tmp_path / "new")
    assert (refused.exit_code, "with --database-url" in refused.output) == (1, True), refused.output
    assert not (tmp_path / "new").exists()
    done = run("restore", tmp_path / "study.zip", tmp_path / "new", "--database-url", empty, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["kept"] is None
    assert answers(StudyFolder(tmp_path / "new", empty), more=1) == 3


@pytest.mark.slow
def test_a_postgresql_database_in_use_or_of_others_is_left_as_it_is(on_postgresql: StudyFolder, tmp_path: Path) -> None:
    url = on_postgresql.other_database
    assert answers(on_postgresql, more=2) == 2
    copy = tmp_path / "copy.dump"
    backup(on_postgresql, copy)
    again = ("restore", copy, on_postgresql.path, "--database-url", url)
    app = create_app(on_postgresql)
    with database(app).reading() as session:
        session.connection()
        done = run(*again)
    assert (done.exit_code, "stop them all, then restore" in done.output) == (1, True), done.output
    database(app).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO study SELECT (jsonb_populate_record(study, \'{"id": 99, "name": "two"}\')).* FROM study'
        )
        done = run(*again)
        assert (done.exit_code, "also holds 'two'" in done.output) == (1, True), done.output
        connection.execute("DELETE FROM study WHERE id = 99")
        copy.write_bytes(copy.read_bytes()[:-3000])
        done = run(*again)
        assert done.exit_code == 1, done.output
        count = connection.execute("SELECT count(*) FROM response").fetchone()
    assert count == (2,)
    assert not list(on_postgresql.path.glob("*before-restore*"))


@pytest.mark.slow
def test_a_dump_of_another_study_is_refused(on_postgresql: StudyFolder, tmp_path: Path) -> None:
    url = on_postgresql.other_database
    assert answers(on_postgresql, more=2) == 2
    backup(on_postgresql, tmp_path / "copy.dump")
    toml = on_postgresql.path / study_toml.FILE_NAME
    toml.write_text(toml.read_text().replace("fixation_ms = 0", "fixation_ms = 9"))
    done = run("restore", tmp_path / "copy.dump", on_postgresql.path, "--database-url", url)
    assert (done.exit_code, "fixation_ms" in done.output) == (1, True), done.output
    toml.write_text(toml.read_text().replace('name = "study"', 'name = "other"'))
    done = run("restore", tmp_path / "copy.dump", on_postgresql.path, "--database-url", url)
    assert (done.exit_code, "holds 'study'" in done.output) == (1, True), done.output


def test_without_its_programs_a_dump_is_not_restored(
    folder: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "copy.dump").write_bytes(b"PGDMP")
    url = "postgresql://study:secret@db/study"
    done = run("restore", tmp_path / "copy.dump", folder.path, "--database-url", url)
    assert (done.exit_code, "postgresql-client" in done.output, "secret" in done.output) == (1, True, False)
