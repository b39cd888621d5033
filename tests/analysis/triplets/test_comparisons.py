"""What a terminal is told of comparisons: all of a few, and of many those that are decided."""

import pytest

from analysis.results import Estimate
from analysis.triplets.comparisons import PairedDifference, said


def comparison(name: str, verdict: str) -> PairedDifference:
    return PairedDifference(
        "two_afc", None, name, "ssim", Estimate(1.0, 0.5, 1.5, ""), 0.5, 0.5, verdict, f"{name} against ssim."
    )


def test_each_of_a_few_is_said() -> None:
    assert said([comparison("l2", "undecided"), comparison("pim-1", "alike")]) == [
        "l2 against ssim.",
        "pim-1 against ssim.",
    ]
    assert said([]) == []


@pytest.mark.parametrize(
    ("decided", "told"),
    [
        (0, "None of the 15 pairs can be told apart: --json says by how much each may differ."),
        (2, "The other 13 of 15 pairs cannot be told apart: --json says by how much each may differ."),
    ],
)
def test_of_many_those_that_are_decided_and_how_many_are_not(decided: int, told: str) -> None:
    verdicts = [["better", "worse"][n % 2] for n in range(decided)] + ["undecided", "alike"] * 8
    comparisons = [comparison(f"metric{n}", verdict) for n, verdict in enumerate(verdicts[:15])]
    assert said(comparisons) == [*(f"metric{n} against ssim." for n in range(decided)), told]


def test_where_all_of_many_are_decided_nothing_else_is_said() -> None:
    assert len(said([comparison(f"metric{n}", "better") for n in range(20)])) == 20
