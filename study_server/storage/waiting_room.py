"""Where the requests of a process wait to write: each for so long, and not all of its threads at a time."""

from __future__ import annotations

import itertools
import math
import threading
import time
from queue import Empty, SimpleQueue

from study_server.errors import Unavailable

STUCK_AFTER_S = 3.0
"""Nobody has had the database for so long: whoever waits may go on waiting for long.

On a slow machine a transaction of many arrivals takes a second, and is no reason to send anybody away.
"""


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

    def seat(self, patience_s: float) -> Seat:
        """This thread's seat, for as long as a `with` block lasts; who has one already has waited since they got it.

        Raises Unavailable, at the block's beginning, where nobody gets on and all seats are taken.
        """
        held: Seat | None = getattr(self._own, "seat", None)
        return held if held is not None else Seat(self, patience_s)

    def enter(self, seat: Seat, now: float) -> int:
        """The seat's number; they are given in the order in which threads come."""
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
        self._own.seat = seat
        return number

    def leave(self, number: int) -> None:
        """A seat is free again."""
        self._own.seat = None
        with self._gate:
            self._taken.discard(number)

    def got_on(self) -> None:
        """Somebody has got the database, or has done with it."""
        with self._gate:
            self._waiting_since, self._in_vain = time.monotonic(), False

    def left_in_vain(self) -> None:
        """Somebody goes away who has waited long enough."""
        with self._gate:
            self._in_vain = True

    @property
    def stuck_from(self) -> float:
        """From when there may be seats too many, unless somebody gets on before."""
        return self._waiting_since + STUCK_AFTER_S if self._seats is not None else math.inf

    def is_one_too_many(self, number: int) -> bool:
        """Whether as many as there are seats for came before this one. Those get fewer, never more."""
        with self._gate:
            return self._seats is not None and sum(other < number for other in self._taken) >= self._seats


class Seat:
    """One thread's place, since when it has waited, and for how much longer it will."""

    def __init__(self, room: WaitingRoom, patience_s: float) -> None:
        self._room, self._patience_s = room, patience_s
        self._depth = self._number = 0
        self._since = 0.0

    def __enter__(self) -> Seat:
        if self._depth == 0:
            self._since = time.monotonic()
            self._number = self._room.enter(self, self._since)
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._room.leave(self._number)

    @property
    def waited_s(self) -> float:
        """For how long this thread has been here."""
        return time.monotonic() - self._since

    @property
    def left_s(self) -> float:
        """For how long it will still wait."""
        return max(0.0, self._patience_s - self.waited_s)

    def wait(self, called: SimpleQueue[None]) -> None:
        """Wait until called. Raises Unavailable when that takes too long, or there are too many who wait in vain."""
        until = self._since + self._patience_s
        may_be_too_many = True
        while True:
            now = time.monotonic()
            look = min(until, max(now, self._room.stuck_from)) if may_be_too_many else until
            try:
                called.get(timeout=max(0.0, look - now))
                return
            except Empty:
                pass
            now = time.monotonic()
            if now >= until:
                self._room.left_in_vain()
                raise Unavailable("the database is locked")
            may_be_too_many = self._room.is_one_too_many(self._number)
            if may_be_too_many and now >= self._room.stuck_from:
                self._room.left_in_vain()
                raise _too_many()


def _too_many() -> Unavailable:
    return Unavailable("the database is locked, and too many wait for it already")
