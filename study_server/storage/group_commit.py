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
    then: Callable[[Callable[[], R]], None] | None = field(default=None, init=False)
    """Where no thread waits: called when it is settled, with `outcome`."""

    @property
    def is_settled(self) -> bool:
        """Whether it is known what became of it."""
        return self.result is not None or self.error is not None

    def outcome(self) -> R:
        """What came of it. Raises the error that it got."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result

    def call(self) -> None:
        """Tell whom it concerns that it is settled."""
        if self.then is None:
            self.called.put(None)
        else:
            self.then(self.outcome)


class GroupCommit(Generic[T, W, R]):
    """Where the requests of this process bring what they write.

    Each is acknowledged only after the commit that holds it. One of the waiting requests makes the commit, and calls
    the others; whoever is called goes on at once, and does not wait for the next commit. Of those for which no thread
    waits, the thread that brought the first makes the commits as long as there are any.
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
            if not self._comes_first(item):
                self._await_call(item, seat)
            if not item.is_settled:
                self._store_until(item)
        outcome: R = item.outcome()
        return outcome

    def bring(self, item: W, then: Callable[[Callable[[], R]], None]) -> None:
        """Store it, but let no thread wait for that: `then` is called when it is settled.

        It is called by the thread that made the commit, with what gives or raises what `settle` would. Others are
        called after it, so it must not take long, nor raise anything.
        """
        item.then = then
        if self._comes_first(item):
            self._store_until(item)

    def _comes_first(self, item: W) -> bool:
        """Let it wait; whether nobody is there who stores what waits."""
        with self._gate:
            self._waiting.append(item)
            others_turn, self._is_storing = self._is_storing, True
        return not others_turn

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
        """Store what waits until this is settled and a thread goes on with the rest, or nothing is left."""
        try:
            while not (item.is_settled and self._hand_on()):
                self._settle_some()
        except BaseException:
            if not self._hand_on():
                self._dismiss()
            raise

    def _hand_on(self) -> bool:
        """Let the first thread that waits store what waits; False where something waits, but no thread."""
        with self._gate:
            successor = next((one for one in self._waiting if one.then is None), None)
            if successor is not None:
                successor.called.put(None)
            elif not self._waiting:
                self._is_storing = False
            return successor is not None or not self._waiting

    def _dismiss(self) -> None:
        """Nobody is left to store what waits."""
        with self._gate:
            items = list(self._waiting)
            self._waiting.clear()
            self._is_storing = False
        _fail(items, _stopping())
        for item in items:
            item.call()

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
            _fail([item for item in items if not item.is_settled], _stopping())
            for item in items:
                item.call()

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


def _stopping() -> Unavailable:
    return Unavailable("the server is being stopped")
