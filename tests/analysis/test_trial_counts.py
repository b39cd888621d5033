"""Numbers of answers by shift: from responses, and from files that hold just these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import AnalysisError
from analysis.exclusions.marking import mark
from analysis.responses.sources import PUBLISHED_TABLE1, is_counts, published_judgments
from analysis.responses.tidy_table import from_rows
from analysis.trial_counts import TrialCounts, read_counts

Rows = Callable[[Iterable[tuple[str, int, str]]], list[dict[str, Any]]]


def test_answers_are_counted_by_participant_and_by_photograph(make_rows: Rows) -> None:
    answers = [("p1", 0, "same"), ("p1", 2, "different"), ("p2", 0, "different"), ("p2", 2, "different")]
    counts = TrialCounts.of(mark(from_rows(make_rows(answers)), ()))
    assert counts.shift_px.tolist() == [0, 2]
    assert (counts.different.tolist(), counts.total.tolist()) == ([1, 2], [2, 2])
    assert counts.by_participant is not None
    assert counts.by_participant.tolist() == [[[0, 1], [1, 1]], [[1, 1], [1, 1]]]
    assert counts.by_photograph is not None
    assert counts.by_photograph.sum(axis=0).tolist() == [[1, 2], [2, 2]]
    assert not any("shift of" in note for note in counts.notes)  # the study has these shifts alone
    assert any("same answer in every trial: p2" in note for note in counts.notes)
    assert (
        "The answers are of 2 participants, too few to draw from: intervals hold no variance of people." in counts.notes
    )


def test_a_shift_whose_answers_are_all_excluded_is_said(make_rows: Rows) -> None:
    rows = make_rows([("p1", shift, "same") for shift in (0, 1, 2)])
    rows[1] |= {"excluded": True, "exclusion_reason": "fire_alarm"}
    counts = TrialCounts.of(mark(from_rows(rows), ()))
    assert "No answer to a pair with a shift of 1 px is analysed; these shifts are left out." in counts.notes


def test_one_unknown_participant_is_said(make_rows: Rows) -> None:
    rows = make_rows([("p1", 0, "same"), ("p1", 1, "different"), ("p2", 0, "same")])
    rows[2]["participant"] = None
    counts = TrialCounts.of(mark(from_rows(rows), ()))
    assert counts.by_participant is None
    assert "It is not known who gave 1 of 3 answers, so that intervals hold no variance of people." in counts.notes


def test_the_published_judgments_have_images_but_no_participants() -> None:
    counts = TrialCounts.of(mark(published_judgments()))
    assert counts.by_participant is None
    assert counts.by_photograph is not None
    assert counts.by_photograph.shape == (50, 10, 2)
    assert counts.total.sum() == 1158
    assert any("not known who" in note for note in counts.notes)


def test_the_papers_table_1_counts_all_answers() -> None:
    counts = read_counts(PUBLISHED_TABLE1)
    assert counts.different.tolist() == [10, 29, 66, 98, 98, 110, 115, 119, 123, 135]
    assert counts.total.tolist() == [150] * 10


def test_a_file_of_counts(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("different,shift_px,note,same\n3,1.5,a,7\n1,0,b,9\n2,1.5,c,1\n0,4,d,0\n", encoding="utf-8")
    assert is_counts(str(file))
    counts = read_counts(str(file))
    assert (counts.shift_px.tolist(), counts.different.tolist(), counts.total.tolist()) == ([0, 1.5], [1, 5], [10, 13])
    assert any("shift of 4 px" in note for note in counts.notes)


def test_other_files_are_no_counts(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("schema,shift_px,same,different\n", encoding="utf-8")
    assert not is_counts(str(file))
    assert not is_counts(str(tmp_path / "missing.csv"))
    assert not is_counts("ghildyal2022")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shift_px,same\n1,2\n", "column different is missing"),
        ("shift_px,same,different\n1,2,x\n", "line 2: different is 'x', not a whole number of answers"),
        ("shift_px,same,different\n1,2.5,1\n", "line 2: same is '2.5'"),
        ("shift_px,same,different\n-1,2,1\n", "line 2: shift_px is '-1', not a number of pixels"),
        ("shift_px,same,different\n1,2\n", "line 2: different is missing"),
        ("shift_px,same,different\n", "holds no answers"),
        ("shift_px,same,different\n1,0,0\n", "holds no answers"),
        ("shift_px,same,different\n1,nan,0\n", "same is 'nan'"),
    ],
)
def test_a_wrong_file_of_counts_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AnalysisError, match=says):
        read_counts(str(file))
