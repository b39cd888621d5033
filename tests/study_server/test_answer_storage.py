"""Answers are stored one by one and many at a time: what is refused and why, what is counted, who stores for whom."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from participation import RECORDED, Participation, make_tiny_study, receipts
from recruiting import changed
from study_server.errors import Conflict, NotFound, NotYours, Unavailable
from study_server.folder.study_folder import StudyFolder
from study_server.participants import answers as answers_module
from study_server.participants.progress import Progress
from study_server.storage.models import Response, Trial


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_study(tmp_path_factory.mktemp("made") / "study").path


@pytest.fixture
def people(made: Path, tmp_path: Path) -> Iterator[Participation]:
    study = Participation(StudyFolder(Path(shutil.copytree(made, tmp_path / "study"))))
    yield study
    study.database.close()


def stored(people: Participation) -> dict[str, Response]:
    """Trial → its answer."""
    with people.database.reading() as session:
        rows = session.execute(select(Trial.token, Response).join(Response, Response.trial_id == Trial.id))
        return {trial: response for trial, response in rows}  # noqa: C416


def test_an_answer_is_stored_as_it_was_given_and_counted(people: Participation) -> None:
    token = people.begin()
    people.stay_away(token)
    trial, *_ = people.trials(token)
    before = datetime.now(UTC)
    more = {
        "visit": 2, "window_changes": 1, "exactness": "derived", "page_altered": True, "refresh_rate_hz": 59.5,
        "sent_after_ms": 3.25,
    }  # fmt: skip
    assert people.record(token, trial, "a-key", **more) == Progress("trials", 1, 4)
    response = stored(people)[trial]
    assert response.idempotency_key == "a-key"
    assert before <= response.answered_at <= datetime.now(UTC)
    given = RECORDED.model_dump() | more
    assert None not in given.values()
    assert {name: getattr(response, name) for name in given} == given
    assert people.person(token).answered == 1
    assert people.person(token).last_seen_at == response.answered_at
    assert len(people.trials(token)) == 3


def test_the_last_answer_ends_the_trials_and_is_judged(people: Participation) -> None:
    token, other = people.begin(), people.begin()
    *most, last = people.trials(token)
    assert [people.record(token, trial, response="different").answered for trial in most] == [1, 2, 3]
    assert people.person(token).stage == "trials"
    assert people.record(token, last, response="different") == Progress("questions", 4, 4)
    assert people.person(token).passed is False
    assert people.person(other).stage == "trials"


@pytest.mark.parametrize(("visit", "superseded"), [(None, False), (1, True), (2, True), (3, False), (4, False)])
def test_only_a_later_visit_supersedes_one(people: Participation, visit: int | None, superseded: bool) -> None:
    """A page may be ahead of what this server reads of its visits; one that is behind has been taken over."""
    people.change(token := people.begin(), visits=3)
    trial, *_ = people.trials(token)
    assert people.record(token, trial, visit=visit).superseded is superseded
    assert people.record(token, trial, visit=visit).superseded is superseded  # sent again


def test_the_same_answer_again_changes_nothing(people: Participation) -> None:
    token = people.begin()
    trial, *others = people.trials(token)
    first = people.record(token, trial)
    at = stored(people)[trial].answered_at
    assert people.record(token, trial) == first == Progress("trials", 1, 4)
    for other in others:
        people.record(token, other)
    assert people.record(token, trial) == Progress("questions", 4, 4)
    assert stored(people)[trial].answered_at == at
    assert people.person(token).answered == 4


def test_what_cannot_be_stored_is_refused_with_the_reason(people: Participation) -> None:
    token, early, gone, done = people.begin(), people.arrive(), people.begin(), people.begin()
    trial, second, *_ = people.trials(token)
    unanswered, *_ = people.trials(done)
    of_who_withdrew, *_ = people.trials(gone)
    with people.database.writing() as session:
        session.delete(session.scalars(select(Trial).where(Trial.token == unanswered)).one())
    people.change(done, stage="questions")
    people.change(gone, withdrawn_at=datetime.now(UTC), slot=None)
    people.record(token, trial, "first")
    refused: list[tuple[str | None, str, str, type[Exception], str]] = [
        (token, "no such trial", "x", NotFound, "there is no such trial"),
        (token, "x" * 33, "x", NotFound, "there is no such trial"),
        (token, "", "x", NotFound, "there is no such trial"),
        (token, "x" * 22, "x", NotFound, "there is no such trial"),
        (None, second, "x", NotYours, "This trial belongs to somebody else."),
        (early, second, "x", NotYours, "This trial belongs to somebody else."),
        (token, trial, "second", Conflict, "this trial has been answered already"),
        (token, second, "first", Conflict, "this idempotency key has been used for another trial"),
        (gone, of_who_withdrew, "x", Conflict, "the participant has withdrawn"),
        (early, people.trials(early)[0], "x", Conflict, "the participant is at instructions, not at the trials"),
        (done, people.trials(done)[0], "x", Conflict, "the participant has answered every trial"),
    ]
    for who, which, key, error, says in refused:
        with pytest.raises(error) as caught:
            people.record(who, which, key)
        assert str(caught.value) == says
    assert list(stored(people)) == [trial]
    assert people.person(token).answered == 1


def test_an_answer_that_is_stored_can_be_sent_again_after_a_withdrawal(people: Participation) -> None:
    token = people.begin()
    trial, *_ = people.trials(token)
    people.record(token, trial)
    people.change(token, withdrawn_at=datetime.now(UTC), slot=None)
    assert people.record(token, trial) == Progress("trials", 1, 4)


def test_a_trial_of_another_study_in_the_same_database_is_none_of_this(made: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'shared.db'}"
    here, there = (
        Participation(
            changed(StudyFolder(Path(shutil.copytree(made, tmp_path / name)), database), study={"name": name})
        )
        for name in ("here", "there")
    )
    token = here.begin()
    trial, *_ = here.trials(token)
    with pytest.raises(NotFound):
        there.record(token, trial)
    assert here.record(token, trial).answered == 1
    for study in (here, there):
        study.database.close()


# --- many at a time --------------------------------------------------------------------------------------------------

Together = Callable[..., list[Any]]


@pytest.fixture
def together(people: Participation) -> Together:
    """together((token, trial, key), …): these requests wait while another has the database; what each gets, in order.

    The first of them stores; whatever it finds waiting when its turn comes goes into its transaction.
    """

    def request(results: list[Any], place: int, *arguments: str) -> None:
        try:
            results[place] = people.record(*arguments)
        except BaseException as error:
            results[place] = error

    def send(*requests: tuple[str, str, str]) -> list[Any]:
        waiting, results = people.answers._commits._waiting, [None] * len(requests)
        with people.database.writing():
            for place, arguments in enumerate(requests):
                # Of a thread that waits for ever nobody need wait at the end.
                threading.Thread(target=request, args=(results, place, *arguments), daemon=True).start()
                _until(lambda place=place: len(waiting) > place or results[place] is not None)  # type: ignore[misc]
        _until(lambda: None not in results)
        return results

    return send


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline


@pytest.fixture
def commits(people: Participation) -> list[int]:
    """One entry for each transaction with answers: how many are stored by then."""
    found: list[int] = []
    pending: list[int] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith("INSERT INTO response"):
            pending.append(len(parameters) if many else 1)

    def commit(_connection: Any) -> None:
        if pending:
            found.append(sum(pending))
            pending.clear()

    event.listen(people.database.engine, "before_cursor_execute", note)
    event.listen(people.database.engine, "commit", commit)
    return found


def test_answers_that_wait_are_stored_in_one_transaction(
    people: Participation, together: Together, commits: list[int]
) -> None:
    tokens = [people.begin() for _ in range(3)]
    trials = [(token, trial) for token in tokens for trial in people.trials(token)[:2]]
    results = together(*((token, trial, f"key-{n}") for n, (token, trial) in enumerate(trials)))
    # Each is told how many are stored now, with those that came along.
    assert results == [Progress("trials", 2, 4)] * 6
    assert commits == [6]
    assert {trial: answer.idempotency_key for trial, answer in stored(people).items()} == {
        trial: f"key-{n}" for n, (_, trial) in enumerate(trials)
    }
    assert [people.person(token).answered for token in tokens] == [2, 2, 2]
    assert not people.answers._commits._waiting
    assert people.record(tokens[0], people.trials(tokens[0])[0]).answered == 3  # and it goes on


@pytest.mark.parametrize("sent", ["together", "brought"])
def test_what_a_transaction_does_not_take_is_stored_by_the_next_ones(
    people: Participation,
    commits: list[int],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    sent: str,
) -> None:
    monkeypatch.setattr(people.answers._commits, "_most_at_once", 2)
    tokens = [people.begin() for _ in range(5)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]
    assert request.getfixturevalue(sent)(*requests) == [Progress("trials", 1, 4)] * 5
    assert commits == [2, 2, 1]


def test_a_whole_participation_may_come_at_once(people: Participation, together: Together) -> None:
    token, other = people.begin(), people.begin()
    trials = people.trials(token)
    keep = people.trials(other)[0]
    results = together((other, keep, "k"), *((token, trial, f"key-{trial}") for trial in trials))
    assert results == [Progress("trials", 1, 4)] + [Progress("questions", 4, 4)] * 4
    assert people.person(token).stage == "questions"
    assert people.person(token).passed is not None
    assert people.person(other).stage == "trials"


def test_in_one_transaction_the_first_answer_to_a_trial_counts(people: Participation, together: Together) -> None:
    token, other = people.begin(), people.begin()
    (trial, *_), (theirs, *_) = people.trials(token), people.trials(other)
    results = together((token, trial, "one"), (token, trial, "one"), (token, trial, "two"), (other, theirs, "three"))
    assert results[:2] == [Progress("trials", 1, 4)] * 2
    assert str(results[2]) == "this trial has been answered already"
    assert results[3] == Progress("trials", 1, 4)
    assert {one: answer.idempotency_key for one, answer in stored(people).items()} == {trial: "one", theirs: "three"}


def test_one_key_for_two_trials_does_not_take_the_others_along(people: Participation, together: Together) -> None:
    token, other = people.begin(), people.begin()
    (first, second, *_), (theirs, *_) = people.trials(token), people.trials(other)
    results = together((token, first, "one"), (token, second, "one"), (other, theirs, "two"))
    assert [type(result) for result in results] == [Progress, Conflict, Progress]
    assert str(results[1]) == "this idempotency key has been used for another trial"
    assert set(stored(people)) == {first, theirs}
    assert people.person(token).answered == 1


def test_a_database_in_trouble_fails_all_at_once(
    people: Participation, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [people.begin() for _ in range(3)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]
    commit = people.database.engine.dialect.do_commit
    refused: list[str] = []

    def fail_in_requests(connection: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            return commit(connection)
        refused.append("commit")
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as failing:
        failing.setattr(people.database.engine.dialect, "do_commit", fail_in_requests)
        assert [type(result) for result in together(*requests)] == [OperationalError] * 3
    assert refused == ["commit"]  # not once more for each
    assert stored(people) == {}
    assert together(*requests) == [Progress("trials", 1, 4)] * 3


def test_who_cannot_have_the_database_fails_with_all_who_wait(
    people: Participation, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = people.begin()
    trial, *_ = people.trials(token)
    asked: list[str] = []

    def busy() -> Any:
        asked.append("turn")
        raise Unavailable("the database is busy")

    with monkeypatch.context() as failing:
        failing.setattr(people.database, "writing_rows", busy)
        for _ in range(2):
            with pytest.raises(Unavailable, match="the database is busy"):
                people.record(token, trial)
    assert asked == ["turn"] * 2
    assert people.record(token, trial).answered == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_befalls_who_stores_alone_is_told_and_passes(
    people: Participation, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    token = people.begin()
    trial, *_ = people.trials(token)

    def fail(*_: Any) -> Any:
        raise error("by the way")

    with monkeypatch.context() as failing:
        failing.setattr(answers_module, "_objection", fail)
        for _ in range(2):
            with pytest.raises(error, match="by the way"):
                people.record(token, trial)
    assert people.record(token, trial).answered == 1


def test_one_answer_with_a_fault_of_its_own_does_not_take_the_others_along(
    people: Participation, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [people.begin() for _ in range(3)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]
    objection = answers_module._objection

    def refuse_the_second(answer: Any, *rest: Any) -> Exception | None:
        if answer.trial == requests[1][1]:
            raise ZeroDivisionError("the second")
        return objection(answer, *rest)

    with monkeypatch.context() as failing:
        failing.setattr(answers_module, "_objection", refuse_the_second)
        results = together(*requests)
    assert [type(result) for result in results] == [Progress, ZeroDivisionError, Progress]
    assert set(stored(people)) == {requests[0][1], requests[2][1]}


def test_who_ends_the_process_leaves_nobody_waiting(
    people: Participation, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [people.begin() for _ in range(3)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]

    def fail(*_: Any) -> Any:
        raise SystemExit("the server is stopped")

    with monkeypatch.context() as failing:
        failing.setattr(answers_module, "_objection", fail)
        assert [str(result) for result in together(*requests)] == ["the server is stopped"] * 3
    assert stored(people) == {}
    assert together(*requests) == [Progress("trials", 1, 4)] * 3


def test_who_ends_the_process_while_storing_one_by_one_leaves_nobody_waiting(
    people: Participation, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [people.begin() for _ in range(3)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]
    faults = iter([ZeroDivisionError("in the group"), SystemExit("alone")])

    def fail(*_: Any) -> Any:
        raise next(faults)

    with monkeypatch.context() as failing:
        failing.setattr(answers_module, "_objection", fail)
        results = together(*requests)
    assert [type(result) for result in results] == [SystemExit, Unavailable, Unavailable]
    assert [str(result) for result in results] == ["alone", *["the server is being stopped"] * 2]
    assert stored(people) == {}
    assert together(*requests) == [Progress("trials", 1, 4)] * 3


# --- many at a time, for whom no thread waits ------------------------------------------------------------------------


@pytest.fixture
def brought(people: Participation) -> Together:
    """brought((token, trial, key), …): as `together`, but a single thread brings them all; what each gets, in order.

    With `waits`, those at these places are waited for, each by a thread of its own.
    """

    def bring(*requests: tuple[str, str, str], waits: Sequence[int] = ()) -> list[Any]:
        results: list[Any] = [None] * len(requests)
        waiting = people.answers._commits._waiting

        def settle(place: int, result: Callable[[], Any]) -> None:
            try:
                results[place] = result()
            except BaseException as error:
                results[place] = error

        def send(place: int) -> None:
            token, trial, key = requests[place]
            given = (token, trial, key, RECORDED, receipts(people.study, trial))
            if place in waits:
                settle(place, lambda: people.answers.record(*given))
            else:
                people.answers.bring(*given, partial(settle, place))

        with people.database.writing():
            threads = []
            for place in range(len(requests)):
                threads.append(threading.Thread(target=send, args=(place,), daemon=True))
                threads[-1].start()
                _until(lambda place=place: len(waiting) > place or results[place] is not None)  # type: ignore[misc]
                if place and place not in waits:
                    threads[-1].join(10)
                    assert not threads[-1].is_alive()  # only the first has anything to do
        _until(lambda: None not in results)
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        return results

    return bring


def test_answers_that_were_brought_are_stored_together(
    people: Participation, brought: Together, commits: list[int]
) -> None:
    tokens = [people.begin() for _ in range(6)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]
    assert brought(*requests) == [Progress("trials", 1, 4)] * 6
    assert commits == [6]
    assert set(stored(people)) == {trial for _, trial, _ in requests}
    assert brought((tokens[0], people.trials(tokens[0])[0], "one more")) == [Progress("trials", 2, 4)]


@pytest.mark.parametrize("waits", [[0], [1], [5], [0, 3], [1, 2, 4]])
def test_threads_that_wait_and_answers_that_were_brought_get_on_together(
    people: Participation, brought: Together, commits: list[int], monkeypatch: pytest.MonkeyPatch, waits: list[int]
) -> None:
    monkeypatch.setattr(people.answers._commits, "_most_at_once", 1)
    tokens = [people.begin() for _ in range(6)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]
    assert brought(*requests, waits=waits) == [Progress("trials", 1, 4)] * 6
    assert commits == [1] * 6
    assert brought((tokens[0], people.trials(tokens[0])[0], "one more")) == [Progress("trials", 2, 4)]


def test_who_brings_what_is_no_answer_is_told_like_the_others(people: Participation, brought: Together) -> None:
    token, other = people.begin(), people.begin()
    (first, second, *_), (theirs, *_) = people.trials(token), people.trials(other)
    refused = (other, second, "x"), (token, "no such trial", "x")
    results = brought((token, first, "one"), (other, theirs, "two"), *refused)
    assert [type(result) for result in results] == [Progress, Progress, NotYours, NotFound]
    assert set(stored(people)) == {first, theirs}


@pytest.mark.parametrize("most_at_once", [1, 200])
def test_who_ends_the_process_leaves_nothing_that_was_brought_without_an_answer(
    people: Participation, brought: Together, monkeypatch: pytest.MonkeyPatch, most_at_once: int
) -> None:
    tokens = [people.begin() for _ in range(3)]
    requests = [(token, people.trials(token)[0], f"key-{token}") for token in tokens]

    def fail(*_: Any) -> Any:
        raise SystemExit("the server is stopped")

    with monkeypatch.context() as failing:
        failing.setattr(people.answers._commits, "_most_at_once", most_at_once)
        failing.setattr(answers_module, "_objection", fail)
        failing.setattr(threading, "excepthook", lambda _: None)
        stopped, *others = brought(*requests)
    assert str(stopped) == "the server is stopped"
    assert {type(other) for other in others} == {Unavailable if most_at_once == 1 else SystemExit}
    assert stored(people) == {}
    assert brought(*requests) == [Progress("trials", 1, 4)] * 3
