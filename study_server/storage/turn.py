"""The queue for SQLite's one write lock, for the threads of this process and for other processes."""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from study_server.errors import Unavailable
from study_server.folder.private_files import open_companion
from study_server.storage.waiting_room import Seat, WaitingRoom


@dataclass(eq=False)
class _Call:
    """Who waits for the turn, and what has come of it when they are called: they have it, or there is an error."""

    error: OSError | None = None
    called: SimpleQueue[None] = field(default_factory=SimpleQueue)


class Turn:
    """The right to write to a database file. A thread has it for as long as a `with turn.taken(…)` block lasts.

    SQLite itself would wait by sleeping and trying again, for longer and longer, so that some wait much longer than
    others. A lock on a file is had by one who waits for it as soon as it is free, and ends with its process however
    that dies. It is not handed on in order: whoever has had it could have it again before the others wake up. So there
    are two: who is next holds the one while waiting for the other, and whoever has just had a turn queues behind them.

    A lock on a file knows no limit to waiting. So the threads of requests do not wait for it: where it is not free at
    once, a messenger does, one thread of this process, and calls whoever is first of those who still wait then.
    """

    def __init__(self, database: Path, room: WaitingRoom) -> None:
        self._database, self._room = database, room
        self._gate = threading.Condition()  # of all below
        self._waiting: deque[_Call] = deque()
        self._is_held = False  # by a thread of this process
        self._is_fetched = False  # the messenger is waiting for it
        self._locks = _Locks(database)
        self._messenger: _Messenger | None = None

    @contextmanager
    def taken(self, seat: Seat) -> Iterator[None]:
        """Raises Unavailable where the turn does not come in the time that the seat has, or where there can be none."""
        call = _Call()
        with self._gate:
            self._waiting.append(call)
            self._call_next()
        try:
            seat.wait(call.called)
        except Unavailable:
            with self._gate:
                if call in self._waiting:
                    self._waiting.remove(call)
                    raise
            # It was called at this very moment.
        if call.error is not None:
            raise Unavailable(f"{self._locks.name} cannot be locked: {call.error.strerror}") from call.error
        try:
            yield
        finally:
            with self._gate:
                self._is_held = False
                self._locks.release()
                self._call_next()
                self._gate.notify_all()

    def _call_next(self) -> None:
        """Call who is first if the turn can be had at once, or send the messenger for it. The gate is held."""
        if self._is_held or self._is_fetched or not self._waiting:
            return
        try:
            if self._locks.take_if_free():
                self._hand_over()
                return
            if self._messenger is None:
                self._messenger = _Messenger(self, self._locks)
        except OSError as error:
            self._refuse_all(error)
        except RuntimeError as error:  # no more threads can be started
            self._refuse_all(OSError(0, str(error)))
        else:
            self._is_fetched = True
            self._messenger.errands.put(True)

    def _hand_over(self) -> None:
        self._is_held = True
        self._waiting.popleft().called.put(None)

    def _refuse_all(self, error: OSError) -> None:
        while self._waiting:
            call = self._waiting.popleft()
            call.error = error
            call.called.put(None)

    def bring(self, locks: _Locks, error: OSError | None) -> None:
        """The messenger is back, with the turn or with an error."""
        with self._gate:
            if self._locks is not locks:  # closed meanwhile
                return
            self._is_fetched = False
            if error is not None:
                self._refuse_all(error)
            elif self._waiting:
                self._hand_over()
            else:  # all have given up
                locks.release()
                self._room.got_on()

    def close(self) -> None:
        """Give back files and thread. The messenger may be waiting, for ever: it does both when it is back."""
        with self._gate:
            self._gate.wait_for(lambda: not self._is_held)
            messenger, locks, is_away = self._messenger, self._locks, self._is_fetched
            self._messenger, self._locks, self._is_fetched = None, _Locks(self._database), False
            self._refuse_all(OSError(0, "the database has been closed"))
        if messenger is None:
            locks.close()
            return
        messenger.errands.put(False)
        if not is_away:
            messenger.thread.join()


class _Messenger:
    """A thread that waits for the turn when it is sent, and closes the files at its end."""

    def __init__(self, turn: Turn, locks: _Locks) -> None:
        self.errands: SimpleQueue[bool] = SimpleQueue()
        self._turn, self._locks = turn, locks
        self.thread = threading.Thread(target=self._run, name="turn to write", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while self.errands.get():
            error = None
            try:
                self._locks.take()
            except OSError as failed:
                error = failed
            self._turn.bring(self._locks, error)
        self._locks.close()


class _Locks:
    """The two locks on files beside the database."""

    def __init__(self, database: Path) -> None:
        self._paths = [database.with_name(database.name + ending) for ending in (".next", ".turn")]
        self._files: list[int] = []

    @property
    def name(self) -> Path:
        return self._paths[-1]

    def take_if_free(self) -> bool:
        following, turn = self._opened()
        try:
            fcntl.flock(following, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                fcntl.flock(following, fcntl.LOCK_UN)
        except BlockingIOError:
            return False
        return True

    def take(self) -> None:
        following, turn = self._opened()
        fcntl.flock(following, fcntl.LOCK_EX)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(following, fcntl.LOCK_UN)

    def release(self) -> None:
        fcntl.flock(self._files[-1], fcntl.LOCK_UN)

    def close(self) -> None:
        while self._files:
            os.close(self._files.pop())

    def _opened(self) -> list[int]:
        for path in self._paths[len(self._files) :]:
            self._files.append(open_companion(path, path.with_suffix("")))
        return self._files
