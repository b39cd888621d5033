"""Tables of every task are read from every format, and none is taken for one of another task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import AnalysisError
from analysis.responses.columns import columns_of
from analysis.responses.response_files import read_file, write_file
from analysis.responses.sources import export_responses, read_responses
from analysis.responses.tidy_table import from_rows
from analysis.tasks.registry import TASKS, task_of
from study_of_rows import study_of

Row = Callable[..., dict[str, Any]]
SUFFIXES = [".csv", ".jsonl", ".parquet"]


def write(rows: list[dict[str, Any]], path: Path) -> Path:
    """The rows as another program would write them, with the columns that they have."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("task", TASKS)
def test_a_table_of_each_task_comes_back_exactly(tmp_path: Path, make_task_row: Row, task: str, suffix: str) -> None:
    table = from_rows([make_task_row(task, trial=1), make_task_row(task, trial=2, question_screen="=1")])
    assert [*table.columns] == [*(column.name for column in columns_of(TASKS[task])), "question_screen"]
    assert table.loc[0].drop("question_screen").to_dict() == make_task_row(task, trial=1)
    path = tmp_path / f"responses{suffix}"
    write_file(table, path)
    pd.testing.assert_frame_equal(read_file(path), table, check_exact=True)
    assert task_of(read_file(path, ["response"])) is TASKS[task]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("task", TASKS)
