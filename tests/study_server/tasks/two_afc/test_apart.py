"""Orders in which trials of one group stand far apart."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.tasks.two_afc.apart import can_be_apart, order_apart

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=12)


@given(LENGTHS, st.integers(1, 15), st.integers(0, 100))
def test_an_order_keeps_groups_apart_and_each_in_its_order_or_there_is_none(
    lengths: list[int], separation: int, seed: int
) -> None:
    groups = {group: [(group, item) for item in range(length)] for group, length in enumerate(lengths)}
    if not can_be_apart(lengths, separation):
        with pytest.raises(ValueError, match="cannot be"):
            order_apart(groups, separation, random.Random(seed))
        return
    order = order_apart(groups, separation, random.Random(seed))
    assert sorted(order) == sorted(item for items in groups.values() for item in items)
    for group, items in groups.items():
        positions = [position for position, (of, _) in enumerate(order) if of == group]
        assert [order[position] for position in positions] == items
        assert all(later - earlier >= separation for earlier, later in pairwise(positions))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(1, 8))
def test_what_can_be_apart_is_what_some_order_of_all_keeps_apart(lengths: list[int], separation: int) -> None:
    def fits(left: tuple[int, ...], ready: tuple[int, ...], position: int) -> bool:
        return not any(left) or any(
            fits(
                (*left[:group], left[group] - 1, *left[group + 1 :]),
                (*ready[:group], position + separation, *ready[group + 1 :]),
                position + 1,
            )
            for group in range(len(left))
            if left[group] and ready[group] <= position
        )

    assert can_be_apart(lengths, separation) == fits(tuple(lengths), (0,) * len(lengths), 0)


def test_every_order_that_keeps_apart_can_come() -> None:
    groups = {0: ["a", "A"], 1: ["b", "B"], 2: ["c"]}
    orders = {"".join(order_apart(groups, 2, random.Random(seed))) for seed in range(2000)}
    assert {"abcAB", "abAcB", "abABc", "acAbB"} & orders == {"abcAB", "abAcB", "abABc"}
    assert all(order.index("A") - order.index("a") >= 2 for order in orders)
    assert {order[0] for order in orders} == {"a", "b", "c"}
