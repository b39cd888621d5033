"""Waiting to write: for so long and no longer, and never with all threads, however long somebody else has the turn."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select, text

from kill_runs import stored_keys
from persistent_participant import PersistentParticipant
from requests_of_a_participant import answer, begin, database
from study_server.errors import Conflict, Unavailable
from study_server.folder.study_folder import StudyFolder
from study_server.storage import waiting_room
from study_server.storage.database import Database
from study_server.storage.models import Response
from study_server.storage.waiting_room import WaitingRoom
from study_server.web.app import create_app
from study_server.web.background_server import running_server

LONG = 60.0


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Somebody else has the turn to write to the database file, for as long as the block lasts."""
    with path.with_name(f"{path.name}.turn").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Database]]:
    """Opens the same database file, with any patience and any number of seats."""
    all_opened: list[Database] = []

    def open_(patience_s: float, seats: int | None = None) -> Database:
        url = f"sqlite:///{tmp_path / 'study.db'}"
        all_opened.append(Database(url, busy_timeout_s=patience_s, waiting_room=WaitingRoom(seats)))
        return all_opened[-1]

    yield open_
    for one in all_opened:
        one.close()


def write(database: Database) -> object:
    with database.writing() as session:
        return session.scalar(text("SELECT 1"))


def outcomes(work: list[Future[object]]) -> list[object]:
    """What each thread has got, or why it has got nothing."""
    return [str(task.exception(LONG) or task.result()) for task in work]


# --- one process -----------------------------------------------------------------------------------------------------


def test_nobody_waits_longer_than_their_patience_though_the_turn_never_comes(
    opened: Callable[..., Database], tmp_path: Path
) -> None:
    database = opened(0.2)
    with ThreadPoolExecutor(8) as pool:
        with held(tmp_path / "study.db"):
            assert outcomes([pool.submit(write, database) for _ in range(8)]) == ["the database is locked"] * 8
        assert outcomes([pool.submit(write, database) for _ in range(8)]) == ["1"] * 8


def test_a_turn_that_comes_when_all_have_given_up_is_given_back(
    opened: Callable[..., Database], tmp_path: Path
) -> None:
    database = opened(0.1)
    with held(tmp_path / "study.db"), pytest.raises(Unavailable):
        write(database)
    other = opened(LONG)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(write, other).result(LONG) == 1


def test_a_database_is_closed_while_somebody_else_has_the_turn_for_ever(
    opened: Callable[..., Database], tmp_path: Path
) -> None:
    database, other = opened(0.1), opened(LONG)
    with held(tmp_path / "study.db"):
        with pytest.raises(Unavailable):
            write(database)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(database.close).result(LONG)
    assert write(other) == 1  # the closed one has not kept what it waited for
    assert write(database) == 1  # and could be used again


def test_threads_that_wait_for_each_other_all_get_their_turn(opened: Callable[..., Database]) -> None:
    database, other = opened(LONG), opened(LONG)
    with ThreadPoolExecutor(16) as pool:
        work = [pool.submit(write, (database, other)[number % 2]) for number in range(200)]
        assert outcomes(work) == ["1"] * 200


