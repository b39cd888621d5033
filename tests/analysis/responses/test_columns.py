"""The declarations of the columns and `docs/responses.md` say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.columns.column import Column
from analysis.responses.columns import COMMON, columns_of
from analysis.tasks.registry import TASKS
from analysis.tasks.task import Task

DOCUMENT = Path(__file__).parents[3] / "docs" / "responses.md"


def documented(heading: str) -> dict[str, list[str]]:
    """Column name → the cells of its row below a heading, without the name."""
    rows = {}
    section = re.split(r"^#+ ", DOCUMENT.read_text(encoding="utf-8").partition(heading)[2], flags=re.MULTILINE)[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            for name in re.findall(r"`([^`]+)`", cells[0]):
                rows[name] = cells[1:]
    return rows


def kind(column: Column) -> str:
    if column.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in column.choices)
    return column.allowed


def declared(columns: tuple[Column, ...]) -> dict[str, list[str]]:
    return {column.name: [kind(column), "yes" if column.nullable else "no", column.meaning] for column in columns}


def test_every_common_column_is_documented_in_its_place_with_its_type_and_meaning() -> None:
    documents = documented("## Columns of every table")
    assert documents.pop("question_…")[:2] == ["text", "yes"]
    assert list(documents.items()) == list(declared(COMMON).items())


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_column_of_a_task_is_documented_in_its_place_with_its_type_and_meaning(task: Task) -> None:
    assert list(documented(f"### Columns of `{task.name}`").items()) == list(declared(task.own).items())


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_task_declares_each_column_once_and_beside_one_that_there_is(task: Task) -> None:
    names = [column.name for column in columns_of(task)]
    assert len(set(names)) == len(names) == len(COMMON) + len(task.own)
    assert {task.subject, task.picture, *task.of_subject} <= {*names}
