"""How figures look and are stored: one style, and a figure of its own for each, without windows or shared state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.atomic_file import replacing
from analysis.errors import AnalysisError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")

INK = "#1b1b1b"
MUTED = "#6f6f6f"
FAINT = "#d9d9d9"
# Told apart by colour-blind readers and by lightness in black and white print (after Okabe & Ito 2008).
BLUE = "#1f5fa8"
ORANGE = "#d55e00"
GREEN = "#009e73"
YELLOW = "#e69f00"
PURPLE = "#8e4585"
SKY = "#56b4e9"
COLOURS = (BLUE, ORANGE, GREEN, YELLOW, PURPLE, SKY, INK, MUTED)

_STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.hashsalt": "shift-study",
    "text.parse_math": False,  # a metric or a network may be called as a file is, with any signs
}


def draw(plot: Callable[[Axes], None], size: tuple[float, float] = (5.2, 3.2), label: str = "") -> Figure:
    """A figure of `size` inches with one axes, in the style of this package, on which `plot` drew.

    label: what stands above it, for whoever sees it without its caption, such as that nobody real answered.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        plot(figure.add_subplot())
        if label:
            figure.suptitle(label, x=0.99, ha="right", fontsize="small", color=ORANGE)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Store a figure in a `.png`, `.svg` or `.pdf` file; an existing one is replaced.

    Raises: `AnalysisError` where the suffix is another or the file cannot be written.
    """
    check_figure(path)
    from matplotlib import rc_context

    form = path.suffix[1:]
    # No date in it: the same responses give the same file.
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    with replacing(path) as draft, draft.open("xb") as stream, rc_context(_STYLE):
        figure.savefig(stream, dpi=200, format=form, metadata=dates[form])


def check_figure(path: Path) -> None:
    """Raise `AnalysisError` where no figure can be stored at `path`, before the work that leads to it."""
    if path.suffix not in FIGURE_SUFFIXES:
        raise AnalysisError(f"{path} does not say a format of a figure; end its name in .png, .svg or .pdf.")
    if path.is_dir() or not path.parent.is_dir():
        problem = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise AnalysisError(f"{path} {problem}; give the name of a file in one that does.")
