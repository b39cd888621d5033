"""Where the features of an image and of its shifted version differ, level by level (Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING

from torch import Tensor

from metric.figure_style import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_INCHES = 7.6


@dataclass(frozen=True)
class DifferenceRow:
    """The difference maps of one network, each (h, w), and what the row is called."""

    title: str
    maps: Sequence[Tensor]


def draw_difference_maps(images: Tensor, shift_px: int, rows: Sequence[DifferenceRow]) -> Figure:
    """The two images, then a row of maps a network; the networks share one scale of lightness at each level.

    A scale ends at the largest 99th percentile of its maps: a few positions must not darken the others.

    Args:
        images: the reference and the shifted image, (2, 3, H, W) in [0, 1].
        shift_px: between them.
        rows: one a network.
    """
    columns = max(2, *(len(row.maps) for row in rows))
    height, width = images.shape[2:]
    panel = (_WIDTH_INCHES / columns - 0.1) * height / width + 0.42

    def plot(figure: Figure) -> None:
        ratios = [*[panel] * (len(rows) + 1), 0.1]
        axes = figure.subplots(len(rows) + 2, columns, squeeze=False, height_ratios=ratios)
        for ax in axes[:-1].flat:
            ax.set_axis_off()
        for ax, image, title in zip(axes[0], images, ("reference", f"shifted by {shift_px} px"), strict=False):
            ax.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
            _title(ax, title)
        _name(axes[0, 0], "(a)")
        for letter, row, first in zip(ascii_lowercase[1:], rows, axes[1:-1, 0], strict=False):
            _name(first, f"({letter}) {row.title}")
        for level in range(columns):
            _level(figure, list(axes[1:, level]), level, rows)
        figure.supxlabel(
            "squared difference of unit features at the same position; above each map: its mean", fontsize=8
        )

    return draw(plot, (_WIDTH_INCHES, panel * (len(rows) + 1) + 0.65))


def _level(figure: Figure, axes: Sequence[Axes], level: int, rows: Sequence[DifferenceRow]) -> None:
    *places, bar = axes
    shown = [(ax, row.maps[level]) for ax, row in zip(places, rows, strict=True) if level < len(row.maps)]
    if not shown:
        bar.set_axis_off()
        return
    top = max(float(found.flatten().quantile(0.99)) for _, found in shown) or 1.0
    for ax, found in shown:
        drawn = ax.imshow(found.numpy(), cmap="viridis", vmin=0, vmax=top, interpolation="nearest")
        _title(ax, f"level {level + 1}: {float(found.mean()):.3f}")
    figure.colorbar(drawn, cax=bar, orientation="horizontal", extend="max")
    bar.locator_params(nbins=3)
    bar.tick_params(labelsize=7)


def _title(ax: Axes, text: str) -> None:
    ax.set_title(f"\n{text}", fontsize=7.5, pad=3, linespacing=1.6)  # the line above it is for the name of the row


def _name(ax: Axes, text: str) -> None:
    """The name of a row, above its first map; it may reach over the others."""
    where = {"xy": (0, 1), "xytext": (0, 14), "xycoords": "axes fraction", "textcoords": "offset points"}
    named = ax.annotate(text, **where, fontsize=8, fontweight="bold", va="bottom")  # type: ignore[arg-type]
    named.set_in_layout(False)  # or the first column would become as wide as it
