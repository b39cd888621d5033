"""The flow of exclusions adds up, whatever the marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.exclusions.flow import ExclusionFlow, exclusion_flow
from analysis.exclusions.flow_figure import plot_flow
from analysis.exclusions.marking import RULES, mark, meaning
from analysis.figure_style import draw
from analysis.responses.tidy_table import from_rows
from examples import examples

Row = Callable[..., dict[str, Any]]

some_marks = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3", None]),
        st.lists(st.sampled_from([*RULES, "excluded_by_researcher"]), unique=True),
    ),
    max_size=30,
)


def table_of(make_row: Row, marks: list[Any]) -> Any:
    return from_rows(
        [
            make_row(participant=who, trial=trial, excluded=bool(reasons), exclusion_reason=";".join(reasons))
            for trial, (who, reasons) in enumerate(marks, 1)
        ]
    )


@settings(deadline=None, max_examples=examples(60))
@given(some_marks, st.lists(st.sampled_from(list(RULES)), unique=True))
def test_the_flow_adds_up(make_row: Row, marks: list[Any], rules: list[str]) -> None:
    table = table_of(make_row, marks)
    flow = exclusion_flow(table, rules)
    assert [row.reason for row in flow.rows][: len(rules)] == rules
    assert flow.responses == len(marks)
    assert flow.responses - sum(row.responses for row in flow.rows) == flow.responses_analysed
    assert flow.responses_analysed == sum(not reasons for _, reasons in marks)
    assert flow.participants - sum(row.participants for row in flow.rows) == flow.participants_analysed
    assert flow.participants_analysed == len({who for who, reasons in marks if who and not reasons})
    left = flow.responses
    for row in flow.rows:
        left -= row.responses
        assert row.responses_left == left
        assert row.responses_in_all == sum(row.reason in reasons for _, reasons in marks)
        assert row.participants_in_all == len({who for who, reasons in marks if who and row.reason in reasons})
    assert ExclusionFlow.from_json(flow.to_json()) == flow


def test_a_participant_is_lost_with_the_last_response(make_row: Row) -> None:
    rows = [
        make_row(trial=1, reaction_time_ms=50.0),
        make_row(trial=2, hidden=True),
        make_row(participant="p2", trial=1, hidden=True),
        make_row(participant="p2", trial=2),
    ]
    rules = ("too_fast", "interrupted")
    flow = exclusion_flow(mark(from_rows(rows), rules), rules)
    assert [(row.reason, row.participants, row.responses) for row in flow.rows] == [
        ("too_fast", 0, 1),
        ("interrupted", 1, 2),
    ]
    assert (flow.participants_analysed, flow.responses_analysed) == (1, 1)


def test_each_step_says_what_its_reason_means(make_row: Row) -> None:
    table = from_rows([make_row(excluded=True, exclusion_reason="by_hand"), make_row(trial=2)])
    flow = exclusion_flow(table, ("too_fast", "unfinished"))
    assert [(row.reason, row.meaning, row.not_assessed) for row in flow.rows] == [
        ("too_fast", meaning("too_fast"), 0),
        ("unfinished", "Responses of participants who did not reach the end of the study.", 0),
        ("by_hand", "A mark that the table had.", None),
    ]


def test_a_rule_that_the_source_says_nothing_of_is_not_applied(make_row: Row) -> None:
    flow = exclusion_flow(from_rows([make_row(participant=None, participant_state=None)]))
    assert flow.not_applied == ("unfinished", "validation")


@pytest.mark.parametrize("known", [True, False])
def test_the_figure_has_a_box_for_each_step(make_row: Row, known: bool) -> None:
    table = mark(from_rows([make_row(participant="p1" if known else None, hidden=True)]), ("interrupted", "validation"))
    flow = exclusion_flow(table, ("interrupted", "validation"))
    figure = draw(lambda ax: plot_flow(flow, ax))
    texts = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    people = "1 participant, " if known else ""
    assert texts[0] == f"Assessed\n{people}1 response"
    assert texts[1] == f"interrupted\n{people}1 response"
    assert ("could not be applied" in texts[2]) is not known
    assert texts[3] == f"Analysed\n{'0 participants, ' if known else ''}0 responses"
