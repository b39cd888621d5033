"""Progress on stderr for whatever may take over two seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


class _Bar(tqdm):  # type: ignore[type-arg]
    monitor_interval = 0  # no thread that watches bars: the server forks


def progress(items: Iterable[T], label: str, *, unit: str, total: int | None = None) -> Iterator[T]:
    """The items, with a bar on stderr that appears once it has taken over a second."""
    # Without miniters=1, and the thread, a bar stands still where slow items follow quick ones.
    return iter(_Bar(items, desc=label, unit=unit, total=total, delay=1.0, mininterval=0.5, miniters=1, leave=False))
