"""The validation of each task, against its own words, one participant at a time; and rules that a task has not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.columns.rule_columns import NumberedResponses, Numbers, Texts
from analysis.errors import AnalysisError
from analysis.exclusions.exclusion_report import ExclusionReport
from analysis.exclusions.flow import exclusion_flow
from analysis.exclusions.marking import RULES, look, mark, meaning, rule_columns, rules_of
from analysis.responses.column_check import checked
from analysis.responses.growing_columns import GrowingColumn
from analysis.responses.table_task import declared
from analysis.responses.tidy_table import from_rows
from analysis.tasks.registry import TASKS
from analysis.tasks.task import unknown_task

Row = Callable[..., dict[str, Any]]
PLACES = ("left", "middle", "right")


def numbered(rows: list[dict[str, Any]], task: str) -> NumberedResponses:
    columns: dict[str, Texts | Numbers] = {}
    for column in declared([*rows[0]], TASKS[task]):
        growing = GrowingColumn()
        growing.add(checked([row[column.name] for row in rows], column))
        columns[column.name] = growing.column()
    return NumberedResponses(columns, len(rows))


def failed(rows: list[dict[str, Any]], task: str, rule: str = "validation") -> set[str]:
    """Participants whom a rule marks, the same in a data frame and in numbers, and in all their rows."""
    frame = from_rows(rows)
    marked = look(frame, rule)[0]
    assert look(numbered(rows, task), rule)[0].tolist() == marked.tolist()
    narrow = frame[["task", *rule_columns([rule], [TASKS[task]])]]
    assert look(narrow, rule)[0].tolist() == marked.tolist()
    people = np.array([row["participant"] for row in rows])
    found = {str(name) for name in people[marked]}
    assert set(people[~marked]).isdisjoint(found)
    return found


# participant, shift, right
odd_answers = st.lists(
    st.tuples(st.sampled_from(["p1", "p2"]), st.sampled_from([1, 4]), st.booleans()), min_size=1, max_size=16
)


@example([("p1", 4, True), ("p1", 4, False), ("p2", 4, False)])
@example([("p1", 4, False), ("p1", 4, False), ("p1", 4, True)])
@given(odd_answers)
def test_validation_of_odd_one_out(make_odd_rows: Any, answers: list[tuple[str, int, bool]]) -> None:
    largest = max(shift for _, shift, _ in answers)
    kinds = defaultdict(list)
    for who, shift, right in answers:
        if shift == largest:
            kinds[who].append(right)
    expected = {who for who, right in kinds.items() if Fraction(right.count(False), len(right)) > Fraction(1, 2)}
    assert failed(make_odd_rows(answers), "odd-one-out") == expected


# participant, stimulus, catch answer, preferred
afc_answers = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2"]),
        st.integers(1, 6),
        st.sampled_from(["first", "second"]),
    ),
    min_size=1,
    max_size=40,
)


def afc_rows(make_task_row: Row, answers: list[tuple[str, int, str]], catches: set[int]) -> list[dict[str, Any]]:
    """Rows in which a stimulus that comes again is a repetition; of those in `catches`, `first` is right."""
    asked: defaultdict[tuple[str, int], int] = defaultdict(int)
    rows = []
    for trial, (who, stimulus, preferred) in enumerate(answers, start=1):
        asked[who, stimulus] += 1
        rows.append(
            make_task_row(
                "2afc",
                participant=who,
                trial=trial,
                stimulus=f"{stimulus:05d}_n-0",
                triplet=f"{stimulus:05d}",
                photograph=str(stimulus),
                catch_answer="first" if stimulus in catches else None,
                repetition=asked[who, stimulus],
                first_side="right",
                preferred=preferred,
                response="right" if preferred == "first" else "left",
            )
        )
    return rows


AGREE = [("p1", stimulus, "first") for stimulus in range(3, 11)]
HALF = [("p1", stimulus, "first" if stimulus < 7 else "second") for stimulus in range(3, 11)]


@example([("p1", 1, "second"), ("p1", 2, "first"), ("p1", 1, "first")])  # one of three catch trials wrong
@example([("p1", 1, "second"), ("p1", 2, "second"), ("p1", 1, "first")])
@example(AGREE + HALF)  # agrees with themselves in half of eight retests, which is as good as any other
@given(afc_answers)
def test_validation_of_2afc(make_task_row: Row, answers: list[tuple[str, int, str]]) -> None:
    catches = {1, 2}
    wrong = defaultdict(list)
    for who, stimulus, preferred in answers:
        if stimulus in catches:
            wrong[who].append(preferred != "first")
    expected = {who for who, errors in wrong.items() if Fraction(sum(errors), len(errors)) > Fraction(1, 3)}
    rows = afc_rows(make_task_row, answers, catches)
    generator = np.random.default_rng(len(rows))
    assert failed([rows[index] for index in generator.permutation(len(rows))], "2afc") == expected


# The third answers are others than the second, which are as the first: five of nine are as before, in this order alone.
THRICE = [("p1", stimulus, preferred) for preferred in ("first", "first", "second") for stimulus in range(3, 7)]
THRICE += [("p1", 7, "first")] * 2


@example(AGREE + HALF)  # agrees with themselves in half of eight retests
@example(AGREE[1:] + HALF[1:])  # in three of seven, which are too few
@example(THRICE)
@example(AGREE + HALF[:4] + AGREE[4:5] + HALF[5:])
@given(afc_answers)
def test_retest_agreement_of_2afc(make_task_row: Row, answers: list[tuple[str, int, str]]) -> None:
    before, agreed = dict[tuple[str, int], str](), defaultdict(list)
    for who, stimulus, preferred in answers:
        if (who, stimulus) in before:
            agreed[who].append(before[who, stimulus] == preferred)
        before[who, stimulus] = preferred
    expected = {
        who for who, same in agreed.items() if len(same) >= 8 and Fraction(sum(same), len(same)) <= Fraction(1, 2)
    }
    rows = afc_rows(make_task_row, answers, set())
    generator = np.random.default_rng(len(rows))
    assert failed([rows[index] for index in generator.permutation(len(rows))], "2afc", "retest_agreement") == expected


@pytest.mark.parametrize(("task", "alike"), [("2afc", "left"), ("odd-one-out", "middle")])
def test_one_sided_is_of_the_answers_that_a_task_has(make_task_row: Row, task: str, alike: str) -> None:
    def answered(who: str, answers: list[str]) -> list[dict[str, Any]]:
        return [
            make_task_row(task, participant=who, trial=trial, response=answer, first_side=None)
            if task == "2afc"
            else make_task_row(task, participant=who, trial=trial, response=answer)
            for trial, answer in enumerate(answers, start=1)
        ]

    rows = answered("p1", [alike] * 20) + answered("p2", [alike] * 19 + ["right"]) + answered("p3", [alike] * 9)
    frame = from_rows(rows)
    marked, assessed = look(frame, "one_sided")
    assert set(frame["participant"][marked]) == {"p1"}
    assert set(frame["participant"][assessed]) == {"p1", "p2"}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_each_rule_of_a_task_says_in_a_line_what_it_marks(task: Any) -> None:
    for name in rules_of(task):
        assert meaning(name, task).endswith(".")
        assert len(meaning(name, task)) < 120
    known = {column.name for column in declared([], task)}
    assert {*rule_columns(RULES, [task])} <= known


@pytest.mark.parametrize("task", ["2afc", "odd-one-out"])
def test_a_rule_of_another_task_is_refused_by_name(make_task_row: Row, task: str) -> None:
    table = from_rows([make_task_row(task)])
    with pytest.raises(AnalysisError, match=f"catch_dprime is no exclusion rule of {task} studies; name some of unfin"):
        mark(table, ("unfinished", "catch_dprime"))


def test_to_an_unknown_task_only_the_rules_of_every_task_are_applied(make_row: Row) -> None:
    rows = [make_row(trial=trial, task="rating", participant_state="unfinished") for trial in range(1, 13)]
    marked = mark(from_rows(rows), RULES)
    assert set(marked["exclusion_reason"]) == {"unfinished"}
    assert list(rules_of(unknown_task("rating"))) == [
        name for name in RULES if name not in ("validation", "catch_dprime", "retest_agreement")
    ]
    report = ExclusionReport.of(marked)
    assert report.not_assessed == {"unfinished": 0, "validation": 12}
    assert exclusion_flow(marked).not_applied == ("validation",)
