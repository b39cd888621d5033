"""What each rule marks, what it leaves alone, and to what it cannot be applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from analysis.errors import AnalysisError
from analysis.exclusions import marking
from analysis.exclusions.marking import look, mark, meaning, named_rules, rule_columns, rules_of
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT
from examples import examples

RULES = list(rules_of(SAME_DIFFERENT))

Row = Callable[..., dict[str, Any]]
Rows = Callable[[Iterable[tuple[str, int, str]]], list[dict[str, Any]]]


def marked(table: pd.DataFrame, rule: str) -> list[bool]:
    return look(table, rule)[0].tolist()


def assessed(table: pd.DataFrame, rule: str) -> list[bool]:
    return look(table, rule)[1].tolist()


def catch_trials(
    hits: int, shifted: int, false_alarms: int, unshifted: int, participant: str = "p1"
) -> list[tuple[str, int, str]]:
    return (
        [(participant, 9, "different")] * hits
        + [(participant, 9, "same")] * (shifted - hits)
        + [(participant, 0, "different")] * false_alarms
        + [(participant, 0, "same")] * (unshifted - false_alarms)
    )


@pytest.mark.parametrize("n", [1, 3, 5, 8])
def test_catch_dprime_is_below_one_as_in_the_differencing_model(make_rows: Rows, n: int) -> None:
    answers, below_one = [], {}
    for hits in range(n + 1):
        for false_alarms in range(n + 1):
            h, f = (hits + 0.5) / (n + 1), (false_alarms + 0.5) / (n + 1)
            criterion = -np.sqrt(2) * norm.ppf(f / 2)

            def excess(d: float, criterion: float = criterion, h: float = h) -> float:
                return float(norm.cdf((d - criterion) / np.sqrt(2)) + norm.cdf((-d - criterion) / np.sqrt(2)) - h)

            participant = f"{hits} hits, {false_alarms} false alarms"
            below_one[participant] = (brentq(excess, 0, 20) if h > f else 0.0) < 1
            answers += catch_trials(hits, n, false_alarms, n, participant)
    table = from_rows(make_rows(answers))
    found = zip(table["participant"], marked(table, "catch_dprime"), strict=True)
    assert set(found) == set(below_one.items())


def test_the_validation_test_is_applied_to_each_known_participant(make_row: Row) -> None:
    table = from_rows([make_row(participant=participant, trial=1) for participant in ("p0001", "p0002", None)])
    assert assessed(table, "validation") == [True, True, False]


def test_the_largest_shift_may_be_one_pixel(make_rows: Rows) -> None:
    table = from_rows(make_rows([("p1", 0, "same"), ("p1", 1, "same"), ("p2", 0, "same"), ("p2", 1, "different")]))
    assert marked(table, "validation") == [True, True, False, False]


def test_catch_dprime_needs_both_kinds_of_pairs(make_rows: Rows) -> None:
    table = from_rows(make_rows([("p1", 0, "different"), ("p2", 9, "same"), ("p3", 9, "same"), ("p3", 0, "same")]))
    assert assessed(table, "catch_dprime") == [False, False, True, True]
    assert marked(table, "catch_dprime") == [False, False, True, True]


@pytest.mark.parametrize(("same", "of", "expected"), [(9, 9, None), (10, 10, True), (19, 20, False), (20, 21, True)])
def test_one_sided_answers(make_rows: Rows, same: int, of: int, expected: bool | None) -> None:
    for most, other in (("same", "different"), ("different", "same")):
        answers = [("p1", 3, most)] * same + [("p1", 3, other)] * (of - same)
        table = from_rows(make_rows(answers))
        assert set(assessed(table, "one_sided")) == {expected is not None}
        assert set(marked(table, "one_sided")) == {bool(expected)}


def test_too_fast_marks_the_response_alone(make_row: Row) -> None:
    times = [199.9, 200, None, 1500.0]
    table = from_rows([make_row(trial=trial, reaction_time_ms=time) for trial, time in enumerate(times, 1)])
    assert marked(table, "too_fast") == [True, False, False, False]
    assert assessed(table, "too_fast") == [True, True, False, True]


def test_interrupted_is_out_of_sight_or_after_a_return(make_row: Row) -> None:
    # Not in the order of the trials.
    rows = [
        make_row(trial=3, visit=2),
        make_row(trial=1, visit=1),
        make_row(trial=2, visit=1, hidden=True),
        make_row(trial=4, visit=2),
        make_row(participant="p2", trial=5, visit=3),
        make_row(participant="p3", trial=6, visit=None, hidden=None),
    ]
    table = from_rows(rows)
    assert marked(table, "interrupted") == [True, False, True, False, False, False]
    assert assessed(table, "interrupted") == [True, True, True, True, True, False]


some_trials = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", None]),
        st.sampled_from([None, *range(1, 6)]),
        st.sampled_from([None, 1, 2, 3]),
    ),
    unique_by=lambda row: row if None in row[:2] else row[:2],
    max_size=10,
)


@settings(deadline=None, max_examples=60)
@given(some_trials)
@example([("p1", 2, 2), ("p1", 1, 1), ("p2", 1, 2)])
@example([("p1", None, 1), ("p1", 1, 2)])
@example([("p1", 1, None), ("p1", 2, 2)])
@example([(None, 1, 1), (None, 2, 2)])
def test_who_came_back_is_told_by_the_visits_at_two_trials(make_row: Row, trials: list[Any]) -> None:
    table = from_rows([make_row(participant=who, trial=trial, visit=visit) for who, trial, visit in trials])
    expected = []
    for who, trial, visit in trials:
        # At the trial before among those of the participant, unknown ones being the first.
        earlier = [row for row in trials if row[0] == who and (row[1] or 0) < (trial or 0)]
        before = max(earlier, key=lambda row: row[1] or 0, default=None)
        known = before is not None and None not in (*before, who, trial, visit)
        expected.append(known and visit > before[2])
    assert marked(table, "interrupted") == expected


def test_not_pixel_exact_is_a_window_that_changed(make_row: Row) -> None:
    rows = [
        make_row(trial=1),
        make_row(trial=2, window_changes=1),
        make_row(trial=3, window_changes=None),
        make_row(trial=4, pixel_scale=None),
    ]
    table = from_rows(rows)
    assert marked(table, "not_pixel_exact") == [False, True, False, False]
    assert assessed(table, "not_pixel_exact") == [True, True, False, False]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_looks_at_the_columns_that_it_says(make_rows: Rows, rule: str) -> None:
    table = from_rows(make_rows([*catch_trials(3, 5, 4, 5), ("p2", 9, "different"), ("p2", 0, "same")]))
    columns = list(rule_columns([rule], [SAME_DIFFERENT]))
    for whole, part in zip(look(table, rule), look(table[columns], rule), strict=True):
        assert whole.tolist() == part.tolist()
        assert whole.dtype == bool


def test_page_altered_marks_what_was_seen_on_a_page_that_something_had_changed(make_row: Row) -> None:
    table = from_rows([make_row(trial=n + 1, page_altered=altered) for n, altered in enumerate([False, True, None])])
    assert marked(table, "page_altered") == [False, True, False]
    assert assessed(table, "page_altered") == [True, True, False]


@pytest.mark.parametrize("rule", RULES)
def test_a_source_that_says_nothing_of_it_is_not_assessed(make_row: Row, rule: str) -> None:
    silent = make_row(shift_px=9, response="same")
    unknown = ("participant", "participant_state", "trial", "reaction_time_ms", "hidden", "visit", "pixel_scale")
    table = from_rows([silent | dict.fromkeys([*unknown, "window_changes", "page_altered"])] * 12)
    assert not any(marked(table, rule))
    assert not any(assessed(table, rule))
    assert not any(assessed(from_rows([]), rule))


def test_rules_are_named_in_a_list(make_row: Row) -> None:
    assert named_rules(" too_fast, unfinished,too_fast") == ("too_fast", "unfinished")
    assert named_rules("none") == ()
    for text in ("sleepy", "", "none,validation"):
        with pytest.raises(AnalysisError, match=r"is no exclusion rule; name some of unfinished, validation, catch_"):
            named_rules(text)
    with pytest.raises(AnalysisError, match="'sleepy' is no exclusion rule"):
        mark(from_rows([make_row()]), ("sleepy",))


def test_each_rule_says_in_one_line_what_it_marks() -> None:
    assert all(meaning(rule).endswith(".") and len(meaning(rule)) < 120 for rule in RULES)


some_rows = st.lists(
    st.fixed_dictionaries(
        {
            "participant": st.sampled_from(["p1", "p2", None]),
            "participant_state": st.sampled_from(["finished", "unfinished", None]),
            "shift_px": st.sampled_from([0, 1, 9]),
            "response": st.sampled_from(["same", "different"]),
            "reaction_time_ms": st.sampled_from([100.0, 1000.0, None]),
            "hidden": st.sampled_from([True, False, None]),
            "visit": st.sampled_from([1, 2, None]),
            "window_changes": st.sampled_from([0, 1, None]),
            "exclusion_reason": st.sampled_from(["", "excluded_by_researcher", "too_fast"]),
        }
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=examples(60))
@given(some_rows, st.lists(st.sampled_from(list(RULES))))
def test_marking_removes_nothing_and_twice_is_once(make_row: Row, some: list[Any], rules: list[str]) -> None:
    rows = [
        make_row(trial=trial, pair=f"{trial}", **values, excluded=values["exclusion_reason"] != "")
        for trial, values in enumerate(some, 1)
    ]
    table = from_rows(rows)
    before = table.copy(deep=True)
    once = mark(table, rules)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(mark(once, rules), once)
    assert (once["excluded"] == (once["exclusion_reason"] != "")).all()
    by_rule = {rule: marked(table, rule) for rule in rules}
    for index, row in enumerate(rows):
        expected = dict.fromkeys([*filter(None, [row["exclusion_reason"]])])
        expected |= dict.fromkeys(rule for rule in rules if by_rule[rule][index])
        assert once["exclusion_reason"][index] == ";".join(expected)
    unmarked = ["excluded", "exclusion_reason"]
    pd.testing.assert_frame_equal(once.drop(columns=unmarked), table.drop(columns=unmarked))


@settings(deadline=None, max_examples=examples(40))
@given(some_rows, st.sampled_from(list(RULES)))
def test_what_is_assessed_is_what_the_rule_says(make_row: Row, some: list[Any], rule: str) -> None:
    rows = [
        make_row(trial=trial, pair=f"{trial}", **values, excluded=values["exclusion_reason"] != "")
        for trial, values in enumerate(some, 1)
    ]
    table = from_rows(rows)
    assert marking.assessed(table, rule).tolist() == assessed(table, rule)
