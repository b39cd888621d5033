"""The declaration of the columns and `docs/responses.md` say the same."""

from __future__ import annotations

import re
from pathlib import Path

from analysis.responses.columns import COLUMNS, Column

DOCUMENT = Path(__file__).parents[3] / "docs" / "responses.md"


def documented() -> dict[str, list[str]]:
    """Column name → the cells of its row in the document, without the name."""
    rows = {}
    responses, _, _ = DOCUMENT.read_text(encoding="utf-8").partition("## The table of participants")
    for line in responses.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            for name in re.findall(r"`([^`]+)`", cells[0]):
                rows[name] = cells[1:]
    return rows


def kind(column: Column) -> str:
    if column.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in column.choices)
    return column.allowed


def test_every_column_is_documented_with_its_type_and_meaning() -> None:
    declared = {column.name: [kind(column), "yes" if column.nullable else "no", column.meaning] for column in COLUMNS}
    documents = documented()
    assert documents.pop("question_…")[:2] == ["text", "yes"]
    assert documents == declared


def test_the_document_lists_the_columns_in_their_order() -> None:
    assert [name for name in documented() if name != "question_…"] == [column.name for column in COLUMNS]
