"""What odd-one-out found, by shift, as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.figure_style import BLUE, MUTED
from analysis.observers.dprime_figure import draw_series
from analysis.observers.oddity import GUESSING, Oddity

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_oddity(result: Oddity, ax: Axes) -> None:
    """Draw d′ with its interval at each shift."""
    rows = [row for row in result.rows if row.d_prime.estimate is not None]
    draw_series([row.shift_px for row in rows], [row.d_prime for row in rows], ax, colour=BLUE, marker="o")
    ax.set_ylim(bottom=0)
    _name_shifts(result, ax)
    ax.set_ylabel("d′")


def plot_correct(result: Oddity, ax: Axes) -> None:
    """Draw the share of right answers with its interval at each shift, and what guessing gives."""
    draw_series(
        [row.shift_px for row in result.rows], [row.correct for row in result.rows], ax, colour=BLUE, marker="o"
    )
    ax.axhline(GUESSING, color=MUTED, linewidth=1.0, linestyle="--", label="guessing")
    ax.set_ylim(0, 1.03)
    ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    _name_shifts(result, ax)
    ax.set_ylabel("Right answers")
    ax.legend(loc="lower right", fontsize="small")


def _name_shifts(result: Oddity, ax: Axes) -> None:
    ax.set_xticks([row.shift_px for row in result.rows])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("Shift (pixels)")
