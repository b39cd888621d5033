"""Clients who send half a request, or take no answer: they hold no thread, and are closed in the end."""

from __future__ import annotations

import resource
import select
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from one_worker import LARGE, PATIENCE_S, ask, body_of, connected, echo, read_to_end, request, working
from slow_clients import BEGINNINGS, measure
from small_study import make_small_study
from study_server.web import patient_worker
from study_server.web.app import MAX_REQUEST_BYTES
from study_server.web.background_server import running_server
from study_server.web.patient_worker import connections_at_most


@pytest.mark.long
@pytest.mark.slow
def test_a_server_answers_beside_clients_who_do_not_go_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    kinds = [kind for kind in BEGINNINGS if kind != "left open"]
    with running_server(make_small_study(tmp_path_factory.mktemp("small") / "study")) as url:
        figures = measure(url, kinds, clients=256, seconds=60)
        assert figures.still_open == 0
        assert figures.answered == figures.asked > 0
        figures = measure(url, ["left open"], clients=64, seconds=3)
        assert figures.answered == figures.asked > 0


# --- a worker of our own, with a single thread -----------------------------------------------------------------------


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with working(echo) as address:
        yield address


def test_a_request_may_come_in_any_pieces(address: tuple[str, int]) -> None:
    sent = request("/a", b"0123456789")
    for size in (1, 7, len(sent) - 1):
        with connected(address) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(sent), size):
                connection.sendall(sent[at : at + size])
                assert ask(address, request())  # so that the piece has been read
            assert body_of(read_to_end(connection)) == b"PUT /a 0123456789"


def test_requests_sent_at_once_are_answered_one_after_the_other(address: tuple[str, int]) -> None:
    sent = [request("/a", b"body", close=False), request("/b", close=False), request("/c", b"x" * 9000)]
    whole = b"".join(sent)
    for first in (len(whole), len(sent[0]) + 5, len(whole) - 1):
        with connected(address, whole[:first]) as connection:
            connection.sendall(whole[first:])
            answers = read_to_end(connection)
        assert answers.count(b"HTTP/1.1 200 OK") == 3
        assert answers.index(b"PUT /a body") < answers.index(b"PUT /b ") < answers.index(b"PUT /c xxx")


def test_a_connection_serves_one_request_after_another(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        for number in range(3):
            connection.sendall(request(f"/{number}", close=False))
            assert body_of(connection.recv(4096)) == f"PUT /{number} ".encode()


@pytest.mark.parametrize("kind", ["half a head", "half a body", "a byte now and then", "nothing", "left open"])
def test_who_does_not_go_on_holds_no_thread(address: tuple[str, int], kind: str) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connected(address, BEGINNINGS[kind]))
        assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"


@pytest.mark.parametrize("kind", ["half a head", "half a body", "a byte now and then", "nothing"])
def test_who_does_not_go_on_is_closed(address: tuple[str, int], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_worker, "READ_S", 0)
    with connected(address, BEGINNINGS[kind]) as connection:
        assert read_to_end(connection) == b""


@pytest.mark.slow
def test_who_takes_no_answer_holds_no_thread_and_loses_nothing(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(connected(address, request("/large"), window=4096)) for _ in range(3)]
        assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"
        for reader in readers:
            assert body_of(read_to_end(reader)) == LARGE


@pytest.mark.slow
@pytest.mark.parametrize("taken", [0, 6_000_000])
def test_who_takes_no_answer_is_closed(address: tuple[str, int], taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_worker, "SEND_S", 0.5 if taken else 0)
    with connected(address, request("/large"), window=4096) as connection:
        while taken > 0:
            taken -= len(connection.recv(taken))
        closed = select.poll()
        closed.register(connection, 0)
        assert closed.poll(PATIENCE_S * 1000)


