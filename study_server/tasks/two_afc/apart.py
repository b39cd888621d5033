"""An order by chance in which trials of one group stand far apart."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

_TRIES = 1000


def can_be_apart(lengths: Sequence[int], separation: int) -> bool:
    """Whether the trials of groups of these numbers can be put so that those of a group are `separation` apart.

    As for tasks of one processor that must cool down between two of a kind.

    >>> can_be_apart([2, 2, 2], 3), can_be_apart([2, 2, 2], 4)
    (True, False)
    """
    most = max(lengths, default=0)
    return most < 2 or sum(lengths) >= (most - 1) * separation + lengths.count(most)


def order_apart(groups: Mapping[int, Sequence[T]], separation: int, rng: random.Random) -> list[T]:
    """The trials of all groups by chance, each group's in their order, `separation` positions or more apart.

    Raises ValueError where that cannot be.
    """
    if not can_be_apart([len(items) for items in groups.values()], separation):
        raise ValueError(f"trials of a group cannot be {separation} apart")
    for _ in range(_TRIES):
        if (order := _try(groups, separation, rng)) is not None:
            return order
    raise ValueError(f"no order was found in which trials of a group are {separation} apart")


def _try(groups: Mapping[int, Sequence[T]], separation: int, rng: random.Random) -> list[T] | None:
    left = {group: len(items) for group, items in groups.items() if items}
    total = sum(left.values())
    ready = dict.fromkeys(left, 0)  # the first position at which the group's next trial may stand
    order: list[T] = []
    for position in range(total):
        # The last position at which the next trial of a group must stand, so that the others find room after it.
        latest = {group: total - 1 - (count - 1) * separation for group, count in left.items()}
        urgent = _first_full(sorted(latest.values()), position)
        if urgent is None:
            return None
        choice = [group for group in left if ready[group] <= position and latest[group] <= urgent]
        if not choice:
            return None
        group = rng.choices(choice, [left[group] for group in choice])[0]
        items = groups[group]
        order.append(items[len(items) - left[group]])
        ready[group] = position + separation
        left[group] -= 1
        if not left[group]:
            del left[group]
    return order


def _first_full(deadlines: Sequence[int], position: int) -> int | None:
    """The first deadline until which every position is needed: the next trial must be one of those. None: too late."""
    for number, deadline in enumerate(deadlines, start=1):
        room = deadline - position + 1
        if number > room:
            return None
        if number == room and (number == len(deadlines) or deadlines[number] > deadline):
            return deadline
    return deadlines[-1]
