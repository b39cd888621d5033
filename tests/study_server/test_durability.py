"""No acknowledged answer is lost: processes that are killed, disks that are full, databases that are locked or gone."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from kill_runs import SERVER_KILLS, kill_again_and_again, processes_of, stored_keys
from participation import receipts
from persistent_participant import Load
from postgres import Cluster
from requests_of_a_participant import answer, begin, database
from stored_state import assert_consistent
from study_server.errors import Unavailable
from study_server.folder.study_folder import StudyFolder
from study_server.participants import answers as answers_module
from study_server.participants.answers import Answers
from study_server.participants.recorded import Recorded
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Response
from study_server.web.app import create_app
from study_server.web.background_server import free_port, running_server

RECORDED = Recorded(
    response="same", reaction_time_ms=1.0, device_pixel_ratio=1.0, pixel_scale=1, viewport_width=800,
    viewport_height=600, hidden=False,
)  # fmt: skip


# --- killed ----------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow
def test_answers_outlive_servers_and_databases_that_are_killed(
    small_study: StudyFolder, request: pytest.FixtureRequest
) -> None:
    cluster = request.getfixturevalue("postgres_cluster") if small_study.other_database else None
    kills = [*SERVER_KILLS, *(["postmaster"] if cluster else [])]
    random.shuffle(kills)
    figures = kill_again_and_again(small_study, cluster, kills, random.Random())
    assert figures.lost == 0


@pytest.mark.slow
def test_a_server_ends_though_one_of_its_processes_does_not(study: StudyFolder) -> None:
    port = free_port()
    with running_server(study, port=port):
        _, workers = processes_of(port)
        os.kill(workers[0], signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while any(map(runs, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether there is a process of this number that is not waiting to be buried."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_every_commit_goes_to_the_disk(study: StudyFolder) -> None:
    with closing(Database(study.database_url)) as opened, opened.engine.connect() as connection:
        modes = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]  # 2 is FULL


@pytest.mark.slow
def test_every_commit_goes_to_the_disk_of_a_postgresql_that_would_not_wait_for_it(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # type: ignore[arg-type]
    with closing(Database(postgres)) as opened, opened.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW fsync").scalar() == "on"


# --- no room ---------------------------------------------------------------------------------------------------------


@contextmanager
def full_disk(folder: StudyFolder, port: int) -> Iterator[None]:
    """The study's folder, a file system of its own, has no room left."""
    ballast = folder.path / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            for size in (65536, 1):
                while file.write(bytes(size)):
                    pass
        except OSError:
            pass
    yield
    ballast.unlink()


