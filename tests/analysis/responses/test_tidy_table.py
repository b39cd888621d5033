"""What a tidy response table accepts and refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.responses.columns import columns_of
from analysis.responses.response_files import read_file
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT

Row = Callable[..., dict[str, Any]]

COLUMNS = columns_of(SAME_DIFFERENT)
NULLABLE = [column.name for column in COLUMNS if column.nullable]
LATER = {version: [column.name for column in COLUMNS if column.since > version] for version in (1, 2)}
"""Version of the table → columns that came after it."""
NEEDED = [column.name for column in COLUMNS if not column.nullable and not column.blank and column.name != "task"]


def test_columns_have_their_declared_order_and_dtypes(make_row: Row) -> None:
    table = from_rows([make_row(question_glasses="no")])
    assert list(table.columns) == [*(column.name for column in COLUMNS), "question_glasses"]
    assert [str(dtype) for dtype in table.dtypes] == [*(column.dtype for column in COLUMNS), "string"]
    assert table.loc[0].to_dict() == make_row(question_glasses="no")


def test_no_rows_give_an_empty_table_with_every_column() -> None:
    table = from_rows([])
    assert len(table) == 0
    assert [str(dtype) for dtype in table.dtypes] == [column.dtype for column in COLUMNS]


@pytest.mark.parametrize("name", NULLABLE)
@pytest.mark.parametrize("unknown", [None, "", math.nan])
def test_unknown_values_are_null_where_they_are_allowed(make_row: Row, name: str, unknown: Any) -> None:
    table = from_rows([make_row(**{name: unknown})])
    assert table[name].isna().tolist() == [True]


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("unknown", [None, "", math.nan])
def test_unknown_values_are_refused_where_a_value_is_needed(make_row: Row, name: str, unknown: Any) -> None:
    with pytest.raises(AnalysisError, match=f"row 1: {name} is"):
        from_rows([make_row(**{name: unknown})])


def test_a_question_that_a_row_lacks_is_unknown(make_row: Row) -> None:
    table = from_rows([make_row(trial=1), make_row(trial=2, question_screen="laptop")])
    assert table["question_screen"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("response", "sam", "not one of same, different"),
        ("participant_state", "done", "not one of finished, unfinished"),
        ("direction", "north", "not one of right, left, up, down, up-right, up-left, down-right, down-left"),
        ("reference_side", "top", "not one of left, right"),
        ("shift_px", -1, "not an integer ≥ 0"),
        ("shift_px", 2.5, "not an integer ≥ 0"),
        ("shift_px", True, "not an integer ≥ 0"),
        ("shift_px", "1_000", "not an integer ≥ 0"),
        ("shift_px", 10**30, "not an integer ≥ 0"),
        ("trial", 0, "not an integer ≥ 1"),
        ("reaction_time_ms", -0.5, "not a number ≥ 0"),
        ("reaction_time_ms", math.inf, "not a number ≥ 0"),
        ("reaction_time_ms", "nan", "not a number ≥ 0"),
        ("reaction_time_ms", "fast", "not a number ≥ 0"),
        ("reaction_time_ms", [1], "not a number ≥ 0"),
        ("device_pixel_ratio", 0, "not a number > 0"),
        ("pixel_scale", 0, "not an integer ≥ 1"),
        ("viewport_width", 0, "not an integer ≥ 1"),
        ("answered_at", "yesterday", "not a time in ISO 8601, UTC"),
        ("answered_at", "2026-03-01T12:00:00", "not a time in ISO 8601, UTC"),
        ("answered_at", "2026-03-01T12:00:00+02:00", "not a time in ISO 8601, UTC"),
        ("answered_at", 5, "not a time in ISO 8601, UTC; write times as text .*date_format=.*"),
        ("visit", 0, "not an integer ≥ 1"),
        ("window_changes", -1, "not an integer ≥ 0"),
        ("window_changes", 0.5, "not an integer ≥ 0"),
        ("refresh_rate_hz", 0, "not a number > 0"),
        ("sent_after_ms", -0.1, "not a number ≥ 0"),
        ("pixels_per_degree", 0.0, "not a number > 0"),
        ("pixels_per_degree", math.inf, "not a number > 0"),
        ("shift_arcmin", -1e-9, "not a number ≥ 0"),
        ("hidden", "no", "not a boolean"),
        ("hidden", 2, "not a boolean"),
        ("hidden", "yes", "not a boolean"),
        ("image", 8, "not text; zeros before it may have been lost: .*'image': str.*"),
        ("question_age", 34, "not text; zeros before it may have been lost: .*'question_age': str.*"),
        ("answered_at", datetime(2026, 3, 1), r"not a time in ISO 8601, UTC; say of which zone .*tz_localize.*"),
        ("question_age", "\ud800", "not text"),
    ],
)
def test_a_value_that_the_column_does_not_allow_is_named(make_row: Row, name: str, value: Any, allowed: str) -> None:
    rows = [make_row(), make_row(**({"trial": 2} | {name: value}))]
    with pytest.raises(AnalysisError, match=rf"^pilot\.csv: row 2: {name} is .*{allowed}\.$"):
        from_rows(rows, origin="pilot.csv")


def test_of_several_wrong_values_the_first_row_is_named_and_there_the_first_column(make_row: Row) -> None:
    rows = [make_row(), make_row(trial=2, visit=0, hidden="no"), make_row(trial=3, study="", response="sam")]
    with pytest.raises(AnalysisError, match="row 2: hidden is 'no'"):
        from_rows(rows)


@pytest.mark.parametrize("name", [column.name for column in COLUMNS if not column.joined])
def test_a_missing_column_is_named(make_row: Row, name: str) -> None:
    row = make_row()
    del row[name]
    with pytest.raises(AnalysisError, match=f"row 1: the column {name} is missing"):
        from_rows([row])


@pytest.mark.parametrize("name", [column.name for column in COLUMNS if column.joined and column.name != "task"])
def test_a_column_that_joined_its_version_later_may_be_missing_and_is_unknown(
    tmp_path: Path, make_row: Row, name: str
) -> None:
    row = make_row()
    del row[name]
    assert from_rows([row])[name].isna().all()
    assert [*from_rows([row]).columns] == [*from_rows([make_row()]).columns]
    pd.DataFrame([row]).to_csv(tmp_path / "before.csv", index=False)
    assert read_file(tmp_path / "before.csv")[name].isna().all()


def test_an_unknown_column_is_named(make_row: Row) -> None:
    with pytest.raises(AnalysisError, match=r"row 1: the column colour is unknown.*question_"):
        from_rows([make_row(colour="red")])


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("shift-study/responses/4", "newer than the shift-study/responses/3.*install a newer"),
        ("shift-study/responses/" + 5000 * "9", "newer than the shift-study/responses/3.*install a newer"),
        ("shift-study/manifest/1", "is this a table of responses"),
        ("shift-study/responses/0", "is this a table of responses"),
        ("shift-study/responses/", "is this a table of responses"),
        (1, "is this a table of responses"),
        ([], "is this a table of responses"),
        (None, "is this a table of responses"),
    ],
)
def test_an_unknown_schema_is_refused(make_row: Row, schema: Any, says: str) -> None:
    with pytest.raises(AnalysisError, match=f"row 1: schema is .*{says}"):
        from_rows([make_row(schema=schema)])


def earlier(row: dict[str, Any], version: int) -> dict[str, Any]:
    """A row as an earlier version of the table had it."""
    kept = {name: value for name, value in row.items() if name not in LATER[version]}
    return kept | {"schema": f"shift-study/responses/{version}"}


@pytest.mark.parametrize("version", LATER)
def test_rows_of_earlier_versions_are_brought_up_to_date(make_row: Row, version: int) -> None:
    table = from_rows([earlier(make_row(question_screen="laptop"), version)])
    unknown = dict.fromkeys(name for name in LATER[version] if name != "task")
    pd.testing.assert_frame_equal(table, from_rows([make_row(question_screen="laptop", **unknown)]))
    assert table["schema"].tolist() == ["shift-study/responses/3"]


@pytest.mark.parametrize(("version", "name"), [(version, name) for version, names in LATER.items() for name in names])
def test_a_version_has_no_column_of_a_later_one(make_row: Row, version: int, name: str) -> None:
    row = earlier(make_row(), version)
    says = f"row 2: the column {name} is none of shift-study/responses/{version}; remove it"
    with pytest.raises(AnalysisError, match=says):
        from_rows([row, row | {"trial": 2, name: None}])


@pytest.mark.parametrize("turned", [False, True])
def test_versions_are_not_mixed(make_row: Row, turned: bool) -> None:
    rows = [make_row(), earlier(make_row(trial=2), 1)]
    with pytest.raises(
        AnalysisError, match=r"row 2: schema is .*responses/\d', but .*responses/\d' in row 1; a table is"
    ):
        from_rows(rows[::-1] if turned else rows)


def test_a_trial_given_twice_names_both_rows(make_row: Row) -> None:
    rows = [make_row(trial=1), make_row(trial=2), make_row(trial=1)]
    with pytest.raises(AnalysisError, match="row 3: trial 1 of participant p0001 was already given in row 1"):
        from_rows(rows)


def test_participants_of_two_studies_and_unknown_participants_may_share_a_trial(make_row: Row) -> None:
    rows = [make_row(), make_row(study="main"), make_row(participant=None), make_row(participant=None)]
    assert len(from_rows(rows)) == 4


@pytest.mark.parametrize(("name", "value"), [("shift_px", 4), ("image", "00008")])
def test_a_pair_that_changes_is_refused(make_row: Row, name: str, value: Any) -> None:
    with pytest.raises(AnalysisError, match=f"row 2: {name} of pair 00007_n-3 is .*in row 1"):
        from_rows([make_row(trial=1), make_row(**({"trial": 2} | {name: value}))])


@pytest.mark.parametrize(("excluded", "reason"), [(True, ""), (True, ";"), (False, "validation")])
def test_excluded_and_its_reason_agree(make_row: Row, excluded: bool, reason: str) -> None:
    with pytest.raises(AnalysisError, match=r"row 1: .*exclu"):
        from_rows([make_row(excluded=excluded, exclusion_reason=reason)])
