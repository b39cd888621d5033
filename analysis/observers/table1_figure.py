"""The share of "same" answers by shift, as a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figure_style import BLUE, MUTED, check_figure, draw, save
from analysis.observers.table1 import Table1

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class SameByShift:
    """Points of the figure: shifts in pixels, and percentages of "same" answers with their 95% intervals."""

    responses: int
    shift_px: tuple[int, ...]
    same_percent: tuple[float, ...]
    low_percent: tuple[float, ...]
    high_percent: tuple[float, ...]

    @classmethod
    def of(cls, table: Table1) -> SameByShift:
        """The figure of a Table 1."""
        return cls(
            responses=table.responses,
            shift_px=tuple(row.shift_px for row in table.rows),
            same_percent=tuple(row.same_percent for row in table.rows),
            low_percent=tuple(row.same_low_percent for row in table.rows),
            high_percent=tuple(row.same_high_percent for row in table.rows),
        )

    def plot(self, ax: Axes) -> None:
        """Draw points with their intervals on `ax`."""
        below = [value - low for value, low in zip(self.same_percent, self.low_percent, strict=True)]
        above = [high - value for value, high in zip(self.same_percent, self.high_percent, strict=True)]
        ax.axhline(50, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        ax.plot(self.shift_px, self.same_percent, color=BLUE, linewidth=1.2, alpha=0.45, zorder=2)
        ax.errorbar(
            self.shift_px,
            self.same_percent,
            # Rounding may put an end of the interval on the wrong side of its point by an ulp.
            yerr=[[max(0.0, value) for value in below], [max(0.0, value) for value in above]],
            fmt="o",
            color=BLUE,
            markersize=5.5,
            markeredgecolor="white",
            markeredgewidth=0.8,
            elinewidth=1.3,
            capsize=2.5,
            zorder=3,
            clip_on=False,
        )
        ax.annotate(
            f"{self.responses:,} responses, Wilson 95% intervals",
            (1, 1),
            xycoords="axes fraction",
            ha="right",
            va="top",
            color=MUTED,
            fontsize="small",
        )
        ax.set_xticks(self.shift_px)
        ax.set_ylim(0, 100)
        ax.set_yticks(range(0, 101, 25))
        ax.yaxis.set_major_formatter("{x:.0f}%")
        ax.set_xlabel("Shift (pixels)")
        ax.set_ylabel("Pairs called the same")


def save_figure(table: Table1, path: Path, label: str = "") -> None:
    """Draw a Table 1 into a `.png`, `.svg` or `.pdf` file, with a label above; an existing one is replaced.

    Raises: `AnalysisError` where the suffix is another or the file cannot be written.
    """
    check_figure(path)
    save(draw(SameByShift.of(table).plot, label=label), path)
