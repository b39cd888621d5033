"""Which responses are marked, by which rule, and what is reported."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.exclusions.exclusion_report import ExclusionReport
from analysis.exclusions.marking import accepted, accepted_rows, mark
from analysis.observers.table1 import table1
from analysis.observers.table1_layouts import as_text
from analysis.responses.tidy_table import from_rows
from examples import examples

Row = Callable[..., dict[str, Any]]
Answers = Iterable[tuple[str, int, str]]
Rows = Callable[[Answers], list[dict[str, Any]]]

some_answers = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3"]),
        st.sampled_from([0, 1, 9]),
        st.sampled_from(["same", "different"]),
    ),
    min_size=1,
    max_size=30,
)


def excluded(table: pd.DataFrame) -> dict[str, set[str]]:
    """Participant → reasons, for those whose every response is excluded; the others have none excluded."""
    found = {}
    for participant, rows in mark(table).groupby("participant"):
        assert rows["excluded"].nunique() == 1
        if rows["excluded"].all():
            found[str(participant)] = set(";".join(rows["exclusion_reason"]).split(";"))
    return found


@pytest.mark.parametrize(
    ("wrong", "of", "fails"),
    [(2, 3, False), (3, 3, True), (4, 5, True), (3, 5, False), (4, 6, False), (5, 6, True), (1, 1, True)],
)
@pytest.mark.parametrize(("shift", "mistake"), [(0, "different"), (9, "same")])
def test_more_than_two_thirds_of_mistakes_exclude_a_participant_whole(
    make_rows: Rows, wrong: int, of: int, fails: bool, shift: int, mistake: str
) -> None:
    right = {"different": "same", "same": "different"}[mistake]
    answers = [("p1", shift, mistake)] * wrong + [("p1", shift, right)] * (of - wrong)
    answers += [("p1", 3, "same"), ("p2", 9, "different"), ("p2", 0, "same")]
    assert excluded(from_rows(make_rows(answers))) == ({"p1": {"validation"}} if fails else {})


def test_no_rounding_decides_at_two_thirds(make_rows: Rows) -> None:
    answers = [
        (f"p{n:05d}", 0, "different" if index < 2 * n else "same") for n in (7, 41, 333) for index in range(3 * n)
    ]
    assert excluded(from_rows(make_rows(answers))) == {}


def test_the_largest_shift_is_that_of_the_study(make_rows: Rows) -> None:
    mistaken = [("p1", 4, "same"), ("p1", 0, "same")]
    assert set(excluded(from_rows(make_rows([*mistaken, ("p2", 4, "different")])))) == {"p1"}
    assert excluded(from_rows(make_rows([*mistaken, ("p2", 5, "different")]))) == {}


def test_a_study_without_shifts_has_only_the_first_half_of_the_test(make_rows: Rows) -> None:
    assert set(excluded(from_rows(make_rows([("p1", 0, "same"), ("p2", 0, "different")])))) == {"p2"}


def test_unfinished_participants_are_excluded(make_row: Row) -> None:
    rows = [make_row(response="different"), make_row(participant="p2", participant_state="unfinished")]
    rows[1]["response"] = "different"
    assert excluded(from_rows(rows)) == {"p2": {"unfinished"}}


def test_a_response_may_have_several_reasons_and_keeps_those_that_it_had(make_row: Row) -> None:
    failed = {"participant_state": "unfinished", "shift_px": 9, "response": "same"}
    table = mark(from_rows([make_row(excluded=True, exclusion_reason="asked to withdraw", **failed)]))
    assert table["exclusion_reason"].tolist() == ["asked to withdraw;unfinished;validation"]


def test_a_reason_that_no_rule_gave_stays_and_is_reported(make_rows: Rows) -> None:
    rows = make_rows([("p1", 0, "same"), ("p1", 9, "different"), ("p2", 0, "same"), ("p3", 0, "different")])
    for row in (rows[2], rows[3]):
        row |= {"excluded": True, "exclusion_reason": "excluded_by_researcher"}
    table = mark(from_rows(rows))
    assert table["exclusion_reason"].tolist() == [
        "",
        "",
        "excluded_by_researcher",
        "excluded_by_researcher;validation",
    ]
    report = ExclusionReport.of(table)
    by_reason = {"unfinished": 0, "validation": 1, "excluded_by_researcher": 2}
    assert report.to_json()["participants"] == {"total": 3, "excluded": by_reason, "analysed": 1}
    assert report.to_json()["responses"] == {"total": 4, "excluded": by_reason, "analysed": 2}
    assert report.to_text() == (
        "Excluded: 2 of 3 participants, 2 of 4 responses "
        "(validation 1 participant, excluded_by_researcher 2 participants)."
    )
    assert as_text(table1(table)).splitlines()[-1] == report.to_text()


def test_an_unknown_participant_is_not_assessed(make_row: Row) -> None:
    rows = [make_row(participant=None, participant_state=None, shift_px=9)] * 3
    table = mark(from_rows(rows))
    assert not table["excluded"].any()
    report = ExclusionReport.of(table)
    assert report.not_assessed == {"unfinished": 3, "validation": 3}
    assert report.to_text() == (
        "Excluded: 0 of 3 responses.\n"
        "Not applied to 3 responses, for the source does not say enough about them: unfinished and validation."
    )


def test_the_report_counts_participants_and_responses(make_rows: Rows) -> None:
    rows = make_rows([("p1", 0, "same"), ("p1", 9, "different"), ("p2", 0, "different"), ("p3", 9, "different")])
    rows[3]["participant_state"] = "unfinished"
    report = ExclusionReport.of(mark(from_rows(rows)))
    assert report.to_json() == {
        "participants": {"total": 3, "excluded": {"unfinished": 1, "validation": 1}, "analysed": 1},
        "responses": {"total": 4, "excluded": {"unfinished": 1, "validation": 1}, "analysed": 2},
        "not_assessed": {"unfinished": 0, "validation": 0},
    }
    assert report.to_text() == (
        "Excluded: 2 of 3 participants, 2 of 4 responses (unfinished 1 participant, validation 1 participant)."
    )


@settings(deadline=None, max_examples=examples(40))
@given(some_answers)
def test_validation_agrees_with_the_words_of_the_paper(make_rows: Rows, answers: list[Any]) -> None:
    largest = max((shift for _, shift, _ in answers), default=0)
    fails = set()
    for participant, group in itertools.groupby(sorted(answers), key=lambda answer: answer[0]):
        given_answers = list(group)
        for shift, mistake in {0: "different", largest: "same"}.items() if largest else [(0, "different")]:
            of_shift = [answer for _, px, answer in given_answers if px == shift]
            if of_shift and Fraction(of_shift.count(mistake), len(of_shift)) > Fraction(2, 3):
                fails.add(participant)
    assert set(excluded(from_rows(make_rows(answers)))) == fails


@settings(deadline=None, max_examples=examples(40))
@given(some_answers)
def test_marking_keeps_every_row_and_twice_is_once(make_rows: Rows, answers: list[Any]) -> None:
    table = from_rows(make_rows(answers))
    before = table.copy(deep=True)
    once = mark(table)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(mark(once), once)
    unmarked = ["excluded", "exclusion_reason"]
    pd.testing.assert_frame_equal(once.drop(columns=unmarked), table.drop(columns=unmarked))
    assert (once["excluded"] == (once["exclusion_reason"] != "")).all()


@settings(deadline=None, max_examples=examples(40))
@given(some_answers, st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(make_rows: Rows, answers: list[Any], random: Any) -> None:
    rows = make_rows(answers)
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert excluded(from_rows(rows)) == excluded(from_rows(shuffled))


def test_nothing_left_to_analyse_is_said(make_row: Row) -> None:
    excluded = [make_row(participant_state="unfinished"), make_row(trial=2)]
    excluded[1] |= {"excluded": True, "exclusion_reason": "validation;by_hand"}
    fast = [make_row(trial=trial, reaction_time_ms=1.0) for trial in range(1, 1201)]
    refused = {
        "There are no responses yet; analyse the study after the first participant answered.": from_rows([]),
        "All 2 responses are excluded (by_hand, unfinished, validation), so none is left to analyse; wait for more "
        "participants, or name other rules with --rules.": mark(from_rows(excluded), ["unfinished"]),
        "All 1,200 responses are excluded (too_fast), so none is left to analyse; wait for more participants, or name "
        "other rules with --rules.": mark(from_rows(fast), ["too_fast"]),
        "The responses are of 2 studies (pilot, main), whose pairs may share names; name one study's folder, or export "
        "them and keep the rows of one.": from_rows([make_row(), make_row(study="main")]),
    }
    for says, table in refused.items():
        with pytest.raises(AnalysisError) as caught:
            accepted(table)
        assert str(caught.value) == says


def test_where_nothing_is_excluded_the_table_itself_is_analysed(make_row: Row) -> None:
    table = from_rows([make_row(), make_row(trial=2)])
    assert accepted(table) is table  # half a million rows need not be copied
    part = from_rows([make_row(), make_row(trial=2, excluded=True, exclusion_reason="by_hand")])
    assert accepted(part)["trial"].tolist() == [1]
    assert accepted_rows(part).tolist() == [True, False]
