"""Groups that are dealt out, each as often as the others."""

from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.tasks.assignment import Design, dealt


@given(st.integers(1, 40), st.data(), st.integers(0, 3), st.integers(0, 5))
def test_each_at_most_once_a_slot_and_equally_often_over_a_round(
    n_groups: int, data: st.DataObject, number: int, seed: int
) -> None:
    design = Design(n_groups, (data.draw(st.integers(1, n_groups)),), seed)
    first = number * design.round_slots
    slots = [dealt(design, slot) for slot in range(first, first + design.round_slots)]
    assert {len(slot) for slot in slots} == {len({*slot}) for slot in slots} == {*design.counts}
    counts = Counter(chain.from_iterable(slots))
    assert counts == dict.fromkeys(range(n_groups), design.round_answers)


def test_rounds_and_seeds_differ_and_a_slot_is_always_the_same() -> None:
    design = Design(30, (7,), 1)
    assert dealt(design, 3) == dealt(design, 3)
    assert dealt(design, 3) != dealt(design, 3 + design.round_slots)
    assert dealt(design, 3) != dealt(Design(30, (7,), 2), 3)


def test_groups_come_together_by_chance() -> None:
    design = Design(6, (4,), 0)
    together = Counter(
        (a, b) for slot in range(3000) for a in dealt(design, slot) for b in dealt(design, slot) if a < b
    )
    assert len(together) == 15
    assert max(together.values()) < 1.1 * min(together.values())


def test_more_groups_a_participant_than_there_are() -> None:
    with pytest.raises(ValueError, match="5 groups a participant are more than 4"):
        dealt(Design(4, (5,), 0), 0)
