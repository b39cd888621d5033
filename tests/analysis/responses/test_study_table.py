"""A study whose rows come a few at a time gives the table that they give together, read or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.exclusions.exclusion_report import ExclusionReport
from analysis.exclusions.marking import mark, rules_of
from analysis.responses.response_files import read_file
from analysis.responses.sources import export_responses, read_responses
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT
from study_of_rows import study_of

Row = Callable[..., dict[str, Any]]


def some_rows(make_row: Row) -> list[dict[str, Any]]:
    """Eleven responses of three participants, of whom p1 passes no rule and p2 is excluded already."""
    rows = [
        make_row(
            participant=f"p{index // 4}",
            trial=index % 4 + 1,
            pair=f"fox{index % 4}_n-{3 * (index % 2)}",
            image=f"fox{index % 4}",
            shift_px=3 * (index % 2),
            response="same" if index % 3 else "different",
            participant_state="unfinished" if index // 4 == 1 else "finished",
            question_remarks="=1+1" if index < 4 else None,
        )
        for index in range(11)
    ]
    for row in rows[8:]:
        row |= {"excluded": True, "exclusion_reason": "by_hand"}
    return rows


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("rules", [(), ("unfinished", "validation"), tuple(rules_of(SAME_DIFFERENT))])
def test_a_study_is_exported_as_its_whole_table_would_be(
    make_row: Row, tmp_path: Path, suffix: str, rules: tuple[str, ...]
) -> None:
    rows = some_rows(make_row)
    path = tmp_path / f"responses{suffix}"
    marked = export_responses("pilot", lambda source: study_of(rows), path, rules)
    expected = mark(from_rows(rows), rules)
    pd.testing.assert_frame_equal(read_file(path), expected, check_exact=True)
    assert ExclusionReport.of(marked, rules) == ExclusionReport.of(expected, rules)


def test_a_study_is_read_as_its_rows_are(make_row: Row) -> None:
    rows = some_rows(make_row)
    whole = read_responses("pilot", lambda source: study_of(rows), ())
    pd.testing.assert_frame_equal(whole, from_rows(rows), check_exact=True)
    part = read_responses("pilot", lambda source: study_of(rows), (), ["response"])
    assert "viewport_width" not in part
    pd.testing.assert_frame_equal(part, whole[list(part)], check_exact=True)


@pytest.mark.parametrize(
    ("row", "change", "says"),
    [
        (4, {"viewport_width": 0}, "row 5: viewport_width is 0"),
        (5, {"shift_px": "many"}, "row 6: shift_px is 'many'"),
        (9, {"participant": "p0", "trial": 2}, "row 10: trial 2 of participant p0 was already given in row 2"),
        (10, {"image": "owl"}, "row 11: image of pair fox2_n-0 is 'owl', but 'fox2' in row 3"),
        (9, {"photograph": "ab"}, "row 10: photograph of pair fox1_n-3 is 'ab', but '.*' in row 2"),
        (0, {"excluded": True}, "row 1: excluded is true"),
        (7, {"exclusion_reason": "tired"}, "row 8: exclusion_reason is 'tired'"),
        (10, {"schema": "shift-study/responses/9"}, "row 11: schema is .*newer"),
    ],
)
def test_what_is_wrong_is_named_by_its_row_and_no_file_is_left(
    make_row: Row, tmp_path: Path, row: int, change: dict[str, Any], says: str
) -> None:
    rows = some_rows(make_row)
    rows[row] |= change
    with pytest.raises(AnalysisError, match=f"^pilot: {says}"):
        export_responses("pilot", lambda source: study_of(rows), tmp_path / "responses.csv")
    with pytest.raises(AnalysisError, match=f"^pilot: {says}"):
        read_responses("pilot", lambda source: study_of(rows))
    assert list(tmp_path.iterdir()) == []
