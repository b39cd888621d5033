"""A gunicorn worker whose threads wait for no client.

gunicorn's own (gthread) gives a connection to a thread at its first byte, and the thread then waits for the rest of the
request, and for the client to take the answer: a few dozen clients who do neither stop a server. Here the loop of the
process, which waits for all its connections at once, reads the requests and sends what the network does not take
immediately. A thread gets whole requests only, and leaves its answer behind. Nor need a thread wait until it is known
what became of a request (later.py): who knows it makes the answer.
"""

from __future__ import annotations

import errno
import gc
import re
import resource
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Literal, NamedTuple

from gunicorn import util
from gunicorn.http import get_parser, wsgi
from gunicorn.http.wsgi import FileWrapper
from gunicorn.workers.gthread import TConn, ThreadWorker

from study_server.web.app import MAX_REQUEST_BYTES
from study_server.web.later import OFFER, Content, Later
from study_server.web.loop_calls import Calls

READ_S = 10.0
"""A request is here so long after its first byte, and the first byte so long after the connection, or never."""
SEND_S = 20.0
"""A client takes some of an answer in this time, or never."""
LINGER_S = 2.0
"""How long what a client still sends is read after the last answer: to close at once could take that back."""
MAX_HEAD_BYTES = 16 * 1024

_NEW_OBJECTS = 10_000
"""After so many Python looks for garbage that refers to itself.

A hundred requests at a time are more than its usual 700, and none of it is garbage yet. Each time that they seemed to
stay, everything that the process has loaded was looked through as well, which takes a tenth of a second.
"""

_PIECE = 64 * 1024
_MAX_UNSENT = 1024 * 1024  # of an answer made in pieces; one in a single piece is kept whole
_FILES_OTHERWISE = 512  # a process has open beside its connections: databases, images, libraries

_HEAD_END = re.compile(rb"\n\r?\n")  # a bare newline ends no request, but gunicorn is to say so
_FRAMING = re.compile(rb"\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"[0-9]{1,9}[ \t]*")


class _Refusal(NamedTuple):
    status: int
    reason: str
    sentence: str


_NO_LENGTH = _Refusal(411, "Length Required", "A request that has a body must say how long it is: send Content-Length.")
_LONG_HEAD = _Refusal(431, "Request Header Fields Too Large", f"A request's head has {MAX_HEAD_BYTES} bytes at most.")

_LATER = object()
"""What comes of handling a request that another thread answers."""

_Standing = Literal["lacking", "whole", "gone"] | _Refusal


class _Socket(socket.socket):
    """Waits for nobody: what the network does not take of an answer is kept, for the worker's loop to send."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        super().setblocking(False)
        self.unsent = bytearray()

    def setblocking(self, flag: bool) -> None:
        """Leave it as it is: gunicorn's threads would wait."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send or keep. Who makes an answer in pieces makes no more of them than the client takes."""
        if len(self.unsent) > _MAX_UNSENT:
            self._await_room()
        self.unsent += data
        if len(self.unsent) >= _PIECE:
            self.flush()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """As `sendall`: the files are small, those of the pages."""
        file.seek(offset)
        data = file.read(count)
        self.sendall(data)
        return len(data)

    def flush(self) -> None:
        """Send what the network takes now."""
        with suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.send(self.unsent)]

    def _await_room(self) -> None:
        room = select.poll()
        room.register(self, select.POLLOUT)
        while len(self.unsent) > _MAX_UNSENT:
            if not room.poll(SEND_S * 1000):
                raise ConnectionResetError(errno.ECONNRESET, "the client does not take the answer")
            self.flush()


