"""Clients who hold on to a server, and what others notice of it. The tests run it once; by hand, kind by kind:

PYTHONPATH=tests:tests/study_server python tests/study_server/slow_clients.py --clients 256 --seconds 30
"""

from __future__ import annotations

import argparse
import http.client
import select
import socket
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from small_study import make_small_study
from study_server.web.background_server import running_server

_HEAD = b"Host: localhost\r\n"
_LARGE = b"GET /static/style.css HTTP/1.1\r\n" + _HEAD + b"\r\n"
BEGINNINGS = {
    "half a head": b"GET / HTTP/1.1\r\n" + _HEAD,
    "half a body": b"POST /consent HTTP/1.1\r\n" + _HEAD + b"Content-Length: 100\r\n\r\nx",
    "a byte now and then": b"G",
    "nothing": b"",
    "answers unread": _LARGE * 1000,
    "left open": b"GET / HTTP/1.0\r\n\r\n",
}
"""What clients of each kind send before they do nothing more, not even close their connection."""
_DRIP_S = 3.0


@dataclass
class Figures:
    """What others noticed, and when the last client of the kind was closed: None if not while it was measured."""

    kinds: str
    clients: int
    asked: int = 0
    answered: int = 0
    slowest_s: float = 0.0
    still_open: int = 0
    closed_after_s: float = 0.0


def measure(url: str, kinds: Sequence[str], *, clients: int, seconds: float, patience_s: float = 5.0) -> Figures:
    """Hold on to a server with so many clients of these kinds in turn, until all are closed or the time is up.

    Meanwhile four others ask for the first page, each on a new connection, and give up after patience_s.
    """
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    figures = Figures(", ".join(kinds), clients)
    slow = [_Client(kinds[number % len(kinds)], address) for number in range(clients)]
    began = time.monotonic()
    others = [_Other(address, patience_s) for _ in range(4)]
    dripped = began
    while slow and time.monotonic() < began + seconds:
        if time.monotonic() > dripped + _DRIP_S:
            dripped = time.monotonic()
            for client in slow:
                client.drip()
        time.sleep(0.05)
        slow = [client for client in slow if not client.is_closed()]
        if not slow:
            figures.closed_after_s = time.monotonic() - began
    figures.still_open = len(slow)
    for other in others:
        other.stop()
        figures.asked += other.asked
        figures.answered += other.answered
        figures.slowest_s = max(figures.slowest_s, other.slowest_s)
    for client in slow:
        client.socket.close()
    return figures


class _Client:
    def __init__(self, kind: str, address: tuple[str, int]) -> None:
        self._kind = kind
        self.socket = socket.socket()
        if kind == "answers unread":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(5)
        self.socket.connect(address)
        self.socket.setblocking(False)
        with suppress(BlockingIOError, ConnectionError):
            self.socket.send(BEGINNINGS[kind])

    def drip(self) -> None:
        if self._kind == "a byte now and then":
            with suppress(BlockingIOError, ConnectionError):
                self.socket.send(b"E")

    def is_closed(self) -> bool:
        """Whether the server has closed it; what it has sent before is read by those who read."""
        if self._kind == "left open":
            return False  # what the server does then, nobody sees from here
        watch = select.poll()
        watch.register(self.socket, 0 if self._kind == "answers unread" else select.POLLIN)
        for _, events in watch.poll(0):
            with suppress(BlockingIOError, ConnectionError):
                if events == select.POLLIN and self.socket.recv(65536):
                    return False
            self.socket.close()
            return True
        return False


class _Other:
    """Who wants nothing but an answer."""

    def __init__(self, address: tuple[str, int], patience_s: float) -> None:
        self._address, self._patience_s = address, patience_s
        self.asked = self.answered = 0
        self.slowest_s = 0.0
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._enough.is_set():
            self.asked += 1
            began = time.monotonic()
            connection = http.client.HTTPConnection(*self._address, timeout=self._patience_s)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/")
                if connection.getresponse().read():
                    self.answered += 1
            connection.close()
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self._enough.wait(0.25)


def main() -> None:
    """Prints figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=30, help="at most, for each kind")
    parser.add_argument("--kind", action="append", choices=[*BEGINNINGS], help="only this; may be given several times")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        study = make_small_study(Path(home) / "study")
        for kind in options.kind or BEGINNINGS:
            with running_server(study) as url:
                print(measure(url, [kind], clients=options.clients, seconds=options.seconds), flush=True)


if __name__ == "__main__":
    main()
