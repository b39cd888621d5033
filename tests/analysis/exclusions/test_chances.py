"""Whom the validation test catches: against every way of answering, counted out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import pytest

from analysis.exclusions.chances import ValidationChances, failing, validation_chances
from analysis.responses.tidy_table import from_rows

Rows = Callable[[Iterable[tuple[str, int, str]]], list[dict[str, Any]]]


@pytest.mark.parametrize("trials", range(8))
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_to_fail_is_to_err_in_more_than_two_thirds(trials: int, rate: float) -> None:
    expected = 0.0
    for wrong in itertools.product([False, True], repeat=trials):
        if trials and Fraction(sum(wrong), trials) > Fraction(2, 3):
            expected += rate ** sum(wrong) * (1 - rate) ** (trials - sum(wrong))
    assert failing(trials, rate) == pytest.approx(expected, abs=1e-12)


def answers(who: str, zero: str, largest: str) -> list[tuple[str, int, str]]:
    """Answers to pairs of 0 px and of 9 px, spelt with s and d, and one to a pair between."""
    word = {"s": "same", "d": "different"}
    return [
        *((who, 0, word[letter]) for letter in zero),
        *((who, 9, word[letter]) for letter in largest),
        (who, 3, "same"),
    ]


def test_the_chances_of_a_study_are_the_mean_over_its_participants(make_rows: Rows) -> None:
    table = from_rows(
        make_rows(
            [
                *answers("p1", "ss", "ddd"),
                *answers("p2", "sd", "dds"),
                *answers("p3", "ssss", "d"),
                *answers("p4", "dd", "ddd"),  # fails
            ]
        )
    )
    # Of a coin: one of 0 or 1 pairs of three, and so on.
    coin = [1 - (1 - failing(zero, 0.5)) * (1 - failing(largest, 0.5)) for zero, largest in ((2, 3), (2, 3), (4, 1))]
    alarms, misses = 1 / 8, 1 / 7  # of p1, p2 and p3, who pass
    careful = [
        1 - (1 - failing(zero, alarms)) * (1 - failing(largest, misses)) for zero, largest in ((2, 3), (2, 3), (4, 1))
    ]
    found = validation_chances(table)
    assert found == ValidationChances(
        participants=4,
        catch_trials=(2.5, 2.5),
        guessing=pytest.approx((3 * coin[0] + coin[2]) / 4),
        false_alarm_rate=pytest.approx(alarms),
        miss_rate=pytest.approx(misses),
        accepted=pytest.approx((3 * careful[0] + careful[2]) / 4),
    )
    assert coin[0] == pytest.approx(1 - 0.75 * 0.875)
    assert ValidationChances.from_json(found.to_json()) == found


def test_who_did_not_finish_is_left_out_unless_nobody_did(make_rows: Rows) -> None:
    rows = make_rows([*answers("p1", "ss", "ddd"), *answers("p2", "ssss", "ddddd")])
    everybody = validation_chances(from_rows(rows))
    assert everybody is not None
    assert (everybody.participants, everybody.catch_trials) == (2, (3, 4))
    for row in rows:
        row["participant_state"] = "unfinished" if row["participant"] == "p2" else "finished"
    found = validation_chances(from_rows(rows))
    assert found is not None
    assert (found.participants, found.catch_trials) == (1, (2, 3))
    for state in ("unfinished", None):
        for row in rows:
            row["participant_state"] = state
        assert validation_chances(from_rows(rows)) == everybody
    for row in rows[:3]:
        row["participant_state"] = "finished"
    for row in rows[3:6]:
        row["participant_state"] = None
    found = validation_chances(from_rows(rows))
    assert found is not None
    assert (found.participants, found.catch_trials) == (1, (2, 1))


def test_unknown_participants_are_left_out(make_rows: Rows) -> None:
    rows = make_rows([*answers("p1", "ss", "ddd"), *answers("p2", "ssss", "ddddd")])
    known = validation_chances(from_rows(rows[:6]))
    for row in rows[6:]:
        row["participant"] = None
    assert validation_chances(from_rows(rows)) == known
    for row in rows:
        row["participant"] = None
    assert validation_chances(from_rows(rows)) is None
    assert validation_chances(from_rows([])) is None


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ([("p1", 0, "different"), ("p1", 9, "different")], (None, None)),  # nobody passes
        ([("p1", 0, "same"), ("p1", 3, "same"), ("p2", 9, "same")], (0.0, None)),
        ([("p1", 0, "different"), ("p2", 9, "different")], (None, 0.0)),
    ],
)
def test_without_anybody_who_passes_nothing_is_said_of_those(
    make_rows: Rows, given: list[tuple[str, int, str]], rates: tuple[float | None, float | None]
) -> None:
    found = validation_chances(from_rows(make_rows(given)))
    assert found is not None
    assert (found.false_alarm_rate, found.miss_rate) == rates
    assert found.accepted is None
    assert found.to_text().endswith(f"fails the validation test with a probability of {found.guessing:.2f}.")


def test_it_is_said_in_a_sentence() -> None:
    chances = ValidationChances(4, (5.0, 4.75), 0.2345, 0.4123, 0.5, 0.00678)
    assert chances.to_text() == (
        "With 5 pairs without a shift and 4.75 with the largest, a participant who answers by a coin fails the "
        "validation test with a probability of 0.23; one who errs as often as those who pass it (41.2% and 50.0%) "
        "with one of 0.0068."
    )
    unknown = "validation test with a probability of 0.23."
    assert ValidationChances(4, (5.0, 4.75), 0.2345, None, 0.5, 0.1).to_text().endswith(unknown)
    assert ValidationChances(4, (5.0, 4.75), 0.2345, 0.5, None, 0.1).to_text().endswith(unknown)
    assert ValidationChances(4, (5.0, 4.75), 0.2345, 0.5, 0.5, None).to_text().endswith(unknown)
