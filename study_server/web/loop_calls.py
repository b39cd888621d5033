"""What threads ask of the loop of their server process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any


class Calls:
    """In place of gunicorn's queue: the loop is woken once for all that is there, not for each."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._is_woken = False
        self._ends: tuple[int, ...] = ()

    def init(self) -> None:
        """Open the pipe that wakes the loop."""
        self._ends = os.pipe()
        for end in self._ends:
            os.set_blocking(end, False)

    def close(self) -> None:
        """Close the pipe; who asks for something afterwards is not heard."""
        ends, self._ends = self._ends, ()
        for end in ends:
            os.close(end)

    def fileno(self) -> int:
        """What the loop waits for."""
        return self._ends[0]

    def defer(self, call: Callable[..., object], *arguments: Any) -> None:
        """Have the loop call this. Signal handlers do so too: nothing is locked."""
        self._calls.put(partial(call, *arguments))
        if not self._is_woken:
            self._is_woken = True
            with suppress(OSError, IndexError):  # the worker has ended
                os.write(self._ends[1], b"\0")

    def run_callbacks(self, _: object) -> None:
        """In the loop: call what has been asked for by now. What comes meanwhile wakes it again."""
        with suppress(BlockingIOError):
            os.read(self._ends[0], 4096)
        self._is_woken = False  # before looking: nothing may come unseen after it
        for _ in range(self._calls.qsize()):
            self._calls.get()()