class _Connection(TConn):  # type: ignore[misc]
    """A client's connection, and what has come of its next request."""

    sock: _Socket

    def __init__(self, worker: PatientWorker, accepted: TConn) -> None:
        super().__init__(worker.cfg, _Socket(accepted.sock), accepted.client, accepted.server)
        self.initialized = self.data_ready = True  # nothing is left that a thread would wait for
        self._worker = worker
        self._received = bytearray()
        self._searched = 0
        self._whole_at: int | None = None
        self._waits_for_permission = False
        self.is_cut = False
        """The body is longer than the application takes, or of unknown length: the thread gets the beginning of it."""

    def go_on(self) -> _Standing:
        """Begin with the next request, of which some may have come with the last one."""
        rest = self.parser.unreader.take_buffered() if self.parser else b""
        if not rest:
            return self.receive()
        self._received += rest
        return self._standing()

    def receive(self) -> _Standing:
        """Take what has come; how it stands with the request."""
        try:
            came = self.sock.recv(_PIECE)
        except BlockingIOError:
            return "lacking"
        except OSError:
            return "gone"
        if not came:
            return "gone"
        self._received += came
        return self._standing()

    def _standing(self) -> _Standing:
        if self._whole_at is None:
            end = _HEAD_END.search(self._received, max(0, self._searched - 3))
            self._searched = len(self._received)
            if (end.end() if end else len(self._received)) > MAX_HEAD_BYTES:
                return _LONG_HEAD
            if not end:
                return "lacking"
            fields = {name.lower(): value for name, value in _FRAMING.findall(self._received, 0, end.end())}
            if b"transfer-encoding" in fields:
                return _NO_LENGTH
            length = fields.get(b"content-length", b"0")
            # What is no length gunicorn refuses.
            body = int(length) if _LENGTH.fullmatch(length) else MAX_REQUEST_BYTES + 1
            self.is_cut = body > MAX_REQUEST_BYTES
            self._whole_at = end.end() + (0 if self.is_cut else body)
            self._waits_for_permission = fields.get(b"expect", b"").lower().startswith(b"100-continue")
        if len(self._received) >= self._whole_at:
            return "whole"
        if self._waits_for_permission:
            self._waits_for_permission = False
            with suppress(OSError):
                self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return "lacking"

    def hand_over(self) -> None:
        """Let gunicorn parse what has come. It gets the bytes, not the socket: it could only wait for more."""
        self.parser = get_parser(self.cfg, [bytes(self._received)], self.client)
        self._received.clear()
        self._searched, self._whole_at = 0, None

    def close(self, graceful: bool = False) -> None:
        """Close it; gracefully where what was answered may still be on its way."""
        if not (graceful and self._worker.linger(self)):
            super().close()


