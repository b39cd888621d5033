"""Rules and reports on responses as numbers, against the same on data frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.columns.rule_columns import NumberedResponses, Numbers, Texts, different
from analysis.exclusions.exclusion_report import ExclusionReport
from analysis.exclusions.marking import look, mark, rules_of
from analysis.responses.column_check import checked
from analysis.responses.growing_columns import GrowingColumn, as_arrow
from analysis.responses.table_task import declared
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT

Row = Callable[..., dict[str, Any]]


def numbered(rows: list[dict[str, Any]]) -> NumberedResponses:
    columns: dict[str, Texts | Numbers] = {}
    for column in declared(rows[0], SAME_DIFFERENT):
        growing = GrowingColumn()
        growing.add(checked([row[column.name] for row in rows], column))
        columns[column.name] = growing.column()
    return NumberedResponses(columns, len(rows))


some_responses = st.lists(
    st.fixed_dictionaries(
        {
            "study": st.sampled_from(["pilot", "pilot", "main"]),
            "participant": st.sampled_from(["p1", "p2", "p3", None]),
            "participant_state": st.sampled_from(["finished", "unfinished", None]),
            "shift_px": st.sampled_from([0, 3, 9]),
            "response": st.sampled_from(["same", "different"]),
            "reaction_time_ms": st.sampled_from([0.0, 199.5, 200.0, 900.0, None]),
            "visit": st.sampled_from([1, 2, None]),
            "hidden": st.sampled_from([True, False, None]),
            "pixel_scale": st.sampled_from([1, None]),
            "window_changes": st.sampled_from([0, 1, None]),
            "exclusion_reason": st.sampled_from(["", "", "by_hand", "too_fast;by_hand", "unfinished"]),
        }
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=12, deadline=None)
@given(some_responses)
def test_numbers_are_marked_and_reported_as_data_frames_are(make_row: Row, some: list[dict[str, Any]]) -> None:
    rows = [
        make_row(trial=place + 1, pair=f"fox{place}_n-3", image=f"fox{place}", excluded=bool(one["exclusion_reason"]))
        | one
        for place, one in enumerate(some)
    ]
    frame, numbers = from_rows(rows), numbered(rows)
    for name in rules_of(SAME_DIFFERENT):
        for found, expected in zip(look(numbers, name), look(frame, name), strict=True):
            assert found.tolist() == expected.tolist(), name
    for rules in (("unfinished", "validation"), tuple(rules_of(SAME_DIFFERENT))):
        marked, expected_marks = mark(numbers, rules), mark(frame, rules)
        for name in ("excluded", "exclusion_reason"):
            assert as_arrow(marked[name]).to_pylist() == expected_marks[name].tolist()
        assert ExclusionReport.of(marked, rules).to_json() == ExclusionReport.of(expected_marks, rules).to_json()
        assert [*ExclusionReport.of(marked, rules).responses_excluded] == [
            *ExclusionReport.of(expected_marks, rules).responses_excluded
        ]


@settings(max_examples=60)
@given(st.lists(st.integers(-1, 3), max_size=12))
def test_texts_that_are_alike_become_one(codes: list[int]) -> None:
    names = ["b", "a", "a", "c"]
    values = [None if code < 0 else names[code] for code in codes]
    column = Texts.of(np.array(codes, dtype=np.int64), names)
    assert [None if code < 0 else column.texts[code] for code in column.codes] == values
    assert column.texts == tuple(dict.fromkeys(value for value in values if value))


@pytest.mark.parametrize("numbers", [[], [0], [5, 5, 2], [10**9, 3, 10**9]])
def test_different_numbers_are_numbered(numbers: list[int]) -> None:
    found, places = different(np.array(numbers, dtype=np.int64))
    assert found.tolist() == sorted({*numbers})
    assert [found[place] for place in places] == numbers


def test_marking_leaves_numbers_as_they_were(make_row: Row) -> None:
    numbers = numbered([make_row(participant_state="unfinished", response="different")])
    assert as_arrow(mark(numbers)["exclusion_reason"]).to_pylist() == ["unfinished"]
    assert as_arrow(numbers["exclusion_reason"]).to_pylist() == [""]
    assert isinstance(mark(from_rows([make_row()])), pd.DataFrame)
    assert pa.types.is_boolean(as_arrow(mark(numbers)["excluded"]).type)
