"""A scorecard as a figure: a panel for each column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from analysis.figure_style import BLUE, FAINT, MUTED, ORANGE, PURPLE
from analysis.report.scorecard import Scorecard, ScoreColumn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS_A_ROW = 3
_WIDTH, _LEFT, _GAP = 7.4, 0.17, 0.03


def scorecard_size(card: Scorecard) -> tuple[float, float]:
    """Width and height in inches."""
    return _WIDTH, _rows(card) * (0.95 + 0.27 * len(card.metrics))


def plot_scorecard(card: Scorecard, ax: Axes) -> None:
    """Draw the metrics with their intervals, beside chance and the ceiling, in a panel for each column."""
    ax.set_axis_off()
    rows = _rows(card)
    width = (1 - _LEFT) / min(_PANELS_A_ROW, max(1, len(card.columns)))
    height = 1 / rows
    title = 0.62 / (0.95 + 0.27 * len(card.metrics))
    for number, column in enumerate(card.columns):
        row, place = divmod(number, _PANELS_A_ROW)
        bottom = 1 - (row + 1) * height
        panel = ax.inset_axes(
            (_LEFT + place * width, bottom + 0.25 * title * height, width - _GAP, (1 - title) * height)
        )
        _panel(card, column, panel, named=place == 0)


def _panel(card: Scorecard, column: ScoreColumn, panel: Axes, *, named: bool) -> None:
    names = card.metrics[::-1]
    if column.chance is not None:
        panel.axvline(column.chance, color=ORANGE, linestyle=(0, (4, 2)), linewidth=1.2, zorder=1)
    low, high = column.ceiling_low, column.ceiling_high
    if low is not None and high is not None and high > low:
        panel.axvspan(low, high, color=PURPLE, alpha=0.2, linewidth=0, zorder=0)
    elif high is not None:
        panel.axvline(high, color=PURPLE, linestyle=(0, (6, 2, 1, 2)), linewidth=1.2, zorder=1)
    for place, name in enumerate(names):
        panel.axhline(place, color=FAINT, linewidth=0.5, zorder=0)
        one = column.values.get(name)
        if one is None or one.estimate is None:
            across = panel.get_yaxis_transform()
            panel.text(0.02, place, "not scored", transform=across, fontsize="x-small", color=MUTED, va="bottom")
            continue
        if one.low is not None and one.high is not None:
            panel.plot([one.low, one.high], [place, place], color=BLUE, linewidth=1.5, zorder=2)
        panel.plot([one.estimate], [place], "o", color=BLUE, markersize=5, markeredgecolor="white", zorder=3)
    panel.set_ylim(-0.6, max(len(names), 1) - 0.4)
    panel.set_yticks(range(len(names)), list(names) if named else [""] * len(names))
    panel.tick_params(labelsize="small")
    panel.locator_params(axis="x", nbins=5)
    better = "" if column.higher_is_better else " (fewer is better)"
    panel.set_title(f"{column.judgments}\n{column.figure}{better}", fontsize="small")


def _rows(card: Scorecard) -> int:
    return max(1, math.ceil(len(card.columns) / _PANELS_A_ROW))
