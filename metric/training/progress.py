"""How far the reading of a set and a training have come, for who waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeAlias

Advance: TypeAlias = Callable[[], object]
"""Called after each triplet."""
Progress: TypeAlias = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Of what is done, and to how many triplets if that is known: what to call after each."""


@contextmanager
def silent(what: str, total: int | None) -> Iterator[Advance]:
    """Shows nothing."""
    yield lambda: None


@contextmanager
def bars(what: str, total: int | None) -> Iterator[Advance]:
    """A bar on stderr, once it has taken two seconds."""
    from tqdm import tqdm

    with tqdm(total=total, unit="triplet", delay=2, desc=what) as bar:
        yield bar.update


class Watch(Protocol):
    """Who wants to see how a training goes on."""

    def begin(self, steps: int, done: int) -> None:
        """Before the first step; `done` of the `steps` were done by an earlier run."""

    def step(self, epoch: int, loss: float, two_afc: float) -> None:
        """After each; the means over the epoch so far."""


class Nobody:
    """Sees nothing."""

    def begin(self, steps: int, done: int) -> None:
        pass

    def step(self, epoch: int, loss: float, two_afc: float) -> None:
        pass
