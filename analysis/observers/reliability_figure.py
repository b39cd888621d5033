"""Agreement as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.figure_style import BLUE, FAINT, MUTED
from analysis.observers.reliability import Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.results import Estimate


def plot_alpha_by_shift(result: Reliability, ax: Axes) -> None:
    """Draw Krippendorff's alpha of the pairs of each shift with its interval; a line shows that within all shifts."""
    rows = [(row.shift_px, row.alpha) for row in result.shifts if row.alpha.estimate is not None]
    ax.axhline(0, color=FAINT, linewidth=0.8)
    if result.alpha_within_shift.estimate is not None:
        ax.axhline(result.alpha_within_shift.estimate, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.annotate(
            "within\nall shifts",
            (1, result.alpha_within_shift.estimate),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left",
            va="center",
            color=MUTED,
            fontsize="small",
        )
    values = [alpha.estimate or 0.0 for _, alpha in rows]
    ax.errorbar(
        [shift for shift, _ in rows],
        values,
        yerr=_bars([alpha for _, alpha in rows]),
        fmt="o",
        color=BLUE,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        elinewidth=1.2,
        capsize=2.5,
    )
    ax.set_xticks([row.shift_px for row in result.shifts])
    ax.set_xlabel("Shift (pixels)")
    ax.set_ylabel("Krippendorff's α")


def plot_agreement(result: Reliability, ax: Axes) -> None:
    """Draw each participant's agreement with the rest, lowest first, with its interval."""
    rows = [row for row in result.rows if row.agreement.estimate is not None]
    rows.sort(key=lambda row: row.agreement.estimate or 0.0)
    values = [row.agreement.estimate or 0.0 for row in rows]
    ax.errorbar(
        range(len(rows)),
        values,
        yerr=_bars([row.agreement for row in rows]),
        fmt="o",
        color=BLUE,
        markersize=3.5,
        elinewidth=0.9,
    )
    if len(rows) <= 40:
        ax.set_xticks(range(len(rows)), [row.participant for row in rows], rotation=90, fontsize="x-small")
    else:
        ax.set_xticks([])
    # Points, not bars: what is far from everybody would only press them together.
    low, high = ax.get_ylim()
    ax.set_ylim(max(0.0, low), min(1.0, high))
    ax.set_xlabel("Participants, by agreement")
    ax.set_ylabel("Answers of others that agree")


def _bars(estimates: list[Estimate]) -> list[list[float]]:
    below = [(one.estimate or 0.0) - one.low if one.low is not None else 0.0 for one in estimates]
    above = [one.high - (one.estimate or 0.0) if one.high is not None else 0.0 for one in estimates]
    return [[max(0.0, value) for value in side] for side in (below, above)]
