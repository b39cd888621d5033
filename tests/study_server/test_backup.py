"""Backups: consistent while answers come in, complete, restored somewhere else, or not there at all."""

from __future__ import annotations

import functools
import os
import shutil
import sqlite3
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

import shift_study
from benchmarks.load.postgres import find_binaries
from postgres import Cluster
from requests_of_a_participant import ANSWER, answer, begin, database, receipts_from, sign_in_at
from served import served
from study_server.export.responses import response_rows
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.storage import backup as backing_up
from study_server.storage.backup import backup
from study_server.web.app import create_app
from study_server.web.background_server import running_server


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


def unzip(archive: Path, to: Path) -> Path:
    """The study folder that an archive holds, by the program `unzip` or one like it."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(to)
    (folder,) = to.iterdir()
    return folder


def answers_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        count: int = copy.execute("SELECT count(*) FROM response").fetchone()[0]
        return count


@pytest.fixture(scope="module")
def made_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "study"
    make_study(path, source="demo", count=4, size=32, max_shift=3)
    return path


@pytest.fixture
def small(made_small: Path, tmp_path: Path) -> StudyFolder:
    """A study folder with small crops, served never before."""
    return StudyFolder(Path(shutil.copytree(made_small, tmp_path / "study")))


@pytest.fixture
def begun(small: StudyFolder) -> Iterator[StudyFolder]:
    """The same in use: its server's database is open, one of four trials is answered, and nothing is checkpointed."""
    app = create_app(small)
    client = app.test_client()
    assert answer(client, begin(client)[0]["id"]).status_code == 200
    yield small
    database(app).close()


# --- what is in it ---------------------------------------------------------------------------------------------------


def test_a_copy_of_the_database_is_one_private_file_with_every_answer(begun: StudyFolder, tmp_path: Path) -> None:
    done = run("backup", begun.path, "-o", tmp_path / "copy.db", "--json")
    assert done.exit_code == 0, done.output
    assert '"answers": 1' in done.output
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    assert answers_in(tmp_path / "copy.db") == 1
    (elsewhere := tmp_path / "elsewhere").mkdir()
    for name in ("study.toml", "manifest.csv"):
        shutil.copy(begun.path / name, elsewhere)
    (tmp_path / "copy.db").rename(elsewhere / "study.db")
    assert response_rows(str(elsewhere)) == response_rows(str(begun.path))
    assert not list(tmp_path.glob(".backup-*"))


def test_an_archive_is_the_whole_folder_and_nothing_else(begun: StudyFolder, tmp_path: Path) -> None:
    (begun.path / ".hidden").mkdir()
    (begun.path / ".hidden" / "file").touch()
    (begun.path / "ethics.pdf").write_bytes(b"approved")
    (begun.path / "study.db.0001-20260101T000000").write_bytes(b"an upgrade's copy")
    backup(begun, tmp_path / "study.zip")
    (away := tmp_path / "away").mkdir()
    moved = unzip(tmp_path / "study.zip", away)
    here = {p.relative_to(begun.path): p.read_bytes() for p in begun.path.rglob("*") if p.is_file()}
    there = {p.relative_to(moved): p.read_bytes() for p in moved.rglob("*") if p.is_file()}
    assert moved.name == "study"
    assert {Path("study.db"), Path("ethics.pdf"), Path("study.toml"), Path("manifest.csv")} <= there.keys()
    assert answers_in(moved / "study.db") == 1
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        assert archive.getinfo("study/study.db").external_attr >> 16 & 0o077 == 0
    left_out = {p for p in here if p.parts[0] == ".hidden" or (p.parts[0].startswith("study.db") and p.suffix != ".db")}
    assert here.keys() - there.keys() == left_out
    assert all(here[p] == there[p] for p in there if p != Path("study.db"))


def test_an_archive_of_a_study_that_was_never_served_is_the_folder(small: StudyFolder, tmp_path: Path) -> None:
    made = backup(small, tmp_path / "study.zip")
    assert made.answers is None
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        assert "study/study.db" not in archive.namelist()
    refused = run("backup", small.path, "-o", tmp_path / "copy.db")
    assert (refused.exit_code, "does not exist yet" in refused.output) == (1, True)
    assert not (tmp_path / "copy.db").exists()


