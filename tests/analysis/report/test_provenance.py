"""The hash by which a report names its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.report.provenance import data_sha256
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
