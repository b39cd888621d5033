"""How the figures of metrics look and are stored, without windows or shared state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metric.errors import MetricError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")

INK = "#1b1b1b"
FAINT = "#d9d9d9"
# Told apart by colour-blind readers and by lightness in black and white print (after Okabe & Ito 2008).
SKY, BLUE, ORANGE = "#56b4e9", "#1f5fa8", "#d55e00"

_STYLE: dict[Any, Any] = {
    "font.size": 9,
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


def draw(plot: Callable[[Figure], None], size: tuple[float, float]) -> Figure:
    """A figure of `size` inches in the style of this package, on which `plot` drew."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        plot(figure)
    return figure


def check_figure(path: Path) -> None:
    """Raises `MetricError` where no figure can be stored at `path`, before the work that leads to it."""
    if path.suffix not in FIGURE_SUFFIXES:
        raise MetricError(f"{path} does not say a format of a figure; end its name in .png, .svg or .pdf.")
    if path.is_dir() or not path.parent.is_dir():
        problem = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise MetricError(f"{path} {problem}; give the name of a file in one that does.")


def save_figure(figure: Figure, path: Path) -> None:
    """Stores a figure as `.png`, `.svg` or `.pdf`, whole or not at all; an existing file is replaced.

    Raises:
        MetricError: where the suffix is another, or the file cannot be written.
    """
    from matplotlib import rc_context

    check_figure(path)
    # No date in it: the same figures give the same file.
    undated: dict[str, Any] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    draft = path.with_name(f".{path.stem}.draft{path.suffix}")
    try:
        try:
            with rc_context(_STYLE):
                figure.savefig(draft, dpi=200, metadata=undated[path.suffix])
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise MetricError(f"{path} cannot be written: {error.strerror or error}.") from error
