"""Where the requests of a process wait to write: each for so long, and not all of its threads at a time."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from study_server.errors import Unavailable

STUCK_AFTER_S = 1.0
"""Nobody has had the database for so long: whoever waits may go on waiting for long."""


class WaitingRoom:
    """The threads of a process that wait for the database or write to it.

    seats: how many of them at most while nobody gets on, so that the others are there for pages that need no writing;
    None: any number. While writers get on, nobody is sent away.
    """

    def __init__(self, seats: int | None = None) -> None:
        self._seats = seats
        self._gate = threading.Lock()
        self._numbers = itertools.count()
        self._taken: set[int] = set()
        self._waiting_since = 0.0
        """Since when nobody has got on, of those who are here."""
        self._in_vain = False
        """Whether somebody has gone away since then without having got on."""
        self._own = threading.local()

    @classmethod
    def for_threads(cls, threads: int) -> WaitingRoom:
        """One that leaves a quarter of a process's threads free."""
        return cls(max(1, threads - max(1, threads // 4)))

    @contextmanager
    def seat(self, patience_s: float) -> Iterator[Seat]:
        """This thread's seat; who has one already keeps it, and has waited since they got it.

        Raises Unavailable where nobody gets on and all seats are taken.
        """
        held: Seat | None = getattr(self._own, "seat", None)
        if held is not None:
            yield held
            return
        seat = self._enter(patience_s)
        self._own.seat = seat
        try:
            yield seat
        finally:
            self._own.seat = None
            with self._gate:
                self._taken.discard(seat.number)

    def _enter(self, patience_s: float) -> Seat:
        now = time.monotonic()
        with self._gate:
            if not self._taken and not self._in_vain:
                self._waiting_since = now
            if (
                self._seats is not None
                and len(self._taken) >= self._seats
                and now - self._waiting_since > STUCK_AFTER_S
            ):
                raise _too_many()
            number = next(self._numbers)
            self._taken.add(number)
        return Seat(self, number, now, now + patience_s)

    def got_on(self) -> None:
        """Somebody has got the database, or has done with it."""
        with self._gate:
            self._waiting_since, self._in_vain = time.monotonic(), False

    def left_in_vain(self) -> None:
        """Somebody goes away who has waited long enough."""
        with self._gate:
            self._in_vain = True

    def stuck_from(self, number: int) -> float | None:
        """From when this seat is one too many, unless somebody gets on before; None: it is not."""
        with self._gate:
            if self._seats is None or sum(other < number for other in self._taken) < self._seats:
                return None
            return self._waiting_since + STUCK_AFTER_S


class Seat:
    """One thread's place, since when it has waited, and for how much longer it will."""

    def __init__(self, room: WaitingRoom, number: int, since: float, until: float) -> None:
        self.number = number
        self._room, self._since, self._until = room, since, until

    @property
    def waited_s(self) -> float:
        """For how long this thread has been here."""
        return time.monotonic() - self._since

    @property
    def left_s(self) -> float:
        """For how long it will still wait."""
        return max(0.0, self._until - time.monotonic())

    def wait(self, called: SimpleQueue[None]) -> None:
        """Wait until called. Raises Unavailable when that takes too long, or there are too many who wait in vain."""
        while True:
            # Those before this seat get fewer, never more: who is not one too many will not be.
            stuck_from = self._room.stuck_from(self.number)
            until = self._until if stuck_from is None else min(self._until, stuck_from)
            try:
                called.get(timeout=max(0.0, until - time.monotonic()))
                return
            except Empty:
                pass
            if time.monotonic() >= self._until:
                self._room.left_in_vain()
                raise Unavailable("the database is locked")
            stuck_from = self._room.stuck_from(self.number)
            if stuck_from is not None and time.monotonic() >= stuck_from:
                self._room.left_in_vain()
                raise _too_many()


def _too_many() -> Unavailable:
    return Unavailable("the database is locked, and too many wait for it already")
