"""Thresholds of single people as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figure_style import BLUE, FAINT, ORANGE
from analysis.hierarchical.function import HierarchicalFunction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Above, names would stand on each other.
_MOST_NAMES = 60


def plot_participants(result: HierarchicalFunction, ax: Axes) -> None:
    """Draw each participant's threshold with its 95% interval, lowest first, beside the typical participant's."""
    values = np.array(
        [[row.threshold_px.estimate, row.threshold_px.low, row.threshold_px.high] for row in result.rows],
        dtype=np.float64,
    )
    typical = result.threshold_px
    if typical.estimate is not None and typical.low is not None and typical.high is not None:
        ax.axhspan(typical.low, typical.high, color=FAINT, linewidth=0, zorder=1)
        ax.axhline(typical.estimate, color=ORANGE, linewidth=1.2, zorder=2, label="typical participant, 95% interval")
    ax.errorbar(
        range(len(values)),
        values[:, 0],
        yerr=[values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]],
        fmt="o",
        color=BLUE,
        markersize=4,
        elinewidth=1,
        zorder=3,
        label="participants, 95% intervals",
    )
    names = [row.participant for row in result.rows]
    if len(names) <= _MOST_NAMES:
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize="xx-small")
    else:
        ax.set_xticks([])
    ax.set_yscale("log")
    lowest, highest = float(values[:, 1].min()), float(values[:, 2].max())
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) if lowest <= tick <= highest]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("Participants")
    ax.set_ylabel("Threshold (pixels)")
    ax.legend(loc="upper left", fontsize="small")
