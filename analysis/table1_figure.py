"""The share of "same" answers by shift, as a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.atomic_file import replacing
from analysis.errors import AnalysisError
from analysis.table1 import Table1

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")

_INK = "#1b1b1b"
_MUTED = "#6f6f6f"
_BLUE = "#1f5fa8"


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
        ax.axhline(50, color=_MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        ax.plot(self.shift_px, self.same_percent, color=_BLUE, linewidth=1.2, alpha=0.45, zorder=2)
        ax.errorbar(
            self.shift_px,
            self.same_percent,
            # Rounding may put an end of the interval on the wrong side of its point by an ulp.
            yerr=[[max(0.0, value) for value in below], [max(0.0, value) for value in above]],
            fmt="o",
            color=_BLUE,
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
            color=_MUTED,
            fontsize="small",
        )
        ax.set_xticks(self.shift_px)
        ax.set_ylim(0, 100)
        ax.set_yticks(range(0, 101, 25))
        ax.yaxis.set_major_formatter("{x:.0f}%")
        ax.set_xlabel("Shift (pixels)")
        ax.set_ylabel("Pairs called the same")
        ax.spines[["top", "right"]].set_visible(False)


def save_figure(table: Table1, path: Path) -> None:
    """Draw a Table 1 into a `.png`, `.svg` or `.pdf` file; an existing one is replaced.

    Raises: `AnalysisError` where the suffix is another or the file cannot be written.
    """
    check_figure(path)
    # A figure of its own, without pyplot: no window, no state shared with the caller.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 9.5,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _INK,
        "axes.linewidth": 0.8,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "svg.hashsalt": "shift-study",
    }
    with rc_context(style), replacing(path) as draft:
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        SameByShift.of(table).plot(figure.add_subplot())
        # No date in it: the same responses give the same file.
        dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
        figure.savefig(draft, dpi=200, metadata=dates[path.suffix])


def check_figure(path: Path) -> None:
    """Raise `AnalysisError` where `path` does not end in a suffix that a figure can have."""
    if path.suffix not in FIGURE_SUFFIXES:
        raise AnalysisError(f"{path} does not say a format of a figure; end its name in .png, .svg or .pdf.")