@contextmanager
def no_longer_files(folder: StudyFolder, port: int) -> Iterator[None]:
    """The server's processes can write no file beyond its first bytes: to them, every disk is full."""
    master, workers = processes_of(port)
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in (master, *workers)}
    for pid, (_soft, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (100, hard))
    yield
    for pid, limits in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def file_system(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, where whoever runs the tests may mount one."""
    place = tmp_path / "file-system"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32M", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [full_disk, no_longer_files])
def test_a_full_disk_is_ridden_out(
    made_small_study: Path, tmp_path: Path, request: pytest.FixtureRequest, trouble: Callable[..., Any]
) -> None:
    home = request.getfixturevalue("file_system") if trouble is full_disk else tmp_path
    folder = StudyFolder(Path(shutil.copytree(made_small_study, home / "study")))
    port = free_port()
    with running_server(folder, port=port) as url, Load(url) as load:
        for _ in range(3):
            load.wait_for(20)
            with trouble(folder, port):
                load.wait_until_unavailable()
    assert_nothing_lost(folder, load)


def assert_nothing_lost(folder: StudyFolder, load: Load) -> None:
    with closing(Database(folder.database_url)) as opened:
        assert stored_keys(opened) == load.acknowledged
        assert_consistent(RunningStudy(folder, opened))
        if opened.is_sqlite:
            with opened.engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


# --- locked, restarted -----------------------------------------------------------------------------------------------

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_while_another_process_locks_the_database_everybody_is_asked_to_come_again(study: StudyFolder) -> None:
    app = create_app(study, Database(study.database_url, busy_timeout_s=0.2))
    clients = [app.test_client() for _ in range(12)]
    trials = [begin(client)[0]["id"] for client in clients]
    command = [sys.executable, "-c", LOCK, str(study.path / "study.db")]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
        ThreadPoolExecutor(len(clients)) as pool,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        refused = list(pool.map(answer, clients, trials))
        refused += pool.map(lambda client: client.post("/instructions"), clients)
        refused.append(app.test_client().post("/consent"))
        left = clients[0].get("/api/trials")
        other.communicate("")
        stored = list(pool.map(answer, clients, trials))
    assert {response.status_code for response in refused[:-1]} == {503}
    assert {response.headers["Retry-After"] for response in refused[:-1]} == {"5"}
    assert left.json["answered"] == 0  # reading goes on
    assert {response.status_code for response in stored} == {200}
    database(app).close()


@pytest.mark.slow
def test_a_postgresql_that_is_restarted_is_waited_for(
    made_small_study: Path, postgres: str, postgres_cluster: Cluster
) -> None:
    folder = StudyFolder(made_small_study, postgres)
    port = free_port()
    with running_server(folder, port=port) as url, Load(url) as load:
        for also_killed in (False, True):
            load.wait_for(20)
            with ExitStack() as stopped:
                stopped.callback(postgres_cluster.start)
                postgres_cluster.stop()
                load.wait_until_unavailable()
                if also_killed:
                    kill_workers_twice(port)
    assert_nothing_lost(folder, load)


def kill_workers_twice(port: int) -> None:
    """Kill all workers of the server at this port; return when those that take their places have died as well."""
    before = set(processes_of(port)[1])
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    seen: set[int] = set()
    while len(seen) < 2 * len(before):
        master, workers = processes_of(port)
        assert Path(f"/proc/{master}").exists()
        seen |= set(workers) - before


def test_no_thread_waits_for_ever_for_one_that_has_the_turn(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'study.db'}", busy_timeout_s=0.1)
    with database.writing(), ThreadPoolExecutor(1) as pool, pytest.raises(Unavailable):
        pool.submit(lambda: database.writing().__enter__()).result(timeout=60)
    with database.writing() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.close()


# --- a commit that fails ---------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(app: Flask) -> Iterator[Callable[[], list[Any]]]:
    """Sends an answer of each of six participants, all in one group; what becomes of each."""
    study: RunningStudy = app.extensions["study"]
    answers: Answers = app.extensions["answers"]
    clients = [app.test_client() for _ in range(6)]
    trials = [begin(client)[0]["id"] for client in clients]

    def result(client: FlaskClient, trial: str) -> Any:
        with client.session_transaction() as session:
            token = session["participant"]
        try:
            return answers.record(token, trial, f"key-of-{trial}", RECORDED, receipts(study, trial))
        except BaseException as error:
            return error

    with ThreadPoolExecutor(6) as pool:

        def send() -> list[Any]:
            answers._commits._is_storing = True  # somebody else, until all are there
            work = [pool.submit(partial(result, *one)) for one in zip(clients, trials, strict=True)]
            while len(answers._commits._waiting) < 6:
                assert not any(task.done() for task in work)
            answers._commits._waiting[0].called.put(None)
            return [task.result(timeout=60) for task in work]

        yield send
    assert study.n_trials


def count_stored(app: Flask) -> int:
    with database(app).reading() as session:
        return session.scalar(select(func.count()).select_from(Response)) or 0


def test_a_group_that_cannot_be_committed_is_refused_whole_and_can_be_sent_again(
    app: Flask, waiting: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        dialect = app.extensions["study"].database.engine.dialect
        failing.setattr(dialect, "do_commit", _fail(sqlite3.OperationalError("database or disk is full")))
        assert [type(result) for result in waiting()] == [OperationalError] * 6
    assert count_stored(app) == 0
    assert [result.answered for result in waiting()] == [1] * 6
    assert count_stored(app) == 6


def _fail(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_one_answer_that_cannot_be_stored_does_not_take_the_others_along(
    app: Flask, waiting: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned: list[str] = []
    objection = answers_module._objection

    def refuse_one(answer: Any, *rest: Any) -> Exception | None:
        if answer.trial in (poisoned or [answer.trial]):
            poisoned[:] = [answer.trial]
            raise ZeroDivisionError
        return objection(answer, *rest)

    monkeypatch.setattr(answers_module, "_objection", refuse_one)
    results = waiting()
    assert sorted(type(result).__name__ for result in results) == ["Progress"] * 5 + ["ZeroDivisionError"]
    assert count_stored(app) == 5


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, MemoryError])
def test_nobody_waits_for_ever_whatever_happens_to_who_stores(
    app: Flask, waiting: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr(answers_module, "_objection", _fail(error()))
        assert [type(result) for result in waiting()] == [error] * 6
    assert [result.answered for result in waiting()] == [1] * 6
