"""Participants, studies and totals as numbers, against the names themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.columns.participants import (
    answered,
    codes_of,
    largest_shifts,
    named,
    participant_codes,
    totals,
    unknown_participants,
)

some_names = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12)


def column(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype="string")


@settings(max_examples=60)
@given(some_names)
@example(["a", "b", "a"])  # the ends are alike
@example([None, None])
@example(["a", None])
@example(["a", None, "a"])
def test_names_are_numbered_in_order_of_appearance(names: list[str | None]) -> None:
    order = list(dict.fromkeys(name for name in names if name))
    codes, count = codes_of(column(names))
    assert codes.tolist() == [order.index(name) if name else -1 for name in names]
    assert codes.dtype == np.int64
    assert count == len(order)


some_people = st.lists(st.tuples(st.sampled_from(["s", "t", "u"]), st.sampled_from(["a", "b", "c", None])), max_size=12)


@settings(max_examples=60)
@given(some_people)
@example([("s", None), ("t", "a"), ("t", None), ("s", "b")])
@example([("s", "a"), ("t", "a")])
@example([("s", "b"), ("s", "a"), ("s", "c"), ("t", "b")])
@example([("s", None), ("t", None)])
def test_a_participant_is_one_of_a_study(people: list[tuple[str, str | None]]) -> None:
    table = pd.DataFrame({"study": column([s for s, _ in people]), "participant": column([p for _, p in people])})
    codes, count = participant_codes(table)
    known = {person for person in people if person[1]}
    assert count == len(known)
    assert codes.dtype == np.int64
    assert set(codes.tolist()) - {-1} == set(range(count))
    assert [code == -1 for code in codes] == [who is None for _, who in people]
    # The same number exactly where it is the same person.
    assert len(set(zip(people, codes.tolist(), strict=True)) - {(p, -1) for p in people}) == len(known)
    which = np.array([index % 2 == 0 for index in range(len(people))], dtype=bool)
    found = dict(zip(codes.tolist(), people, strict=True))
    expected = Counter(person for person in people[::2] if person[1])
    assert totals(codes, count, which).tolist() == [expected[found[number]] for number in range(count)]


def test_the_largest_shift_is_that_of_each_study() -> None:
    table = pd.DataFrame({"study": column([*"sttsu"]), "shift_px": [3, 0, 2, 5, 0]})
    assert largest_shifts(table).tolist() == [5, 2, 2, 5, 0]
    assert largest_shifts(table).dtype == np.int64


def test_an_answer_that_is_unknown_is_neither() -> None:
    table = pd.DataFrame({"response": ["same", "different", "same"]})
    assert answered(table, "same").tolist() == [True, False, True]
    assert answered(table, "different").tolist() == [False, True, False]
    assert answered(table, "same").dtype == bool


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a", "b"], None),
        ([], None),
        ([None, None], "It is not known who gave the answers"),
        (["a", None, "b"], "It is not known who gave 1 of 3 answers"),
        ([None] * 1500 + ["a"], "It is not known who gave 1,500 of 1,501 answers"),
    ],
)
def test_unknown_participants_are_counted(names: list[str | None], says: str | None) -> None:
    assert unknown_participants(pd.DataFrame({"participant": column(names)})) == says


def test_ids_are_named_up_to_ten() -> None:
    names = [f"p{n:02d}" for n in range(1, 13)]
    ten = "p01, p02, p03, p04, p05, p06, p07, p08, p09, p10"
    assert named(names[:1]) == "p01"
    assert named(names[:10]) == ten
    assert named(names[:11]) == f"{ten} and 1 more"
    assert named(names) == f"{ten} and 2 more"
