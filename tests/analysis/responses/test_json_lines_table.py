"""JSON Lines are read the same by Arrow, where it can, as line by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.responses import json_lines_table
from analysis.responses.response_files import read_file

Row = Callable[..., dict[str, Any]]


def rows(make_row: Row) -> list[dict[str, Any]]:
    return [
        make_row(trial=1, question_age="26"),
        make_row(trial=2, question_age=None, reaction_time_ms=12, visit=None, hidden=None),
        make_row(trial=3, question_age='he said "visit": "never"\n\u2028ü', reaction_time_ms=0.1 + 0.2),
    ]


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines_table, "_by_arrow", lambda path, columns: None)


@pytest.mark.parametrize("columns", [None, ("pair", "response", "question_age")])
def test_both_ways_give_the_same_table(
    make_row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: tuple[str, ...] | None
) -> None:
    path = written(tmp_path / "a.jsonl", rows(make_row))
    assert json_lines_table._by_arrow(path, columns) is not None
    quick = read_file(path, columns)
    by_line(monkeypatch)
    pd.testing.assert_frame_equal(quick, read_file(path, columns))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.pop("visit"), lambda row: row.update(visit="3"), lambda row: row.update(colour="red"),
        lambda row: row.update(pair=7), lambda row: row.update(hidden=1), lambda row: row.update(question_age=26),
        lambda row: row.update(reaction_time_ms=-1), lambda row: row.update(trial=1), lambda row: row.pop("schema"),
    ],
)  # fmt: skip
def test_what_is_not_plainly_written_ends_the_same_way(
    make_row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], object]
) -> None:
    lines = rows(make_row)
    change(lines[1])
    path = written(tmp_path / "a.jsonl", lines)
    found: list[Any] = []
    for _ in range(2):
        try:
            found.append(read_file(path).to_dict("list"))
        except AnalysisError as error:
            found.append(str(error))
        by_line(monkeypatch)
    assert str(found[0]) == str(found[1])


def test_a_block_ends_where_a_line_does(make_row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines_table, "_PIECE", 50)
    path = written(tmp_path / "a.jsonl", rows(make_row))
    assert json_lines_table._by_arrow(path, None) is not None
    path.write_bytes(path.read_bytes()[:-1])
    assert json_lines_table._by_arrow(path, None) is not None
