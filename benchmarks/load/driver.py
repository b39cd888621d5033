"""Many participants at once, each on a keep-alive connection of its own, driven by one thread of one process.

A participant is a generator: it yields a request (`Ask`) and is sent the reply, or yields a float and is woken after
that many seconds. `drive` runs them in a process of its own, so that what starts the servers and counts does not
compete with the clock.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, NamedTuple

from benchmarks.load.http import Reply, ReplyParser

TIMEOUT_S = 60.0
"""A request without a reply for so long is an error."""


class Ask(NamedTuple):
    """A request, and of what kind it is: figures are kept by kind."""

    kind: str
    request: bytes


Script = Generator["Ask | float", Any, Any]
"""A participant; a reply is sent for an Ask, None for a pause. What it returns is in `Outcome.results`."""


class Failed(Exception):
    """A participant was answered something that they cannot go on with."""


@dataclass
class Outcome:
    """What came of driving."""

    seconds: float = 0.0
    """From the start to the end of the window: the time limit, or the first participant who had nothing left to do."""
    in_window: Counter[str] = field(default_factory=Counter)
    """Requests of each kind answered without error within the window."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    """Likewise, with those that were on their way when the window closed."""
    latencies_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By kind, of the requests in the window."""
    errors: Counter[str] = field(default_factory=Counter)
    reopened: int = 0
    """Connections that the server had closed between two requests, and that were opened anew, as browsers do."""
    bytes_received: int = 0
    peak_in_flight: int = 0
    """Most participants under way at the same time."""
    client_cpu_s: float = 0.0
    asked: list[int] = field(default_factory=list)
    """Of each participant, the requests sent."""
    results: list[Any] = field(default_factory=list)
    """Of each participant, what the script returned; None where it did not come to its end."""


def drive(
    make_scripts: Callable[..., Sequence[Script]],
    *arguments: Any,
    host: str,
    port: int,
    seconds: float | None = None,
    starts_s: Sequence[float] | None = None,
    stop_at_first: bool = False,
) -> Outcome:
    """Run the scripts that `make_scripts(*arguments)` gives in the other process.

    seconds: time limit; requests on their way are waited for. stop_at_first: the first script that ends is the limit.
    starts_s: when each participant arrives; without it all connect first and then begin at the same moment.
    """
    # Started anew, not forked: the client's process has nothing of this one's memory to collect.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(
            _drive_here, make_scripts, arguments, host, port, seconds, starts_s, stop_at_first
        ).result()


def _drive_here(
    make_scripts: Callable[..., Sequence[Script]],
    arguments: Sequence[Any],
    host: str,
    port: int,
    seconds: float | None,
    starts_s: Sequence[float] | None,
    stop_at_first: bool,
) -> Outcome:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = _Crowd(make_scripts(*arguments), host, port, seconds, stop_at_first)
    gc.collect()
    gc.freeze()
    cpu = time.process_time()
    asyncio.run(crowd.run(starts_s))
    crowd.outcome.client_cpu_s = time.process_time() - cpu
    return crowd.outcome