class _Answered:
    """What gunicorn learns from a thread's future: whether the connection may serve another request."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep

    def cancelled(self) -> bool:
        """It never is."""
        return False

    def result(self) -> bool:
        """Whether it may."""
        return self._keep


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads, but its loop waits for the clients."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.method_queue = Calls()
        self._waiting: dict[_Connection, None] = {}  # for a client, who waits longest first
        self._next_look = 0.0

    def load_wsgi(self) -> None:
        """Load the application, and leave what it consists of alone afterwards."""
        super().load_wsgi()
        gc.freeze()
        gc.set_threshold(_NEW_OBJECTS)

    def accept(self, listener: Any) -> None:
        """Take a connection. Where there are too many, the one that has been waited for longest makes room."""
        if self.nr_conns + 1 >= self.worker_connections:
            if self._waiting:
                self._drop(next(iter(self._waiting)))
            elif self.keepalived_conns:
                idle = self.keepalived_conns.popleft()
                self.poller.unregister(idle.sock)
                self._drop(idle)
        super().accept(listener)

    def on_client_socket_readable(self, conn: _Connection, client: _Socket) -> None:
        """The next request of a connection begins, unless it has just made room for another."""
        if client.fileno() != -1:
            super().on_client_socket_readable(conn, client)

    def enqueue_req(self, conn: TConn) -> None:
        """Give the connection to a thread as soon as a whole request is here."""
        if not isinstance(conn, _Connection):
            conn = _Connection(self, conn)
        self._see(conn, conn.go_on())

    def _see(self, conn: _Connection, standing: _Standing) -> None:
        if standing == "lacking":
            if conn not in self._waiting:
                self._wait(conn, EVENT_READ, READ_S, lambda: self._see(conn, conn.receive()))
        elif standing == "gone":
            self._drop(conn)
        else:
            self._wait_no_more(conn)
            if standing == "whole":
                conn.hand_over()
                self.tpool.submit(self._serve, conn)
            else:
                self._refuse(conn, standing)

    def _refuse(self, conn: _Connection, refusal: _Refusal) -> None:
        with suppress(OSError):
            util.write_error(conn.sock, *refusal)
            conn.sock.flush()
        self.nr_conns -= 1
        conn.close(graceful=True)

    def _serve(self, conn: _Connection) -> None:
        """In a thread: answer the request as far as the network takes the answer, or have it answered."""
        keep: object = False
        try:
            keep = self.handle(conn)
            if keep is not _LATER:
                conn.sock.flush()
        except OSError:  # nobody is there any more
            conn.sock.unsent.clear()
            keep = False
        finally:
            if keep is not _LATER:
                self.method_queue.defer(self.finish_request, conn, _Answered(bool(keep)))

    def handle_request(self, req: Any, conn: _Connection) -> Any:
        """In a thread: answer the request; the last one of its connection if the rest of it is still to come.

        As gunicorn's does, but for its hooks and its log of requests, which nobody here asks for.
        """
        resp, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = environ[OFFER] = True
        if conn.is_cut or not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            resp.force_close()
        answered = self._answer(resp, lambda: self.wsgi(environ, resp.start_response))
        if not isinstance(answered, Later):
            return answered
        try:
            answered.begin(partial(self._answer_later, req, conn, resp))
        except BaseException:  # of who does it; whoever waited for that has been told
            self.log.exception("What requests wait for was broken off")
        return _LATER

    def _answer(self, resp: Any, make: Content) -> bool | Later:
        """Make the answer and write it; whether the connection may serve another request."""
        try:
            content = make()
            if isinstance(content, Later):
                return content
            try:
                if isinstance(content, FileWrapper):
                    resp.write_file(content)
                else:
                    for piece in content:
                        resp.write(piece)
                resp.close()
            finally:
                if hasattr(content, "close"):
                    content.close()
        except Exception as error:
            if isinstance(error, OSError) or not resp.headers_sent:
                raise
            self.log.exception("An answer broke off")
            return False
        return not resp.should_close()

    def _answer_later(self, req: Any, conn: _Connection, resp: Any, make: Content) -> None:
        """In any thread: answer the request that has left its own. It raises nothing: others are to be answered too."""
        keep = False
        try:
            keep = self._keepalive_after(conn, self._answer(resp, make))
        except OSError:
            pass  # nobody is there any more
        except BaseException as error:
            self.handle_error(req, conn.sock, conn.client, error)
        self.method_queue.defer(self.finish_request, conn, _Answered(keep))

    def _keepalive_after(self, conn: _Connection, keepalive: Any) -> Any:
        """Leave a connection alone whose request another thread answers: it may have done so already."""
        return keepalive if keepalive is _LATER else super()._keepalive_after(conn, keepalive)

    def finish_request(self, conn: _Connection, fs: _Answered) -> None:
        """Send what is left of the answer, then go on with the connection or close it."""
        if not self._flush(conn):
            return
        if conn.sock.unsent:
            self._wait(conn, EVENT_WRITE, SEND_S, partial(self._send, conn, fs))
        else:
            super().finish_request(conn, fs)

    def _send(self, conn: _Connection, fs: _Answered) -> None:
        if not self._flush(conn):
            return
        if conn.sock.unsent:
            conn.timeout = time.monotonic() + SEND_S
        else:
            self._wait_no_more(conn)
            super().finish_request(conn, fs)

    def _flush(self, conn: _Connection) -> bool:
        """Send what the network takes; False where nobody is there any more."""
        try:
            conn.sock.flush()
        except OSError:
            self._drop(conn)
            return False
        return True

    def linger(self, conn: _Connection) -> bool:
        """Say that there are no more answers, and read on for a moment; False if nobody is there."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        self.nr_conns += 1
        self._wait(conn, EVENT_READ, LINGER_S, partial(self._forget, conn))
        return True

    def _forget(self, conn: _Connection) -> None:
        with suppress(BlockingIOError):
            try:
                if conn.sock.recv(_PIECE):
                    return
            except ConnectionError:
                pass
            self._drop(conn)

    def _wait(self, conn: _Connection, event: int, seconds: float, then: Callable[[], None]) -> None:
        conn.timeout = time.monotonic() + seconds
        self._waiting[conn] = None
        # It may have had to make room for one that was accepted at the same moment.
        self.poller.register(conn.sock, event, lambda _: then() if conn in self._waiting else None)

    def _wait_no_more(self, conn: _Connection) -> None:
        if conn in self._waiting:
            del self._waiting[conn]
            self.poller.unregister(conn.sock)

    def _drop(self, conn: _Connection) -> None:
        self._wait_no_more(conn)
        self.nr_conns -= 1
        if conn.sock.unsent:
            with suppress(OSError):  # the system is not to keep what nobody takes
                conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    def murder_pending(self) -> None:
        """Once a second, close the connections whose time is up."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + 1
        for conn in [conn for conn in self._waiting if conn.timeout <= now]:
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops waits no longer than this for requests that have begun; answers are sent to their end."""
        super()._cap_keepalive(deadline)
        for conn in self._waiting:
            if not conn.sock.unsent:
                conn.timeout = min(conn.timeout, deadline)


def connections_at_most(wanted: int) -> int:
    """How many connections a process can hold, having been allowed as many open files as that takes, if possible."""
    files = wanted + _FILES_OTHERWISE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        with suppress(ValueError, OSError):  # macOS has a limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - _FILES_OTHERWISE))
