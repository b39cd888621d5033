"""What a study of selected images can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.agreement.selection import selection_note
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]


def rows(make_row: Row, selections: list[str | None]) -> list[dict[str, Any]]:
    return [
        make_row(
            trial=2 * number + shift, pair=f"{number:05d}_n-{shift}", image=f"{number:05d}", shift_px=shift,
            selection=ground,
        )
        for number, ground in enumerate(selections, start=1)
        for shift in (0, 1)
    ]  # fmt: skip


def test_images_are_counted_by_the_ground_on_which_they_were_selected(make_row: Row) -> None:
    note = selection_note(from_rows(rows(make_row, ["a > b", "b > a", "a > b"])))
    assert note is not None
    assert "at equal shift (2 of a > b and 1 of b > a; A > B" in note
    beside = selection_note(from_rows(rows(make_row, ["a > b", None])))
    assert beside is not None and "(1 of a > b, beside 1 that were drawn; A > B" in beside


def test_of_drawn_images_nothing_is_said(make_row: Row) -> None:
    table = from_rows(rows(make_row, [None, None]))
    assert selection_note(table) is None
    assert selection_note(table.drop(columns="selection")) is None
