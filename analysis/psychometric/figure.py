"""The psychometric function as a figure: answers, curve, band and threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figure_style import BLUE, FAINT, MUTED, ORANGE
from analysis.psychometric.function import PsychometricFunction

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_psychometric(function: PsychometricFunction, ax: Axes) -> None:
    """Draw the share of "different" by shift with Wilson intervals, the fitted curve, its band and the threshold."""
    shift = [point.shift_px for point in function.curve]
    banded = [point for point in function.curve if point.low is not None and point.high is not None]
    ax.axhline(50, color=FAINT, linewidth=0.8, zorder=1)
    ax.fill_between(
        [point.shift_px for point in banded],
        [100 * (point.low or 0.0) for point in banded],
        [100 * (point.high or 0.0) for point in banded],
        color=BLUE,
        alpha=0.18,
        linewidth=0,
        zorder=2,
        label="95% interval of the curve",
    )
    ax.plot(
        shift,
        [100 * point.probability for point in function.curve],
        color=BLUE,
        linewidth=1.6,
        zorder=3,
        label=f"{function.core} fit",
    )
    share = np.array([[row.share.estimate, row.share.low, row.share.high] for row in function.rows], dtype=np.float64)
    ax.errorbar(
        [row.shift_px for row in function.rows],
        100 * share[:, 0],
        yerr=100 * np.maximum([share[:, 0] - share[:, 1], share[:, 2] - share[:, 0]], 0),
        fmt="o",
        color=MUTED,
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.7,
        elinewidth=1.1,
        capsize=2,
        zorder=4,
        clip_on=False,
        label="answers, Wilson 95%",
    )
    _mark_threshold(function, ax)
    ax.set_xlim(-0.02 * shift[-1], shift[-1] * 1.02)
    ax.set_ylim(0, 100)
    ax.set_yticks(range(0, 101, 25))
    ax.yaxis.set_major_formatter("{x:.0f}%")
    ax.set_xlabel("Shift (pixels)")
    ax.set_ylabel("Pairs called different")
    ax.legend(loc="lower right", fontsize="small")


def _mark_threshold(function: PsychometricFunction, ax: Axes) -> None:
    threshold = function.threshold_px
    if threshold.estimate is None:
        return
    ax.plot([threshold.estimate] * 2, [0, 50], color=ORANGE, linewidth=1.2, linestyle=(0, (4, 2)), zorder=3)
    text = f"threshold {threshold.estimate:.2f} px"
    if threshold.low is not None and threshold.high is not None:
        ax.plot([threshold.low, threshold.high], [50, 50], color=ORANGE, linewidth=3, solid_capstyle="butt", zorder=5)
        text += f"\n({threshold.low:.2f} to {threshold.high:.2f})"
    if function.misfit is not None:
        text += "\nthe function does not fit"
    ax.annotate(
        text,
        (threshold.estimate, 50),
        xytext=(-6, 12),
        textcoords="offset points",
        ha="right",
        color=ORANGE,
        fontsize="small",
    )
