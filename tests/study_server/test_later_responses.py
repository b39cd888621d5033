"""Responses that are made when it is known what became of a request: who waits for one holds no thread."""

from __future__ import annotations

import gc
import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from flask import Flask, Response, session
from flask.testing import FlaskClient
from sqlalchemy import select

from one_worker import LARGE, PATIENCE_S, ask, body_of, connected, echo, read_to_end, request, working
from requests_of_a_participant import ANSWER, answer, begin, database, receipts_of
from study_server.errors import Unavailable
from study_server.folder import study_toml
from study_server.folder.study_folder import StudyFolder
from study_server.storage import models
from study_server.storage.database import Database
from study_server.storage.group_commit import GroupCommit
from study_server.storage.models import Trial
from study_server.web.app import create_app
from study_server.web.later import OFFER, Later, respond_when_known
from study_server.web.loop_calls import Calls
from study_server.web.several import create_server_app
from test_turn import held

Send = Callable[[Callable[[], Iterable[bytes]]], None]


class Waiting:
    """An application whose requests for /later wait for `answer`; others it answers as `echo`."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Send, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert environ[OFFER] is True
        if environ["PATH_INFO"] != "/later":
            return echo(environ, start_response)
        return Later(lambda send: self.waiting.append((send, start_response)))

    def answer(self, content: bytes = b"known", *, make: Callable[[Any], Iterable[bytes]] | None = None) -> None:
        """Answer whoever has waited longest, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        send, start_response = self.waiting.pop(0)
        send(saying(content, start_response) if make is None else lambda: make(start_response))


def saying(content: bytes, start_response: Any) -> Callable[[], Iterable[bytes]]:
    """A response, ready to be made."""

    def respond() -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    return respond


@pytest.fixture
def app() -> Waiting:
    return Waiting()


@pytest.fixture
def address(app: Waiting) -> Iterator[tuple[str, int]]:
    with working(app) as address:
        yield address


def test_who_waits_holds_no_thread_and_the_connection_goes_on(app: Waiting, address: tuple[str, int]) -> None:
    later = request("/later", close=False)
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(address, later)) for _ in range(20)]
        assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"  # of the only thread
        for number in range(len(clients)):
            app.answer(b"%02d" % number)
        assert sorted(body_of(client.recv(4096)) for client in clients) == [b"%02d" % n for n in range(20)]
        for client in clients:
            client.sendall(request("/again"))
            assert body_of(read_to_end(client)) == b"PUT /again "


def test_the_next_request_of_a_connection_is_answered_after_it(app: Waiting, address: tuple[str, int]) -> None:
    with connected(address, request("/later", close=False) + request("/next")) as client:
        assert ask(address, request())  # so that the others have been read
        app.answer(b"first")
        answers = read_to_end(client)
    assert answers.index(b"first") < answers.index(b"PUT /next")
    assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_who_has_left_a_request_takes_nothing_of_the_next_one() -> None:
    has_begun = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        def begin(send: Send) -> None:
            send(saying(b"known", start_response))
            assert has_begun.wait(PATIENCE_S)

        if environ["PATH_INFO"] == "/later":
            return Later(begin)
        has_begun.set()
        time.sleep(0.2)  # meanwhile the other thread ends
        return echo(environ, start_response)

    with working(app, threads=2) as address:
        answers = ask(address, request("/later", close=False) + request("/next", b"body"))
    assert answers.endswith(b"PUT /next body")


def test_what_the_network_does_not_take_at_once_is_sent_by_the_loop(app: Waiting, address: tuple[str, int]) -> None:
    with connected(address, request("/later"), window=4096) as client:
        app.answer(LARGE)
        assert body_of(read_to_end(client)) == LARGE