@pytest.mark.slow
def test_an_answer_in_pieces_is_not_made_faster_than_it_is_taken() -> None:
    made = []

    def download(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        for number in range(64):
            made.append(number)
            yield LARGE[: 1 << 20]

    with working(download) as address, connected(address, request(), window=4096) as connection:
        taken = 0
        while taken < 16 << 20:
            taken += len(connection.recv(1 << 16))
        assert len(made) < 32
        assert taken + len(read_to_end(connection)) > 64 << 20
    assert len(made) == 64


def test_who_takes_no_download_frees_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_worker, "SEND_S", 0.1)

    def download(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return (LARGE for _ in range(64 if environ["PATH_INFO"] == "/large" else 0))

    with working(download) as address, connected(address, request("/large"), window=4096):
        assert ask(address, request("/other")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(body=b"x" * (MAX_REQUEST_BYTES + 1), close=False), 413),
        (request(more=f"Content-Length: {'9' * 5000}\r\n", close=False), 400),
        (request(more=f"Content-Length: {'9' * 12}\r\n", close=False), 413),
        (request(more="Content-Length: -1\r\n", close=False), 400),
        (request(more="Content-Length: 1\r\nContent-Length: 1\r\n", body=b"x"), 400),
        (request(more="Transfer-Encoding: chunked\r\n") + b"1\r\nx\r\n0\r\n\r\n", 411),
        (request(more=f"Cookie: {'x' * 20_000}\r\n"), 431),
        (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 20_000, 431),
        (b"GET / HTTP/1.1\n\n", 400),
        (b"\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_read_is_refused_and_closed(address: tuple[str, int], sent: bytes, status: int) -> None:
    answer = ask(address, sent)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in answer


def test_who_asks_for_permission_gets_it_before_the_body(address: tuple[str, int]) -> None:
    sent = request(body=b"body", more="Expect: 100-continue\r\n")
    with connected(address, sent[:-4]) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(sent[-4:])
        assert body_of(read_to_end(connection)).endswith(b"PUT / body")


def test_where_there_are_too_many_the_one_that_waits_longest_makes_room() -> None:
    with working(echo, connections=8) as address, ExitStack() as stack:
        silent = [stack.enter_context(connected(address)) for _ in range(20)]
        assert body_of(ask(address, request("/", b"honest"))) == b"PUT / honest"
        assert read_to_end(silent[0]) == b""


def test_idle_connections_make_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_worker, "LINGER_S", 1000)
    together = threading.Barrier(5)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/together":
            together.wait(PATIENCE_S)
        return echo(environ, start_response)

    with working(app, threads=5, connections=8) as address, ExitStack() as stack:
        # Each is told that it may stay open, which no more than three should be: nobody had stayed when it was asked.
        for path in ["/"] * 2 + ["/together"] * 5:
            idle = stack.enter_context(connected(address, request(path, close=False)))
            if path == "/":
                assert idle.recv(4096)
        assert b"keep-alive" in idle.recv(4096)
        stack.enter_context(connected(address, BEGINNINGS["left open"]))
        for _ in range(3):
            assert ask(address, request("/", b"honest")).endswith(b"PUT / honest")


def test_an_answer_that_breaks_off_breaks_nothing_else() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"beginning"
        if environ["PATH_INFO"] == "/broken":
            raise OverflowError
        yield b"."

    with working(app) as address:
        ask(address, request("/broken"))
        assert body_of(ask(address, request())) == b"beginning."


@pytest.mark.slow
def test_a_worker_that_is_stopped_answers_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_worker, "READ_S", 1000)
    answers = {}
    asked, stopped = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/last":
            asked.set()
            assert stopped.wait(PATIENCE_S)
        return echo(environ, start_response)

    def stop() -> None:
        stopped.set()
        answers["silent"] = read_to_end(silent)
        answers["large"] = read_to_end(reader)

    with ExitStack() as stack:
        with working(app, on_stop=stop) as address:
            silent = stack.enter_context(connected(address))
            reader = stack.enter_context(connected(address, request("/large"), window=4096))
            last = stack.enter_context(connected(address, request("/last", b"honest", close=False)))
            assert asked.wait(PATIENCE_S)
        assert body_of(read_to_end(last)) == b"PUT /last honest"
        assert answers["silent"] == b""
        assert body_of(answers["large"]) == LARGE


def test_a_process_takes_no_more_connections_than_it_may_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [1024, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda which: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limits.__setitem__(slice(None), pair))
    assert connections_at_most(10) == 10
    assert limits == [1024, 4096]
    assert 3000 < connections_at_most(10_000) < 4096
    assert limits == [4096, 4096]
    limits[:] = [1024, resource.RLIM_INFINITY]
    assert connections_at_most(10_000) == 10_000
    assert limits[0] > 10_000
