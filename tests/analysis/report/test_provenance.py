"""The hash by which a report names its answers, and its title block."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from analysis.report.provenance import data_sha256, title_block
from analysis.responses.sources import published_judgments
from analysis.responses.tidy_table import from_rows


def test_same_different_answers_have_the_hash_that_they_had_before_tables_named_their_task() -> None:
    table = published_judgments()
    assert data_sha256(table) == "651d3e952660b2e0d149313a90196a1c0b5a800a043e08416801e073aa02ae0a"
    assert data_sha256(table.drop(columns="task")) == data_sha256(table)


def test_answers_have_the_hash_that_they_had_before_tables_said_that_people_gave_them(
    make_row: Callable[..., dict[str, Any]],
) -> None:
    row = make_row(exactness=None, page_altered=None)
    before = {name: value for name, value in row.items() if name not in ("simulated", "exactness", "page_altered")}
    assert data_sha256(from_rows([row])) == data_sha256(from_rows([before]))
    assert data_sha256(from_rows([row | {"simulated": True}])) != data_sha256(from_rows([before]))


def test_marks_are_not_in_the_hash_and_answers_are(make_task_row: Callable[..., dict[str, Any]]) -> None:
    table = from_rows([make_task_row("odd-one-out")])
    marked = from_rows([make_task_row("odd-one-out", excluded=True, exclusion_reason="too_fast")])
    other = from_rows([make_task_row("odd-one-out", response="left")])
    assert data_sha256(marked) == data_sha256(table) != data_sha256(other)


def test_the_title_block_says_whose_report_it_is_when_it_was_made_and_with_what(
    make_row: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1772366400")
    moments = ["2026-02-27T23:59:00.000+00:00", "2026-03-01T00:01:00.000+00:00"]
    table = from_rows([make_row(trial=n + 1, answered_at=moment) for n, moment in enumerate(moments)])
    assert title_block(table, "A. Ghildyal, F. Liu") == (
        ("Study", "pilot"),
        ("Investigators", "A. Ghildyal, F. Liu"),
        ("Answers given", "2026-02-27 to 2026-03-01"),
        ("Report made", "2026-03-01"),
        ("Software", f"Shift Study {version('shift-study')}"),
    )
    assert dict(title_block(table.iloc[:1])).get("Answers given") == "2026-02-27"
    assert "Investigators" not in dict(title_block(table))