def test_a_database_in_another_place_takes_its_own_in_the_archive(begun: StudyFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "data" / "kept.db"
    elsewhere.parent.mkdir()
    backup(begun, elsewhere)
    made = backup(StudyFolder(begun.path, f"sqlite:///{elsewhere}"), tmp_path / "study.zip")
    assert made.answers == 1
    (away := tmp_path / "away").mkdir()
    assert answers_in(unzip(tmp_path / "study.zip", away) / "study.db") == 1


# --- while answers come in -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_backups_under_way_hold_what_was_acknowledged_and_participants_go_on_elsewhere(
    small: StudyFolder, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    last: list[requests.Session] = []
    enough = threading.Event()

    def participate(url: str) -> None:
        while not enough.is_set():
            session = requests.Session()
            sign_in_at(session, url)
            for path in ("/consent", "/instructions", "/practice"):
                assert session.post(url + path, timeout=60).ok
            for trial in session.get(url + "/api/trials", timeout=60).json()["trials"][:3]:
                key = f"key-{trial['id']}".replace("_", "x")
                body = ANSWER | receipts_from(session, url, trial) | {"idempotency_key": key}
                assert session.put(f"{url}/api/trials/{trial['id']}/response", json=body, timeout=60).ok
                acknowledged.append(key)
            last.append(session)

    with running_server(small) as url:
        threads = [threading.Thread(target=participate, args=(url,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for number in range(5):
                while len(acknowledged) < 6 * (number + 1):
                    assert all(thread.is_alive() for thread in threads)
                    threads[0].join(0.02)
                before = set(acknowledged)
                leaving = last[-1]
                backup(small, tmp_path / f"{number}.zip")
                (away := tmp_path / f"away-{number}").mkdir()
                moved = unzip(tmp_path / f"{number}.zip", away)
                with closing(sqlite3.connect(moved / "study.db")) as copy:
                    stored = {row[0] for row in copy.execute("SELECT idempotency_key FROM response")}
                assert before <= stored
        finally:
            enough.set()
            for thread in threads:
                thread.join()
    # The last copy, elsewhere: somebody who had answered three of four goes on with the same cookie.
    with served(StudyFolder(moved)) as url:
        progress = leaving.get(f"{url}/api/trials", timeout=60).json()
        assert (progress["answered"], progress["total"]) == (3, 4)
        (trial,) = progress["trials"]
        body = ANSWER | receipts_from(leaving, url, trial) | {"idempotency_key": "the-last-of-all-0000"}
        assert (
            leaving.put(f"{url}/api/trials/{trial['id']}/response", json=body, timeout=60).json()["stage"]
            == "questions"
        )
        assert leaving.get(f"{url}/", timeout=60).url == f"{url}/questions"


def test_what_is_written_during_the_copy_neither_gets_in_nor_holds_it_up(
    begun: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing_up, "_PAGES_AT_A_TIME", 1)
    connect = sqlite3.connect
    steps = []

    class Watched(sqlite3.Connection):
        def backup(self, target, *, pages, progress):  # type: ignore[no-untyped-def]
            def write(*step: int) -> None:
                steps.append(step)
                if len(steps) > 50:  # it would begin anew for ever
                    return progress(*step)
                with closing(sqlite3.connect(begun.path / "study.db")) as other:
                    other.execute(
                        "INSERT INTO event (study_id, at, kind, actor, detail) SELECT id, '', '', '', '' FROM study"
                    )
                    other.commit()
                return progress(*step)

            super().backup(target, pages=pages, progress=write)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", functools.partial(connect, factory=Watched))
        backup(begun, tmp_path / "copy.db")
    assert len(steps) > 10
    assert [remaining for _, remaining, _ in steps] == list(range(len(steps)))[::-1]  # never from the beginning
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM event WHERE kind = ''").fetchone() == (0,)


def test_a_folder_that_was_moved_goes_on(begun: StudyFolder, tmp_path: Path) -> None:
    app = create_app(begun)
    client = app.test_client()
    trials = begin(client)
    assert answer(client, trials[0]["id"]).status_code == 200
    database(app).close()
    begun.path.rename(tmp_path / "another place")
    app = create_app(StudyFolder(tmp_path / "another place"))
    again = app.test_client()
    cookie = client.get_cookie("shift_study_study")
    assert cookie is not None
    again.set_cookie("shift_study_study", cookie.value)
    assert again.get("/api/trials").json["trials"] == trials[1:]
    assert answer(again, trials[1]["id"]).status_code == 200
    database(app).close()


# --- never half, never over something --------------------------------------------------------------------------------


def test_files_that_are_there_or_do_not_fit_are_refused(begun: StudyFolder, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_bytes(b"precious")
    for target, reason in [
        (tmp_path / "there.db", "exists: name a new file"),
        (tmp_path / "copy.tar", r"ends with .db (the database) or .zip"),
        (begun.path / "copy.db", "lies in the study folder"),
        (tmp_path / "nowhere" / "copy.db", "No such file or directory"),
    ]:
        done = run("backup", begun.path, "-o", target)
        assert (done.exit_code, reason in done.output) == (1, True), done.output
    assert (tmp_path / "there.db").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("link", "to"),
    [("stimuli/again", ".."), ("stimuli/self", "."), ("up", "../.."), ("one/to", "../two"), ("round", "round")],
)
def test_links_that_lead_round_in_circles_are_named(begun: StudyFolder, tmp_path: Path, link: str, to: str) -> None:
    (begun.path / "one").mkdir()
    (begun.path / "two").mkdir()
    (begun.path / "two" / "to").symlink_to("../one")
    (begun.path / link).symlink_to(to)
    done = run("backup", begun.path, "-o", tmp_path / "study.zip")
    assert done.exit_code == 1, done.output
    assert str(begun.path / link) in done.output
    assert ("is a link to nothing" if link == to else "leads back to") in done.output
    assert not (tmp_path / "study.zip").exists()


def test_links_to_folders_elsewhere_are_followed(begun: StudyFolder, tmp_path: Path) -> None:
    (begun.path / "stimuli").rename(tmp_path / "elsewhere")
    (begun.path / "stimuli").symlink_to(tmp_path / "elsewhere")
    (begun.path / "also").symlink_to("practice")  # twice, but not for ever
    backup(begun, tmp_path / "study.zip")
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        names = archive.namelist()
    files = [path.name for path in (tmp_path / "elsewhere").iterdir()]
    assert {f"study/stimuli/{name}" for name in files} <= set(names)
    assert {"study/also/manifest.csv", "study/practice/manifest.csv"} <= set(names)


@pytest.mark.parametrize("ending", ["db", "zip"])
def test_nothing_is_left_behind_where_it_fails(
    begun: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    def disk_full(_: Path) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(backing_up, "synchronise", disk_full)
    done = run("backup", begun.path, "-o", tmp_path / f"copy.{ending}")
    assert (done.exit_code, "No space left on device" in done.output) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_a_damaged_database_is_not_taken_for_a_backup(begun: StudyFolder, tmp_path: Path) -> None:
    backup(begun, tmp_path / "copy.db")
    data = bytearray((tmp_path / "copy.db").read_bytes())
    data[4096 * 3 : 4096 * 9] = b"\xff" * 4096 * 6
    (tmp_path / "damaged.db").write_bytes(data)
    done = run("backup", begun.path, "-o", tmp_path / "x.db", "--database-url", f"sqlite:///{tmp_path}/damaged.db")
    assert (done.exit_code, "damaged" in done.output or "malformed" in done.output) == (1, True), done.output
    assert not (tmp_path / "x.db").exists()


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_postgresql_database_is_dumped_and_restored(
    small: StudyFolder, tmp_path: Path, postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = find_binaries()
    assert binaries is not None
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    one, other = postgres_cluster.new_database(), postgres_cluster.new_database()
    app = create_app(StudyFolder(small.path, one))
    client = app.test_client()
    trials = begin(client)
    assert answer(client, trials[0]["id"]).status_code == 200
    for target in ("copy.dump", "study.zip"):
        done = run("backup", small.path, "-o", tmp_path / target, "--database-url", one)
        assert done.exit_code == 0, done.output
        assert "shift-study restore" in done.output
    assert (tmp_path / "copy.dump").stat().st_mode & 0o077 == 0
    (away := tmp_path / "away").mkdir()
    moved = unzip(tmp_path / "study.zip", away)
    subprocess.run(["pg_restore", "--no-owner", f"--dbname={other}", moved / "study.dump"], check=True)
    assert response_rows(other) == response_rows(one)
    restored = create_app(StudyFolder(moved, other))
    again = restored.test_client()
    cookie = client.get_cookie("shift_study_study")
    assert cookie is not None
    again.set_cookie("shift_study_study", cookie.value)
    assert again.get("/api/trials").json["trials"] == trials[1:]
    for server in (app, restored):
        database(server).close()
    gone = run("backup", small.path, "-o", tmp_path / "x.dump", "--database-url", one.replace("/study_", "/nothing_"))
    assert (gone.exit_code, "pg_dump could not copy" in gone.output) == (1, True), gone.output


def test_without_pg_dump_it_says_what_to_install(
    small: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("backup", small.path, "-o", tmp_path / "x.dump", "--database-url", "postgresql://study:secret@db/study")
    assert (done.exit_code, "postgresql-client" in done.output) == (1, True)
    assert "secret" not in done.output
    assert not (tmp_path / "x.dump").exists()
