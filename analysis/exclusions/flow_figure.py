"""The way from all responses to those analysed, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.exclusions.flow import ExclusionFlow
from analysis.figure_style import BLUE, FAINT, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BOX = {"boxstyle": "round,pad=0.5", "facecolor": "white", "linewidth": 1.0}
_ARROW = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}


def plot_flow(flow: ExclusionFlow, ax: Axes) -> None:
    """Draw boxes from top to bottom on `ax`: assessed, what each reason took away, analysed."""
    bottom = len(flow.rows) + 1
    ax.set_xlim(0, 1)
    ax.set_ylim(bottom + 0.5, -0.5)
    ax.axis("off")
    ax.annotate("", (0.27, bottom - 0.3), (0.27, 0.3), arrowprops=_ARROW)
    _box(ax, 0.27, 0, f"Assessed\n{_numbers(flow.participants, flow.responses, flow.participants > 0)}", INK)
    for place, step in enumerate(flow.rows, start=1):
        ax.annotate("", (0.55, place), (0.27, place), arrowprops=_ARROW)
        lost = _numbers(step.participants, step.responses, flow.participants > 0)
        if step.reason in flow.not_applied:
            lost = "could not be applied"
        _box(ax, 0.56, place, f"{step.reason.replace('_', ' ')}\n{lost}", FAINT, align="left")
    left = _numbers(flow.participants_analysed, flow.responses_analysed, flow.participants > 0)
    _box(ax, 0.27, bottom, f"Analysed\n{left}", BLUE)


def _numbers(participants: int, responses: int, known: bool) -> str:
    people = f"{participants:,} participant{'' if participants == 1 else 's'}, " if known else ""
    return f"{people}{responses:,} response{'' if responses == 1 else 's'}"


def _box(ax: Axes, x: float, y: float, text: str, edge: str, align: str = "center") -> None:
    ax.text(x, y, text, ha=align, va="center", fontsize="small", color=INK, bbox=_BOX | {"edgecolor": edge})