def test_too_many_are_refused_before_their_time_while_nobody_gets_on(
    opened: Callable[..., Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_room, "STUCK_AFTER_S", 0.1)
    database = opened(LONG, seats=2)
    with ThreadPoolExecutor(6) as pool:
        with held(tmp_path / "study.db"):
            work = [pool.submit(write, database) for _ in range(5)]
            refused = [next(done) for done in [as_completed(work, LONG)] for _ in range(3)]
            with pytest.raises(Unavailable, match="too many wait"):
                pool.submit(write, database).result(LONG)  # and whoever comes now, at once
        assert [str(task.exception()) for task in refused] == [
            "the database is locked, and too many wait for it already"
        ] * 3
        assert outcomes([task for task in work if task not in refused]) == ["1"] * 2
        assert outcomes([pool.submit(write, database) for _ in range(6)]) == ["1"] * 6


def test_nobody_is_refused_while_others_get_on(
    opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_room, "STUCK_AFTER_S", 0.2)
    database = opened(LONG, seats=1)

    def write_slowly() -> object:
        with database.writing() as session:
            time.sleep(0.05)  # the work of a transaction
            return session.scalar(text("SELECT 1"))

    with ThreadPoolExecutor(12) as pool:
        assert outcomes([pool.submit(write_slowly) for _ in range(12)]) == ["1"] * 12


def test_nobody_is_refused_who_comes_after_a_quiet_time(
    opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = opened(LONG, seats=1)
    assert write(database) == 1
    clock = time.monotonic
    monkeypatch.setattr(waiting_room.time, "monotonic", lambda: clock() + 3600)
    with database.waiting(), ThreadPoolExecutor(1) as pool:  # two at once, before either has got on
        assert pool.submit(write, database).result(LONG) == 1


def test_a_request_that_fails_has_got_on_all_the_same(
    opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_room, "STUCK_AFTER_S", 0.0)
    database = opened(LONG, seats=1)
    for _ in range(3):
        with pytest.raises(Conflict), database.writing():
            raise Conflict("by the way")
    assert write(database) == 1


def test_who_comes_when_all_seats_are_taken_in_vain_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    room = WaitingRoom(1)
    clock = time.monotonic
    with room.seat(LONG), ThreadPoolExecutor(1) as pool:
        with room.seat(LONG):
            pass  # the same thread has its seat
        # A transaction of many arrivals may take a slow machine two seconds.
        monkeypatch.setattr(waiting_room.time, "monotonic", lambda: clock() + 2)
        pool.submit(lambda: room.seat(LONG).__enter__().__exit__()).result(LONG)
        monkeypatch.setattr(waiting_room.time, "monotonic", lambda: clock() + 4)
        with pytest.raises(Unavailable, match="too many wait"):
            pool.submit(lambda: room.seat(LONG).__enter__()).result(LONG)
        room.got_on()
        pool.submit(lambda: room.seat(LONG).__enter__()).result(LONG)


def test_several_studies_of_a_process_share_the_seats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_room, "STUCK_AFTER_S", 0.1)
    room = WaitingRoom(2)
    paths = [tmp_path / f"{name}.db" for name in ("one", "other")]
    one, other = (Database(f"sqlite:///{path}", busy_timeout_s=LONG, waiting_room=room) for path in paths)
    with closing(one), closing(other), ThreadPoolExecutor(4) as pool:
        with held(paths[0]), held(paths[1]):
            work = [pool.submit(write, database) for database in (one, other, one, other)]
            refused = [next(done) for done in [as_completed(work, LONG)] for _ in range(2)]
        assert all(isinstance(task.exception(), Unavailable) for task in refused)
        assert sorted(outcomes(work))[:2] == ["1", "1"]


@pytest.mark.parametrize(("threads", "seats"), [(1, 1), (2, 1), (4, 3), (16, 12), (256, 192)])
def test_a_quarter_of_the_threads_stays_free(threads: int, seats: int) -> None:
    room = WaitingRoom.for_threads(threads)
    assert room._seats == seats


def test_answers_that_wait_together_are_bounded_as_well(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    room = WaitingRoom(2)
    app = create_app(study, Database(study.database_url, busy_timeout_s=LONG, waiting_room=room))
    clients = [app.test_client() for _ in range(6)]
    trials = [begin(client)[0]["id"] for client in clients]
    monkeypatch.setattr(waiting_room, "STUCK_AFTER_S", 0.2)
    with ThreadPoolExecutor(6) as pool:
        with held(study.path / "study.db"):
            work = [pool.submit(answer, *one) for one in zip(clients, trials, strict=True)]
            refused = [next(done).result() for done in [as_completed(work, LONG)] for _ in range(4)]
            assert {response.status_code for response in refused} == {503}
            with clients[0].get("/static/icon.svg") as page:
                assert page.status_code == 200
        assert sorted(task.result(LONG).status_code for task in work) == [200] * 2 + [503] * 4
        assert count_stored(app) == 2  # who was refused has left nothing behind
        again = [pool.submit(answer, *one) for one in zip(clients, trials, strict=True)]
        assert {task.result(LONG).status_code for task in again} == {200}
    assert count_stored(app) == 6
    database(app).close()


def count_stored(app: Flask) -> int | None:
    with database(app).reading() as session:
        return session.scalar(select(func.count()).select_from(Response))


# --- a real server ---------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow
def test_pages_that_write_nothing_answer_while_another_process_keeps_everybody_waiting(
    made_small_study: Path, small_study: StudyFolder
) -> None:
    if small_study.other_database:
        pytest.skip("PostgreSQL has its own queue")

    def send(participant: PersistentParticipant, url: str, trial: str) -> tuple[int, float, str | None]:
        began = time.monotonic()
        response = participant.try_to_answer(trial)
        return response.status_code, time.monotonic() - began, response.headers.get("Retry-After")

    people = 80
    with running_server(small_study) as url, ThreadPoolExecutor(people) as pool:
        participants = [PersistentParticipant(url) for _ in range(people)]
        trials = [trials[0] for trials in pool.map(PersistentParticipant.begin, participants)]
        list(pool.map(PersistentParticipant.look_at, participants, trials))
        pages: list[float] = []
        with held(small_study.path / "study.db"):
            work = [pool.submit(send, *one) for one in zip(participants, [url] * people, trials, strict=True)]
            while not all(task.done() for task in work):
                began = time.monotonic()
                assert requests.get(f"{url}/static/icon.svg", timeout=30).status_code == 200
                pages.append(time.monotonic() - began)
                with suppress(TimeoutError):
                    work[-1].exception(0.2)
        answered = [task.result() for task in work]
        print(f"{len(pages)} pages, the slowest in {max(pages):.2f} s; {people} answers, {_spread(answered)}")
        assert {(status, retry) for status, _, retry in answered} == {(503, "5")}
        assert max(seconds for _, seconds, _ in answered) < 13
        assert max(pages) < 5
        keys = set(pool.map(PersistentParticipant.answer, participants, trials))
        for participant in participants:
            participant.close()
    with closing(Database(small_study.database_url)) as stored:
        assert stored_keys(stored) == keys
    assert len(keys) == people


def _spread(answered: list[tuple[int, float, str | None]]) -> str:
    seconds = sorted(one[1] for one in answered)
    early = sum(one < 5 for one in seconds)
    return f"{early} refused within {max([s for s in seconds if s < 5], default=0):.2f} s, all in {seconds[-1]:.2f} s"
