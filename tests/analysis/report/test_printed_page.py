"""The report as it is printed: what stands on which page, and how large."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from PIL import ImageFile

from analysis.figure_style import draw, save
from analysis.report.content import Figure, Report, Section, Table
from analysis.report.page import page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

pytestmark = pytest.mark.slow

MM = 96 / 25.4  # CSS pixels
MARGIN = 18 * MM


def nothing(ax: Axes) -> None:
    ax.plot([0, 1])


def filled(millimetres: int) -> Section:
    """A part of about this height, of lines that cannot be broken."""
    return Section("before", "Before", tuple("x" for _ in range(millimetres // 8)))


def figure(height: float) -> Section:
    return Section("it", "It", items=(Figure("it", "What it is.", "A line.", nothing, (6.4, height)),))


def table(rows: int) -> Section:
    cells = tuple((str(row), "x") for row in range(rows))
    return Section("it", "It", items=(Table("it", "What it is.", ("a", "b"), cells, pd.DataFrame()),))


@pytest.fixture
def boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of a report of these sections: page by page, name → (left, top, right, bottom) in CSS pixels."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)  # which WeasyPrint changes, and this puts back
    import weasyprint

    def lay_out(*sections: Section) -> list[dict[str, tuple[float, float, float, float]]]:
        report = Report(
            "Report", (), sections, (("Source", "x"), ("Settings", "x"), ("Versions", "x"), ("Command", "x"))
        )
        for one in report.figures:
            save(draw(one.plot, one.size), tmp_path / f"{one.name}.svg")
        return [dict(each.anchors) for each in weasyprint.HTML(string=page(report, tmp_path)).render().pages]

    return lay_out


@pytest.mark.parametrize(("inches", "least_mm"), [(6.0, 150), (12.0, 215)])
def test_a_figure_of_many_rows_keeps_its_height_and_fits_a_page_with_its_caption(
    boxes: Any, inches: float, least_mm: int
) -> None:
    pages = boxes(figure(inches))
    (where,) = [one["figure-it"] for one in pages if "figure-it" in one]
    assert where[3] - where[1] > least_mm * MM
    assert where[3] < (297 * MM) - MARGIN + 1


def test_a_table_begins_where_there_is_room_and_goes_on_overleaf(boxes: Any) -> None:
    first, *others = boxes(filled(180), table(20))
    assert "table-it" in first  # a page would be half empty else
    assert others


def test_a_short_table_is_not_torn(boxes: Any) -> None:
    first, second = boxes(filled(180), table(12))
    assert "it" not in first
    assert "table-it" in second


@pytest.mark.parametrize("millimetres", [220, 230])
def test_how_to_make_it_again_is_not_torn(boxes: Any, millimetres: int) -> None:
    first, second = boxes(filled(millimetres))
    assert "reproduce" not in first
    assert "reproduce" in second