def test_a_response_that_cannot_be_made_is_told(
    app: Waiting, address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    def make(start_response: Any) -> Iterable[bytes]:
        raise OverflowError("by the way")

    with connected(address, request("/later", close=False)) as client:
        app.answer(make=make)
        assert read_to_end(client).startswith(b"HTTP/1.1 500 ")
    assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"


def test_a_response_that_breaks_off_is_not_taken_for_whole(app: Waiting, address: tuple[str, int]) -> None:
    def make(start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"beginning"
        raise SystemExit

    with connected(address, request("/later", close=False)) as client:
        app.answer(make=make)
        assert body_of(read_to_end(client)).startswith(b"beginning")
    assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"


def test_who_has_gone_meanwhile_is_forgotten(app: Waiting, address: tuple[str, int]) -> None:
    with connected(address, request("/later", close=False)):
        pass
    app.answer(LARGE)
    assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_who_fails_after_having_answered_answers_once(error: type[BaseException]) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        def begin(send: Send) -> None:
            send(saying(b"known", start_response))
            raise error

        return Later(begin)

    with working(app) as address:
        assert body_of(ask(address, request())) == b"known"
        assert body_of(ask(address, request())) == b"known"


def test_a_worker_that_is_stopped_waits_for_what_is_not_known_yet(app: Waiting) -> None:
    with ExitStack() as stack:
        with working(app, on_stop=app.answer) as address:
            client = stack.enter_context(connected(address, request("/later", close=False)))
            assert ask(address, request())
        assert body_of(read_to_end(client)) == b"known"


def test_the_loop_hears_of_everything_that_is_asked_of_it() -> None:
    calls, heard, asked, threads = Calls(), [], 2000, 4
    calls.init()

    def ask_often() -> None:
        for number in range(asked):
            calls.defer(heard.append, number)

    with ThreadPoolExecutor(threads) as pool:
        work = [pool.submit(ask_often) for _ in range(threads)]
        deadline = time.monotonic() + PATIENCE_S
        while len(heard) < asked * threads:
            assert time.monotonic() < deadline
            calls.run_callbacks(None)
        assert all(task.result() is None for task in work)
    assert sorted(heard) == sorted([*range(asked)] * threads)
    calls.close()


def test_what_is_loaded_is_not_searched_for_garbage() -> None:
    frozen: list[int] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        frozen.append(gc.get_freeze_count())
        return echo(environ, start_response)

    with working(app) as address:
        assert ask(address, request())
    assert frozen[0] > 10_000
    assert gc.get_freeze_count() == 0


# --- a view ----------------------------------------------------------------------------------------------------------


def viewed(outcome: Callable[[], int]) -> Flask:
    """An application with a view whose outcome is known to others."""
    app = Flask(__name__)
    app.secret_key = "secret"

    @app.put("/view")
    def view() -> Response:
        session["seen"] = True
        return respond_when_known(outcome, lambda then: then(outcome), lambda number: {"number": number})

    app.register_error_handler(Unavailable, lambda error: (f"sorry: {error}", 503))
    return app


def call(app: Flask, *, offer: bool) -> tuple[str, dict[str, str], bytes]:
    """What a view responds, at once or later."""
    started: list[Any] = []
    environ = app.test_request_context("/view", method="PUT").request.environ | ({OFFER: True} if offer else {})
    content: Any = app(environ, lambda status, headers: started.append((status, dict(headers))))
    if isinstance(content, Later):
        assert not started
        content.begin(lambda make: started.append(b"".join(make())))
    else:
        started.append(b"".join(content))
    (status, headers), body = started
    return status, headers, body


def fail(error: Exception) -> Callable[[], int]:
    def outcome() -> int:
        raise error

    return outcome


@pytest.mark.parametrize(
    ("outcome", "status", "says"),
    [
        (lambda: 7, "200 OK", b'{"number":7}\n'),
        (fail(Unavailable("not now")), "503 SERVICE UNAVAILABLE", b"sorry: not now"),
        (fail(ZeroDivisionError()), "500 INTERNAL SERVER ERROR", b"Internal Server Error"),
    ],
)
def test_a_view_responds_later_as_it_would_at_once(outcome: Callable[[], int], status: str, says: bytes) -> None:
    app = viewed(outcome)
    at_once, later = call(app, offer=False), call(app, offer=True)
    assert later[0] == at_once[0] == status
    assert later[2] == at_once[2]
    assert says in later[2]
    assert later[1].keys() == at_once[1].keys()
    assert later[1]["Content-Length"] == str(len(later[2]))
    assert later[1]["Content-Type"] == at_once[1]["Content-Type"]
    assert later[1]["Set-Cookie"] == at_once[1]["Set-Cookie"]


# --- answers to trials -----------------------------------------------------------------------------------------------


class Browser:
    """A participant of `app` who answers at a worker's address."""

    def __init__(self, app: Flask, address: tuple[str, int], root: str = "", language: str = "en") -> None:
        self.client: FlaskClient = app.test_client()
        self.trials = [trial["id"] for trial in begin(self.client)]
        cookie = self.client.get_cookie(app.config["SESSION_COOKIE_NAME"])
        assert cookie is not None
        self._app, self._address, self._root = app, address, root
        self._headers = {
            "Content-Type": "application/json", "Accept-Language": language, "Cookie": f"{cookie.key}={cookie.value}",
        }  # fmt: skip

    def answer(self, trial: str, **changes: Any) -> tuple[int, dict[str, Any], http.client.HTTPMessage]:
        """Status, content and headers of the response."""
        body = ANSWER | {"idempotency_key": f"key-of-{trial}"[:60].replace("_", "x")} | receipts_of(self._app, trial)
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE_S)
        path = f"{self._root}/api/trials/{trial}/response"
        connection.request("PUT", path, json.dumps(body | changes), self._headers)
        response = connection.getresponse()
        said = response.status, json.loads(response.read()), response.headers
        connection.close()
        return said


@pytest.fixture
def study_app(study: StudyFolder) -> Iterator[Flask]:
    app = create_app(study)
    yield app
    database(app).close()


def test_answers_are_stored_and_refused_as_in_a_thread_that_waits(study_app: Flask) -> None:
    other = study_app.test_client()
    others = [trial["id"] for trial in begin(other)]
    with working(study_app.wsgi_app) as address:
        browser = Browser(study_app, address)
        first, second, *rest = browser.trials
        status, said, headers = browser.answer(first)
        assert (status, said) == (200, answer(other, others[0]).json)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Type"] == "application/json"
        assert browser.answer(first)[:2] == (200, said)
        for trial, changes, reason in [
            (first, {"response": "different"}, 409),
            (others[1], {}, 403),
            ("x" * 22, {}, 404),
            ("x" * 33, {}, 404),
            (second, {"response": "perhaps"}, 400),
            (second, {"sent": {}}, 409),
        ]:
            status, said, _ = browser.answer(trial, **changes)
            assert (status, said) == (reason, answer(browser.client, trial, **changes).json)
        for trial in [second, *rest]:
            status, said, _ = browser.answer(trial)
            assert status == 200
        assert said == {"stage": "questions", "answered": 10, "total": 10, "next": "/questions", "superseded": False}
    assert sorted(stored(study_app)) == sorted([*browser.trials, others[0]])


def stored(app: Flask) -> list[str]:
    """Trials that have an answer, in order."""
    with database(app).reading_rows() as rows:
        return list(rows.scalars(select(Trial.token).join(models.Response)))


def test_a_refusal_is_in_the_words_of_who_asked(study_app: Flask) -> None:
    with working(study_app.wsgi_app) as address:
        english, german = (Browser(study_app, address, language=name) for name in ("en", "de"))
        assert english.answer(english.trials[0], sent={})[1]["error"].startswith("The pictures of this trial")
        assert german.answer(german.trials[0], sent={})[1]["error"].startswith("Die Bilder")


def test_the_next_page_is_that_of_the_study_among_several(study: StudyFolder, tmp_path: Path) -> None:
    there = Path(shutil.copytree(study.path, tmp_path / "there"))
    named = replace(study.settings, study=replace(study.settings.study, name="there"))
    study_toml.write_settings(named, there / study_toml.FILE_NAME)
    app = create_server_app([study, StudyFolder(there)])
    mounted: Flask = app.mounts["/there"]
    with working(app) as address:
        browser = Browser(mounted, address, root="/there")
        said = [browser.answer(trial)[1] for trial in browser.trials]
    assert [one["next"] for one in said] == [None] * 9 + ["/there/questions"]
    for one in app.mounts.values():
        database(one).close()


def test_who_waits_for_the_database_holds_one_thread_together(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(study, Database(study.database_url, busy_timeout_s=PATIENCE_S))
    commits: GroupCommit[Any, Any, Any] = app.extensions["answers"]._commits
    with working(app.wsgi_app, threads=2) as address, ThreadPoolExecutor(8) as pool:
        browsers = [Browser(app, address) for _ in range(8)]
        with held(study.path / "study.db"):
            work = [pool.submit(browser.answer, browser.trials[0]) for browser in browsers]
            while len(commits._waiting) < 8:
                assert not any(task.done() for task in work)
            with urlopen("http://{}:{}/static/icon.svg".format(*address), timeout=PATIENCE_S) as page:
                assert page.status == 200
            assert not any(task.done() for task in work)
        assert [task.result(PATIENCE_S)[:2] for task in work] == [
            (200, {"stage": "trials", "answered": 1, "total": 10, "next": None, "superseded": False})
        ] * 8
    assert len(stored(app)) == 8
    database(app).close()


def test_all_are_asked_to_come_again_where_the_database_has_no_time(study: StudyFolder) -> None:
    app = create_app(study, Database(study.database_url, busy_timeout_s=0.3))
    with working(app.wsgi_app, threads=2) as address, ThreadPoolExecutor(8) as pool:
        browsers = [Browser(app, address) for _ in range(8)]
        with held(study.path / "study.db"):
            refused = list(pool.map(lambda browser: browser.answer(browser.trials[0]), browsers))
        assert {(status, headers["Retry-After"]) for status, _, headers in refused} == {(503, "5")}
        assert not stored(app)
        again = pool.map(lambda browser: browser.answer(browser.trials[0]), browsers)
        assert {status for status, *_ in again} == {200}
    database(app).close()
