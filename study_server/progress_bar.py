"""Progress on stderr for whatever may take over two seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], label: str, *, unit: str, total: int | None = None) -> Iterator[T]:
    """The items, with a bar on stderr that appears once it has taken over a second."""
    return iter(tqdm(items, desc=label, unit=unit, total=total, delay=1.0, mininterval=0.5, leave=False))
