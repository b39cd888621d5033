"""The main results under other rules, and what the validation test catches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.exclusions.chances import ValidationChances, failing, validation_chances
from analysis.exclusions.marking import mark
from analysis.observers.sensitivity import Sensitivity, main_results, sensitivity, variants
from analysis.psychometric import fit
from analysis.responses.sources import published_judgments
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]
Rows = Callable[[Iterable[tuple[str, int, str]]], list[dict[str, Any]]]

# p1 answers as one who sees, p2 calls all the same, p3 all different.
ANSWERS = [("p1", shift, "different" if shift > 1 else "same") for shift in (0, 1, 2, 3, 9)]
ANSWERS += [("p2", shift, "same") for shift in (0, 1, 2, 3, 9)] + [("p3", shift, "different") for shift in (0, 9)]


def test_each_variant_has_the_marks_of_its_rules(make_rows: Rows) -> None:
    rows = make_rows(ANSWERS)
    rows[1] |= {"excluded": True, "exclusion_reason": "excluded_by_researcher"}
    rows[2]["participant_state"] = "unfinished"
    found = {label: table["exclusion_reason"].tolist() for label, table in variants(from_rows(rows))}
    all_rules = ["", "excluded_by_researcher", "unfinished", "", "", *["validation"] * 7]
    nothing = ["", "excluded_by_researcher", *[""] * 10]
    validation = ["", "excluded_by_researcher", "", "", "", *["validation"] * 7]
    unfinished = ["", "excluded_by_researcher", "unfinished", *[""] * 9]
    assert found == {
        "all rules": all_rules,
        "no rule": nothing,
        "without unfinished": validation,
        "without validation": unfinished,
        "unfinished alone": unfinished,
        "validation alone": validation,
    }


def test_marks_of_another_rule_that_the_table_has_are_a_variant_too(make_row: Row) -> None:
    table = from_rows([make_row(excluded=True, exclusion_reason="too_fast"), make_row(trial=2)])
    found = {label: table["exclusion_reason"].tolist() for label, table in variants(table, ())}
    assert found == {"all rules": ["too_fast", ""], "no rule": ["", ""]}


def test_without_rules_there_is_one_variant(make_row: Row) -> None:
    assert [label for label, _ in variants(from_rows([make_row()]), ())] == ["no rule"]


def test_a_variant_that_leaves_nothing_says_so(make_row: Row) -> None:
    found = sensitivity(from_rows([make_row(participant_state="unfinished")]))
    assert [(row.label, row.results is None) for row in found.rows[:2]] == [("all rules", True), ("no rule", False)]
    assert "All 1 responses are excluded" in str(found.rows[0].problem)
    assert "needs answers at 4 different shifts" in str(found.rows[1].problem)
    assert Sensitivity.from_json(found.to_json()) == found


def test_main_results_of_the_published_answers() -> None:
    found = main_results(published_judgments())
    same = [111, 93, 66, 43, 39, 30, 25, 24, 22, 9]
    table = published_judgments()
    total = np.bincount(table["shift_px"].to_numpy(dtype=np.int64))
    assert found.threshold_px.estimate == fit(range(10), total - same, total).threshold_px
    assert found.false_alarm_percent.estimate == pytest.approx(7.5)
    assert found.half_px == 3
    assert found.half_percent.estimate == pytest.approx(100 * (1 - 43 / total[3]))
    assert (found.responses, found.participants, found.problem) == (1158, 0, None)


def test_main_results_say_what_there_is_not(make_row: Row) -> None:
    found = main_results(from_rows([make_row(shift_px=4)]))
    assert found.false_alarm_percent.method == "no 0-pixel pair was judged"
    assert found.half_px is None
    with pytest.raises(AnalysisError, match="no responses yet"):
        main_results(from_rows([]))


def test_a_coin_fails_the_papers_test_one_time_in_three(make_rows: Rows) -> None:
    answers = [("p1", shift, "same" if shift == 0 else "different") for shift in (0, 9) for _ in range(5)]
    found = validation_chances(from_rows(make_rows(answers)))
    assert found is not None
    assert found.guessing == pytest.approx(1 - (1 - 6 / 32) ** 2)
    assert (found.false_alarm_rate, found.miss_rate, found.accepted) == (0, 0, 0)
    assert "5 pairs without a shift and 5 with the largest" in found.to_text()
    assert "probability of 0.34" in found.to_text()


def test_the_chances_are_those_of_the_very_rule(make_rows: Rows) -> None:
    """Monte Carlo through the rule itself."""
    generator = np.random.default_rng(1)
    people = 2000
    answers = [
        (f"p{who}", shift, "different" if generator.random() < 0.5 else "same")
        for who in range(people)
        for shift in (0, 0, 0, 0, 9, 9, 9)
    ]
    table = from_rows(make_rows(answers))
    found = validation_chances(table)
    assert found is not None
    fails = mark(table).groupby("participant")["excluded"].first().mean()
    assert found.guessing == pytest.approx(fails, abs=4 * np.sqrt(0.25 / people))
    assert found.guessing == pytest.approx(1 - (1 - 5 / 16) * (1 - 1 / 8))


def test_participants_differ_in_their_catch_trials(make_rows: Rows) -> None:
    answers = [("p1", 0, "same"), ("p1", 9, "different"), *[("p2", 0, "same")] * 3, *[("p2", 9, "different")] * 3]
    found = validation_chances(from_rows(make_rows(answers)))
    assert found is not None
    expected = np.mean([1 - 0.5 * 0.5, 1 - (7 / 8) ** 2])
    assert found.guessing == pytest.approx(expected)
    assert found.catch_trials == (2, 2)
    assert ValidationChances.from_json(found.to_json()) == found


def test_who_did_not_reach_the_end_is_left_out_of_the_chances(make_rows: Rows) -> None:
    answers = [("p1", 0, "same"), ("p1", 9, "different"), *[("p2", 0, "same")] * 3, *[("p2", 9, "different")] * 3]
    table = from_rows(make_rows(answers))
    table.loc[table["participant"] == "p2", "participant_state"] = "unfinished"
    found = validation_chances(table)
    assert found is not None
    assert (found.participants, found.catch_trials) == (1, (1, 1))
    assert found.guessing == pytest.approx(1 - 0.5 * 0.5)


def test_where_nobody_passes_there_is_no_rate(make_rows: Rows) -> None:
    found = validation_chances(from_rows(make_rows([("p1", 0, "different"), ("p1", 9, "different")])))
    assert found is not None
    assert found.accepted is None
    assert found.to_text().endswith("with a probability of 0.75.")


def test_without_participants_nothing_is_said() -> None:
    assert validation_chances(published_judgments()) is None


@pytest.mark.parametrize(("trials", "fails"), [(0, 0), (1, 1 / 2), (2, 1 / 4), (3, 1 / 8), (5, 6 / 32), (6, 7 / 64)])
def test_failing_is_more_than_two_thirds(trials: int, fails: float) -> None:
    assert failing(trials, 0.5) == pytest.approx(fails)
