"""Many writes in one transaction: a commit waits for the disk, and what comes meanwhile shares the next one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

from study_server.errors import Unavailable
from study_server.storage.database import DATABASE_FAILURES
from study_server.storage.waiting_room import Seat

R = TypeVar("R")
T = TypeVar("T")
W = TypeVar("W", bound="Waiting")  # type: ignore[type-arg]


@dataclass(eq=False)
class Waiting(Generic[R]):
    """What is to be written, and what becomes of it."""

    result: R | None = field(default=None, init=False)
    error: BaseException | None = field(default=None, init=False)
    called: SimpleQueue[None] = field(default_factory=SimpleQueue, init=False)
    """Filled when it is settled, or when its own request is to store what waits."""

    @property
    def is_settled(self) -> bool:
        """Whether it is known what became of it."""
        return self.result is not None or self.error is not None


class GroupCommit(Generic[T, W, R]):
    """Where the requests of this process bring what they write.

    Each is acknowledged only after the commit that holds it. One of the waiting requests makes the commit, and calls
    the others; whoever is called goes on at once, and does not wait for the next commit.
    """

    def __init__(
        self,
        seat: Callable[[], Seat],
        transaction: Callable[[], AbstractContextManager[T]],
        store: Callable[[T, list[W]], list[tuple[W, R]]],
        *,
        most_at_once: int,
        refusal: Callable[[Exception], Exception] = lambda error: error,
    ) -> None:
        """What a kind of write needs.

        Args:
            seat: of the thread that waits.
            transaction: begins one, which is committed at the end of the block.
            store: adds writes to it, and gives what each results in once that is committed; those that cannot be get an
                error, and leave the transaction as it was.
            most_at_once: in one transaction.
            refusal: what an error of a write that was alone in its transaction is for who asked for it.
        """
        self._seat, self._transaction, self._store, self._refusal = seat, transaction, store, refusal
        self._most_at_once = most_at_once
        self._waiting: deque[W] = deque()
        self._is_storing = False
        self._gate = threading.Lock()  # of the two above

    def settle(self, item: W) -> R:
        """Store it, alone or with what others bring; what came of it, once it is committed.

        Raises the error that it got, or Unavailable where the database has no time for it.
        """
        with self._seat() as seat:
            with self._gate:
                self._waiting.append(item)
                others_turn, self._is_storing = self._is_storing, True
            if others_turn:
                self._await_call(item, seat)
            if not item.is_settled:
                self._store_until(item)
        if item.error is not None:
            raise item.error
        result: R | None = item.result
        assert result is not None
        return result

    def _await_call(self, item: W, seat: Seat) -> None:
        """Raises Unavailable where no call comes in time; what is under way may be stored all the same."""
        try:
            seat.wait(item.called)
        except Unavailable:
            with self._gate:
                if item.called.empty():
                    if item in self._waiting:
                        self._waiting.remove(item)
                    raise
            # It was called at this very moment, perhaps to store what waits: it must not go away.

    def _store_until(self, item: W) -> None:
        """Store what waits until this is settled, then let the first of those who wait go on with it."""
        try:
            while not item.is_settled:
                self._settle_some()
        finally:
            with self._gate:
                self._is_storing = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].called.put(None)

    def _settle_some(self) -> None:
        """Store what waits, or give each the error that its request answers with: afterwards each is settled."""
        items: list[W] = []
        try:
            with self._transaction() as transaction:
                items = self._gather()  # not before it is this process's turn to write: more come while one waits
                stored = self._store(transaction, items)
            _acknowledge(stored)
        except DATABASE_FAILURES as error:
            # It is the database: one by one they would fail as well, each after waiting for it.
            _fail(items := items or self._gather(), error)
        except Exception:
            # It may be one of them alone, which must not take the others along. What another server stored at the same
            # moment is found the second time.
            for item in (items := items or self._gather()):
                self._settle_alone(item)
        except BaseException as error:
            _fail(items := items or self._gather(), error)
            raise
        finally:
            _fail([item for item in items if not item.is_settled], Unavailable("the server is being stopped"))
            for item in items:
                item.called.put(None)

    def _gather(self) -> list[W]:
        with self._gate:
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most_at_once))]

    def _settle_alone(self, item: W) -> None:
        item.error = None  # what it got in a transaction that was rolled back
        try:
            with self._transaction() as transaction:
                stored = self._store(transaction, [item])
        except Exception as error:
            _fail([item], self._refusal(error))
        except BaseException as error:
            _fail([item], error)
            raise
        else:
            _acknowledge(stored)


def _acknowledge(stored: list[tuple[W, R]]) -> None:
    for item, result in stored:
        item.result = result


def _fail(items: list[W], error: BaseException) -> None:
    for item in items:
        item.result, item.error = None, error