def test_a_table_without_rows_is_of_the_task_whose_columns_it_has(
    tmp_path: Path, make_task_row: Row, task: str, suffix: str
) -> None:
    path = tmp_path / f"responses{suffix}"
    write_file(from_rows([make_task_row(task)]).iloc[:0], path)
    found = read_file(path)
    if suffix != ".jsonl":  # which holds no names without rows
        assert task_of(found) is TASKS[task]
        assert [*found.columns] == [column.name for column in columns_of(TASKS[task])]
    assert found.empty


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("said", ["absent", "empty"])
def test_a_table_that_does_not_say_its_task_is_of_same_different(
    tmp_path: Path, make_row: Row, suffix: str, said: str
) -> None:
    rows = [make_row(trial=1), make_row(trial=2)]
    for row in rows:
        if said == "absent":
            del row["task"]
        else:
            row["task"] = None
    path = write(rows, tmp_path / f"responses{suffix}")
    expected = from_rows([make_row(trial=1), make_row(trial=2)])
    pd.testing.assert_frame_equal(read_file(path), expected, check_exact=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_of_two_tasks_says_which_and_where(tmp_path: Path, make_task_row: Row, suffix: str) -> None:
    rows = [make_task_row("same-different"), make_task_row("same-different", trial=2) | {"task": "odd-one-out"}]
    path = write(rows, tmp_path / f"responses{suffix}")
    says = "(line 3|line 2|row 2): task is 'odd-one-out', but 'same-different' in the first row; a table is of one task"
    with pytest.raises(AnalysisError, match=says):
        read_file(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_column_of_another_task_says_of_which(tmp_path: Path, make_task_row: Row, suffix: str) -> None:
    path = write([make_task_row("2afc", pair="00007_n-3")], tmp_path / f"responses{suffix}")
    with pytest.raises(
        AnalysisError, match="column pair is of same-different and odd-one-out, but the table is of 2afc"
    ):
        read_file(path)


@pytest.mark.parametrize("first", [4, 6])  # of those that are read at a time, and inside
def test_the_responses_of_a_study_of_two_tasks_are_refused(tmp_path: Path, make_row: Row, first: int) -> None:
    rows = [make_row(trial=trial, task="same-different" if trial < first else "survey") for trial in range(1, 9)]
    says = f"row {first}: task is 'survey', but 'same-different' in"
    with pytest.raises(AnalysisError, match=says):
        read_responses("db", lambda source: study_of(rows))
    with pytest.raises(AnalysisError, match=says):
        export_responses("db", lambda source: study_of(rows), tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("task", TASKS)
def test_a_study_of_each_task_is_written_as_it_is_read(
    tmp_path: Path, make_task_row: Row, task: str, suffix: str
) -> None:
    rows = [make_task_row(task, trial=trial) for trial in range(1, 9)]
    path = tmp_path / f"responses{suffix}"
    export_responses("db", lambda source: study_of(rows), path)
    pd.testing.assert_frame_equal(read_file(path), read_responses("db", lambda source: study_of(rows)))


def unknown(make_row: Row, **values: Any) -> dict[str, Any]:
    """A row of a task that nobody here knows."""
    row = make_row(task="rating", colour="7", **values)
    return {name: value for name, value in row.items() if name not in ("pair", "image", "reference_side")}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_of_an_unknown_task_is_read_and_written_whole(tmp_path: Path, make_row: Row, suffix: str) -> None:
    rows = [unknown(make_row, trial=1), unknown(make_row, trial=2, response="rather blue")]
    table = from_rows(rows)
    assert table["trial"].tolist() == [1, 2]
    assert table[["response", "colour", "shift_px"]].to_numpy().tolist() == [["same", "7", "3"],
                                                                             ["rather blue", "7", "3"]]  # fmt: skip
    path, again = (tmp_path / f"{name}{suffix}" for name in ("a", "b"))
    write(rows, path)
    pd.testing.assert_frame_equal(read_file(path)[[*table.columns]], table)
    export_responses(str(path), lambda source: None, again)
    pd.testing.assert_frame_equal(read_file(again)[[*table.columns]], table)


def test_common_columns_of_an_unknown_task_are_checked(make_row: Row) -> None:
    with pytest.raises(AnalysisError, match="row 1: trial is 0"):
        from_rows([unknown(make_row, trial=0)])
    row = unknown(make_row)
    del row["hidden"]
    with pytest.raises(AnalysisError, match="row 1: the column hidden is missing"):
        from_rows([row])


def test_the_name_of_a_task_is_a_text(make_row: Row) -> None:
    with pytest.raises(AnalysisError, match="row 2: task is 5, not text"):
        from_rows([make_row(), make_row(trial=2, task=5)])


@pytest.mark.parametrize(
    ("task", "name", "value", "says"),
    [
        ("2afc", "triplet", "00008", "row 2: triplet of stimulus 00007_n-3 is '00008', but '00007' in row 1"),
        ("2afc", "distortion_first", "noise", "row 2: distortion_first of stimulus 00007_n-3 is 'noise'"),
        ("2afc", "preferred", "second", "row 2: preferred is 'second', but the image first stood on the left"),
        ("2afc", "first_side", "right", "row 2: preferred is 'first', but the image first stood on the right"),
        ("2afc", "repetition", 0, "row 2: repetition is 0, not an integer ≥ 1"),
        ("odd-one-out", "shift_px", 0, "row 2: shift_px is 0, not an integer ≥ 1"),
        ("odd-one-out", "response", "same", "row 2: response is 'same', not one of left, middle, right"),
        ("odd-one-out", "photograph", "other", "row 2: photograph of pair 00007_n-3 is 'other'"),
    ],
)
def test_what_contradicts_in_a_task_is_refused(make_task_row: Row, task: str, name: str, value: Any, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        from_rows([make_task_row(task), make_task_row(task, **{"trial": 2, name: value})])


def test_the_triplet_that_lost_its_zeros_is_read_from_the_name_of_its_stimulus(
    tmp_path: Path, make_task_row: Row
) -> None:
    path = write([make_task_row("2afc", triplet=7)], tmp_path / "a.csv")
    assert read_file(path)["triplet"].tolist() == ["00007"]


def test_the_form_of_the_paper_is_of_its_own_task_alone(tmp_path: Path, make_task_row: Row) -> None:
    with pytest.raises(AnalysisError, match=r"same-different study, and the responses are of 2afc; write \.csv"):
        write_file(from_rows([make_task_row("2afc")]), tmp_path / "a.json")
