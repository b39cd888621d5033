"""Out of Parquet comes what checking each cell and row gives, and what that refuses is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.observers.table1 import TABLE1_COLUMNS, table1
from analysis.responses import column_check
from analysis.responses.cells import parse
from analysis.responses.columns import columns_of
from analysis.responses.response_files import read_file, write_file
from analysis.responses.sources import read_responses
from analysis.responses.tidy_table import from_rows
from analysis.tasks.same_different import SAME_DIFFERENT
from examples import examples
from row_by_row import row_by_row

COLUMNS = [column.name for column in columns_of(SAME_DIFFERENT) if column.name != "task"]
Row = Callable[..., dict[str, Any]]

# Values that some column does not allow, or that only the check row by row makes something of.
ODD: list[Any] = [None, "", "left", "same", "3", 0, -1, 3.0, 2.5, 2**40, float("nan"), float("inf"), True, ";", "a;b"]


def both(table: pa.Table, columns: list[str] | None = None) -> tuple[Any, Any]:
    """What the reader gives or says, and what the check of the rows does."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "responses.parquet"
        pq.write_table(table, path, row_group_size=3)
        found = outcome(lambda: read_file(path, columns))
        rows = pq.read_table(path).to_pylist()
        return found, outcome(lambda: row_by_row(rows, str(path)))


def outcome(read: Callable[[], pd.DataFrame]) -> Any:
    try:
        return read()
    except AnalysisError as error:
        return str(error)


def some_rows(make_row: Row, count: int) -> list[dict[str, Any]]:
    return [
        make_row(participant=f"p{index % 2}", trial=index + 1, pair=f"fox{index % 3}_n-3", image=f"fox{index % 3}")
        for index in range(count)
    ]


@settings(deadline=None, max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(COLUMNS), st.sampled_from(ODD)),
        max_size=3,
    ),
    whole_column=st.booleans(),
)
def test_odd_values_are_read_or_refused_alike(make_row: Row, changes: list[Any], whole_column: bool) -> None:
    rows = some_rows(make_row, 7)
    for index, name, value in changes:
        for row in rows if whole_column else [rows[index]]:
            row[name] = value
    try:
        table = pa.Table.from_pylist(rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # no column of one type
        return
    found, expected = both(table)
    if isinstance(expected, str):
        assert found == expected
    else:
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    ("name", "value", "because"),
    [
        ("trial", 1, "was already given in row 1"),
        ("image", "9", "image of pair fox0_n-3 is '9', but 'fox0' in row 1"),
        ("shift_px", 4, "shift_px of pair fox0_n-3 is 4, but 3 in row 1"),
        ("excluded", True, "exclusion_reason names none"),
        ("exclusion_reason", "why", "but excluded is false"),
        ("response", "maybe", "not one of same, different"),
        ("study", "", "is empty"),
        ("schema", "shift-study/responses/1", "a table is of one version"),
        ("answered_at", "yesterday", "not a time|not ISO|is 'yesterday'"),
    ],
)
def test_a_row_that_is_wrong_is_named(make_row: Row, name: str, value: Any, because: str) -> None:
    rows = some_rows(make_row, 7)
    rows[6][name] = value
    found, expected = both(pa.Table.from_pylist(rows))
    assert found == expected
    with pytest.raises(AnalysisError, match=f"row 7: .*({because})"):
        raise AnalysisError(found)


