"""A worker of the server in a thread of the test, with any application, and what is sent to it byte by byte."""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from study_server.web.app import MAX_REQUEST_BYTES
from study_server.web.patient_worker import PatientWorker

PATIENCE_S = 20
LARGE = bytes(range(256)) * 64 * 1024  # 16 MB: more than any socket takes at once


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(self, app: Callable[..., Iterable[bytes]], **options: int) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app


class _Worker(PatientWorker):
    def init_signals(self) -> None:
        pass  # they are pytest's


@contextmanager
def working(
    app: Callable[..., Iterable[bytes]],
    *,
    threads: int = 1,
    connections: int = 1000,
    on_stop: Callable[[], object] = lambda: None,
) -> Iterator[tuple[str, int]]:
    """The address of a worker in a thread of this process; `on_stop` is called when it has been told to stop."""
    application = _Application(app, threads=threads, worker_connections=connections, keepalive=1000)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    address = listener.getsockname()
    worker = _Worker(1, os.getppid(), [listener], application, 60, application.cfg, Logger(application.cfg))
    thread = threading.Thread(target=worker.init_process)
    collects_after = gc.get_threshold()
    thread.start()
    try:
        yield address
    finally:
        worker.handle_exit(None, None)
        on_stop()
        thread.join()
        gc.unfreeze()
        gc.set_threshold(*collects_after)
        worker.tmp.close()
        for end in worker.PIPE:
            os.close(end)
    assert worker.nr_conns == 0


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Method, path, and body of a request; of /large, very much."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_REQUEST_BYTES:
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return []
    body = environ["wsgi.input"].read()
    assert len(body) == length
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    said = LARGE if path == "/large" else f"{method} {path} ".encode()
    start_response("200 OK", [("Content-Length", str(len(said + body)))])
    return [said + body]


@contextmanager
def connected(address: tuple[str, int], beginning: bytes = b"", *, window: int = 0) -> Iterator[socket.socket]:
    """A connection on which this has been sent."""
    with socket.socket() as connection:
        connection.settimeout(PATIENCE_S)
        if window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        connection.connect(address)
        connection.sendall(beginning)
        yield connection


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    parts = []
    while part := connection.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def request(path: str = "/", body: bytes = b"", *, close: bool = True, more: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    connection = "Connection: close\r\n" if close else ""
    return f"PUT {path} HTTP/1.1\r\nHost: x\r\n{connection}{length}{more}\r\n".encode() + body


def ask(address: tuple[str, int], sent: bytes) -> bytes:
    with connected(address, sent) as connection:
        return read_to_end(connection)