class _Crowd:
    def __init__(
        self, scripts: Sequence[Script], host: str, port: int, seconds: float | None, stop_at_first: bool
    ) -> None:
        self.host, self.port, self.limit, self.stop_at_first = host, port, seconds, stop_at_first
        self.outcome = Outcome()
        self.walkers = [_Walker(self, script) for script in scripts]
        self.left = len(self.walkers)
        self.in_flight = 0
        self.deadline = float("inf")

    async def run(self, starts_s: Sequence[float] | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.done = asyncio.Event()
        if not self.walkers:
            return
        if starts_s is None:
            for walker in self.walkers:
                await walker.connect()
        self.began = time.perf_counter()
        if self.limit is not None:
            self.deadline = self.began + self.limit
        for walker, start in zip(self.walkers, starts_s or [0.0] * len(self.walkers), strict=True):
            self.loop.call_later(start, walker.begin)
        self._sweep()
        await self.done.wait()
        self.outcome.seconds = min(time.perf_counter(), self.deadline) - self.began
        self.outcome.asked = [walker.asked for walker in self.walkers]
        self.outcome.results = [walker.result for walker in self.walkers]

    def _sweep(self) -> None:
        oldest = time.perf_counter() - TIMEOUT_S
        for walker in self.walkers:
            if walker.is_waiting and walker.sent_at < oldest:
                walker.give_up(f"no reply within {TIMEOUT_S:.0f} s")
        if self.left:
            self.loop.call_later(1.0, self._sweep)

    def one_done(self, by_itself: bool) -> None:
        if by_itself and self.stop_at_first:
            self.deadline = min(self.deadline, time.perf_counter())
        self.left -= 1
        if not self.left:
            self.done.set()


class _Walker(asyncio.Protocol):
    """One participant on one connection at a time."""

    def __init__(self, crowd: _Crowd, script: Script) -> None:
        self.crowd, self.script = crowd, script
        self.transport: asyncio.Transport | None = None
        self.parser = ReplyParser()
        self.ask: Ask | None = None
        self.has_begun = self.is_waiting = self.is_done = False
        self.is_leaving = False  # the server said that it closes this connection
        self.sent_at = 0.0
        self.used = 0  # replies on this connection
        self.asked = 0
        self.result: Any = None
        self.connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.parser, self.used = ReplyParser(), 0
        try:
            await self.crowd.loop.create_connection(lambda: self, self.crowd.host, self.crowd.port)
        except OSError as error:
            self.give_up(f"cannot connect: {error.strerror}")

    def begin(self) -> None:
        if self.is_done:  # could not connect
            return
        self.has_begun = True
        self.crowd.in_flight += 1
        self.crowd.outcome.peak_in_flight = max(self.crowd.outcome.peak_in_flight, self.crowd.in_flight)
        self._advance(None)

    def _advance(self, reply: Reply | None) -> None:
        if self.is_done:
            return
        if time.perf_counter() >= self.crowd.deadline:
            self._end(by_itself=False)
            return
        try:
            step = self.script.send(reply)
        except StopIteration as end:
            self.result = end.value
            self._end(by_itself=True)
        except Failed as failure:
            self.give_up(str(failure))
        else:
            if isinstance(step, float):
                self.crowd.loop.call_later(step, self._advance, None)
            else:
                self.ask = step
                self.asked += 1
                self.is_waiting = True
                self.sent_at = time.perf_counter()
                self._send()

    def _send(self) -> None:
        if self.transport is None:
            self.connecting = self.crowd.loop.create_task(self._connect_and_send())
        elif self.ask is not None:
            self.transport.write(self.ask.request)

    async def _connect_and_send(self) -> None:
        await self.connect()
        if self.transport is not None and self.ask is not None:
            self.transport.write(self.ask.request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            reply = self.parser.feed(data)
        except ValueError:
            self.give_up("a reply that is not HTTP")
            return
        if reply is None or self.ask is None:
            return
        now = time.perf_counter()
        outcome, kind = self.crowd.outcome, self.ask.kind
        self.is_waiting, self.ask = False, None
        self.used += 1
        outcome.bytes_received += len(reply.head) + len(reply.body)
        if reply.status < 400:
            outcome.acknowledged[kind] += 1
            if now <= self.crowd.deadline:
                outcome.in_window[kind] += 1
                outcome.latencies_s[kind].append(now - self.sent_at)
        else:
            outcome.errors[f"{kind}: {reply.status}"] += 1
        if b"connection: close" in reply.head.lower() and self.transport is not None:
            self.is_leaving = True
            self.transport.abort()
            self.transport = None
        self._advance(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_leaving:
            self.is_leaving = False
            return
        self.transport = None
        if not self.is_waiting or self.is_done:
            return
        if self.used and self.parser.is_empty:
            # The server closed an idle connection while the request was on its way: browsers ask again.
            self.crowd.outcome.reopened += 1
            self._send()
        else:
            self.give_up("the connection was lost")

    def give_up(self, reason: str) -> None:
        if not self.is_done:
            self.crowd.outcome.errors[f"{self.ask.kind}: {reason}" if self.ask else reason] += 1
            self._end(by_itself=False)

    def _end(self, by_itself: bool) -> None:
        self.is_done, self.is_waiting = True, False
        self.script.close()
        if self.transport is not None:
            self.transport.abort()
            self.transport = None
        self.crowd.in_flight -= self.has_begun
        self.crowd.one_done(by_itself)