def test_the_usual_table_is_checked_without_looking_at_single_cells(
    make_row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "responses.parquet"
    table = from_rows(some_rows(make_row, 9))
    write_file(table, path)
    looked_at: list[Any] = []
    monkeypatch.setattr(column_check, "parse", lambda cell, column: looked_at.append(cell) or parse(cell, column))
    pd.testing.assert_frame_equal(read_file(path), table, check_exact=True)
    # Those of columns with few different texts, once each, and each moment.
    assert len(looked_at) < 30


@pytest.mark.parametrize(
    "kind",
    [
        pa.int8(), pa.int32(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(21, 1),
        pa.dictionary(pa.int8(), pa.int64()), pa.string(), pa.string_view(),
    ],
)  # fmt: skip
def test_other_types_of_numbers_are_as_good(make_row: Row, tmp_path: Path, kind: Any) -> None:
    table = pa.Table.from_pylist(some_rows(make_row, 4))
    array = pa.array([1, 2, 3, 4], pa.int64())
    changed = array.dictionary_encode() if pa.types.is_dictionary(kind) else array.cast(kind)
    path = tmp_path / "responses.parquet"
    pq.write_table(table.set_column(table.column_names.index("visit"), "visit", changed), path)
    found = read_file(path)
    expected = from_rows([row | {"visit": visit} for visit, row in enumerate(some_rows(make_row, 4), start=1)])
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.dictionary(pa.uint8(), pa.large_string())],
)
def test_other_types_of_texts_are_as_good(make_row: Row, tmp_path: Path, kind: Any) -> None:
    table = from_rows(some_rows(make_row, 5))
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for place, name in enumerate(arrow.column_names):
        if table[name].dtype == "string":
            plain = arrow[name].cast(pa.large_string()).combine_chunks()
            changed = plain.dictionary_encode() if pa.types.is_dictionary(kind) else plain.cast(kind)
            arrow = arrow.set_column(place, name, changed)
    path = tmp_path / "responses.parquet"
    pq.write_table(arrow.replace_schema_metadata(None), path)
    pd.testing.assert_frame_equal(read_file(path), table, check_exact=True)


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint8(), pa.float64(), pa.string()])
def test_0_and_1_are_truth_values(make_row: Row, tmp_path: Path, kind: Any) -> None:
    table = pa.Table.from_pylist(some_rows(make_row, 3))
    path = tmp_path / "responses.parquet"
    changed = pa.array([0, 1, None], pa.int64()).cast(kind)
    pq.write_table(table.set_column(table.column_names.index("hidden"), "hidden", changed), path)
    assert read_file(path)["hidden"].tolist() == [False, True, pd.NA]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_moments_of_any_zone_are_told_in_utc_and_without_one_refused(make_row: Row, tmp_path: Path, unit: str) -> None:
    frame = pd.DataFrame(some_rows(make_row, 2))
    moments = pd.Series(pd.to_datetime(["2026-03-01T13:00:00.250+01:00"] * 2, format="ISO8601")).dt.as_unit(unit)
    path = tmp_path / "responses.parquet"
    frame.assign(answered_at=moments.dt.tz_convert("Europe/Berlin")).to_parquet(path)
    assert set(read_file(path)["answered_at"]) == {"2026-03-01T12:00:00.250000+00:00"}
    frame.assign(answered_at=moments.dt.tz_localize(None)).to_parquet(path)
    with pytest.raises(AnalysisError, match=r"row 1: answered_at is .*; say of which zone it is before you write"):
        read_file(path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("index", ["none", "rows", "trial"])
def test_what_a_data_frame_made_of_a_csv_is_read_as_that(
    make_row: Row, tmp_path: Path, suffix: str, index: str
) -> None:
    rows = [make_row(trial=trial, pair=f"000{trial}_n-3", image=f"000{trial}") for trial in (11, 12, 15)]
    rows[1] |= {"hidden": None, "reaction_time_ms": None, "excluded": True, "exclusion_reason": "by_hand"}
    rows[2] |= {"viewport_width": None, "visit": None, "question_glasses": "no"}
    table = from_rows(rows)
    write_file(table, tmp_path / "exported.csv")
    frame = pd.read_csv(tmp_path / "exported.csv")
    assert frame["image"].tolist() == [11, 12, 15]
    path = tmp_path / f"responses{suffix}"
    if suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif index == "none":
        getattr(frame, f"to_{suffix[1:]}")(path, index=False)
    else:
        # What is left of a larger table has the numbers of its rows as an index, or whatever it was given.
        indexed = frame.set_index("trial") if index == "trial" else frame.set_axis([5, 7, 8])
        getattr(indexed, f"to_{suffix[1:]}")(path)
    pd.testing.assert_frame_equal(read_file(path), table, check_exact=True)


def test_an_image_that_is_not_the_one_in_the_name_of_its_pair_stays_a_number(make_row: Row, tmp_path: Path) -> None:
    path = tmp_path / "responses.parquet"
    rows = [make_row(), make_row(trial=2)]
    pd.DataFrame(rows).assign(image=[7, 8]).to_parquet(path)
    with pytest.raises(AnalysisError, match="row 2: image is 8, not text; zeros before it may have been lost"):
        read_file(path)


def test_only_the_columns_asked_for_are_read_and_checked(make_row: Row, tmp_path: Path) -> None:
    path = tmp_path / "responses.parquet"
    rows = some_rows(make_row, 5)
    rows[2]["viewport_width"] = -1
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert read_file(path, ["response", "shift_px"]).columns.tolist() == ["schema", "task", "shift_px", "response"]
    with pytest.raises(AnalysisError, match="row 3: viewport_width"):
        read_file(path)
    pq.write_table(pa.Table.from_pylist(rows).drop_columns("hidden"), path)
    with pytest.raises(AnalysisError, match="the column hidden is missing"):
        read_file(path, ["response", "shift_px"])


def test_a_later_column_that_an_early_table_has_not_is_unknown(make_row: Row, tmp_path: Path) -> None:
    path = tmp_path / "responses.parquet"
    second = {column.name for column in columns_of(SAME_DIFFERENT) if column.since > 1}
    rows = [
        {name: value for name, value in row.items() if name not in second} | {"schema": "shift-study/responses/1"}
        for row in some_rows(make_row, 3)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    table = read_file(path, ["visit", "sent_after_ms"])
    assert table["visit"].isna().all()
    assert table.dtypes.astype(str).tolist() == ["string", "string", "Int64", "Float64"]
    assert set(table["schema"]) == {"shift-study/responses/3"}


def test_table_1_is_that_of_the_whole_table(make_row: Row, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [
        make_row(
            participant=f"p{index // 20}",
            participant_state="unfinished" if index < 20 else "finished",
            trial=index % 20 + 1,
            pair=f"{index % 7}_n-{index % 7}",
            image=f"{index % 7}",
            shift_px=index % 7,
            response=str(generator.choice(["same", "different"])),
        )
        for index in range(200)
    ]
    path = tmp_path / "responses.parquet"
    write_file(from_rows(rows), path)

    def no_study(source: str) -> None:
        return None

    rules = ("unfinished", "validation", "one_sided", "too_fast", "interrupted")
    part = read_responses(str(path), no_study, rules, TABLE1_COLUMNS)
    assert "viewport_width" not in part
    assert table1(part, rules) == table1(read_responses(str(path), no_study, rules), rules)


def test_a_damaged_file_is_refused(make_row: Row, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    table = from_rows(
        make_row(trial=trial, pair=f"{trial}_n-3", image=f"{trial}", reaction_time_ms=float(generator.random() * 1000))
        for trial in range(1, 2001)
    )
    path = tmp_path / "responses.parquet"
    write_file(table, path)
    pd.testing.assert_frame_equal(read_file(path), table)
    whole = path.read_bytes()
    refused = 0
    for begin in range(200, len(whole) - 20_000, 3_000):
        path.write_bytes(whole[:begin] + bytes(64) + whole[begin + 64 :])
        try:
            assert read_file(path).equals(table)
        except AnalysisError as error:
            refused += 1
            assert "damaged" in str(error) or "is not a Parquet file" in str(error)
    assert refused > 0
