"""What the dashboard counts of a 2afc study, by hand and against the definitions in other words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.tasks.dashboard import Given, Judged
from study_server.tasks.two_afc.assigning import FIRST_LEFT, FIRST_RIGHT
from study_server.tasks.two_afc.results import Preferences, preferences
from study_server.tasks.wilson import Share, wilson

CATCHES = {"00009": "first", "00008": "second"}


def answer(person: int, triplet: str, shift: int, image: str, repetition: int = 1, *, accepted: bool = True) -> Given:
    """An answer that prefers this image, which stands on a side that depends on the person."""
    stimulus = Judged(f"{triplet}_n-{shift}", triplet, shift, {"catch_answer": CATCHES.get(triplet, "")})
    arrangement = FIRST_LEFT if person % 2 else FIRST_RIGHT
    response = "left" if arrangement[0] == image else "right"
    return Given(person, stimulus, arrangement, repetition, response, accepted)


BY_HAND = [
    answer(1, "00001", 1, "second"), answer(1, "00001", 0, "first"), answer(1, "00002", 0, "first"),
    answer(1, "00002", 1, "first"), answer(1, "00001", 1, "second", 2), answer(1, "00009", 0, "first"),
    answer(2, "00001", 0, "first"), answer(2, "00001", 0, "second", 2), answer(2, "00001", 1, "first"),
    answer(2, "00008", 1, "first"), answer(2, "00009", 0, "first", accepted=False),
]  # fmt: skip


def page(given: Iterable[Given], shifts: Sequence[int] = (0, 1), *, accepted_only: bool = True) -> Any:
    """What the page of preferences shows of these answers, its tables by name."""
    answers: Any = SimpleNamespace(
        one_by_one=lambda: iter(given),
        settings=SimpleNamespace(stimuli=SimpleNamespace(shifts=list(shifts))),
        accepted_only=accepted_only,
    )
    shown = preferences(answers)
    return shown | {"tables": {table.name: table for table in shown["tables"]}}


def test_answers_are_counted_as_by_hand() -> None:
    found = Preferences.of(BY_HAND)
    assert found.first == {0: Share(3, 3), 1: Share(2, 3)}
    assert found.catch == {0: Share(2, 2), 1: Share(0, 1)}
    assert found.flips == {1: Share(1, 3)}
    assert found.retest == {0: Share(1, 1), 1: Share(0, 1)}


def test_the_page_shows_them_with_intervals_and_sums() -> None:
    shown = page(BY_HAND)
    low, high = wilson(1, 3)
    assert shown["tables"]["flips"].rows == [
        ("unshifted and by 1 px", 3, 1, pytest.approx(100 / 3), pytest.approx((100 * low, 100 * high))),
        ("the same version, asked twice", 2, 1, 50, pytest.approx(tuple(100 * end for end in wilson(1, 2)))),
    ]
    assert [row[:3] for row in shown["tables"]["preferred"].rows] == [(0, 3, 3), (1, 3, 2), ("all", 6, 5)]
    # The other of the catch trials without a shift is not accepted.
    assert [row[:3] for row in shown["tables"]["catch"].rows] == [(0, 1, 1), (1, 1, 0), ("all", 2, 1)]
    everybody = page(BY_HAND, accepted_only=False)["tables"]["catch"]
    assert [row[:3] for row in everybody.rows] == [(0, 2, 2), (1, 1, 0), ("all", 3, 2)]
    chart = shown["charts"]["flips"]
    assert [(point["x"], point["answers"]) for point in chart["points"]] == [(1, 3)]
    assert chart["levels"] == [{"y": 50, "text": "asked twice: 50.0 %"}]


def test_without_answers_nothing_is_claimed() -> None:
    shown = page([])
    assert [row[1:] for row in shown["tables"]["flips"].rows] == [(0, 0, None, None)] * 2
    assert (shown["charts"]["flips"]["points"], shown["charts"]["flips"]["levels"]) == ([], [])


triplets = st.sampled_from(["00001", "00002", "00008", "00009"])
images = st.sampled_from(["first", "second"])
some_answers = st.lists(
    st.tuples(st.integers(1, 3), triplets, st.integers(0, 2), images, st.integers(1, 2)),
    unique_by=lambda each: (each[0], each[1], each[2], each[4]),
).map(lambda each: sorted(each, key=lambda one: one[0]))


NOTHING = Share(0, 0)


def differing(pairs: pd.DataFrame) -> Share:
    return Share(int((pairs["image_x"] != pairs["image_y"]).sum()), len(pairs))


@given(some_answers)
def test_flips_are_pairs_that_a_join_of_tables_finds(given_: list[tuple[int, str, int, str, int]]) -> None:
    found = Preferences.of(answer(*each) for each in given_)
    table = pd.DataFrame(given_, columns=["person", "triplet", "shift", "image", "repetition"])
    judged = table[~table["triplet"].isin(CATCHES)]
    first, second = (judged[judged["repetition"] == repetition] for repetition in (1, 2))
    unshifted = first[first["shift"] == 0]
    for shift in (1, 2):
        pairs = unshifted.merge(first[first["shift"] == shift], on=["person", "triplet"])
        assert found.flips.get(shift, NOTHING) == Share(int((pairs["image_x"] != pairs["image_y"]).sum()), len(pairs))
    for shift in (0, 1, 2):
        own = first[first["shift"] == shift]
        assert found.first.get(shift, NOTHING) == Share(int((own["image"] == "first").sum()), len(own))
        pairs = own.merge(second[second["shift"] == shift], on=["person", "triplet"])
        assert found.retest.get(shift, NOTHING) == Share(int((pairs["image_x"] != pairs["image_y"]).sum()), len(pairs))
        catch = table[table["triplet"].isin(CATCHES) & (table["shift"] == shift)]
        right = catch["image"] == catch["triplet"].map(CATCHES)
        assert found.catch.get(shift, NOTHING) == Share(int(right.sum()), len(catch))
