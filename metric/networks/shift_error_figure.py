"""The shift error of networks as a figure: the plain network of each backbone against its elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from metric.figure_style import BLUE, FAINT, INK, ORANGE, SKY, draw
from metric.networks.configurations import Configuration
from metric.networks.shift_error import ShiftError
from metric.networks.variant import Backbone
from metric.networks.weights import Filled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES: dict[Backbone, str] = {
    "alexnet": "AlexNet",
    "vgg16": "VGG-16",
    "resnet18": "ResNet-18",
    "squeezenet": "SqueezeNet 1.1",
}
_LOOKS = (("o", SKY), ("s", BLUE), ("^", ORANGE), ("D", INK))
_Rows = Sequence[tuple[Configuration, ShiftError, Filled]]


def draw_shift_errors(rows: _Rows) -> Figure:
    """One panel a backbone and one row a network; a marker a shift, with its standard error over photographs.

    Args:
        rows: configuration, measured error, and the weights that it was measured with.
    """
    order = {backbone: place for place, backbone in enumerate(_TITLES)}
    ranked = sorted(rows, key=lambda row: order[row[0].variant.backbone])
    panels = [list(group) for _, group in groupby(ranked, key=lambda row: row[0].variant.backbone)]
    heights = [len(panel) + 1.2 for panel in panels]

    def plot(figure: Figure) -> None:
        ratios: Mapping[str, list[float]] = {"height_ratios": heights}
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, gridspec_kw=dict(ratios))[:, 0]
        for ax, panel in zip(axes, panels, strict=True):
            _panel(ax, panel)
        axes[0].set_xlim(left=0)
        meaning = (
            "shift error (0: features do not see the shift; 1: as far as another photograph); bars: standard error"
        )
        untrained = "\n† has adaptive filters or projections of skips that no training has seen"
        figure.supxlabel(meaning + untrained * any(filled.untrained for _, _, filled in rows), fontsize=8)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))

    return draw(plot, (7.2, 1.0 + 0.22 * sum(heights)))


def _panel(ax: Axes, rows: _Rows) -> None:
    first = rows[0][0].variant.backbone
    convolutions = " or ".join(dict.fromkeys(filled.convolutions for _, _, filled in rows))
    ax.set_title(f"{_TITLES[first]} ({convolutions} convolutions)", loc="left", fontsize=9, fontweight="bold")
    shifts = rows[0][1].shifts_px
    for number, shift in enumerate(shifts):
        marker, colour = _LOOKS[number % len(_LOOKS)]
        for configuration, found, _ in rows:
            if configuration.elements == "none":  # the plain network, which the others are to be held against
                ax.axvline(found.overall[number], color=colour, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        ax.errorbar(
            [found.overall[number] for _, found, _ in rows],
            range(len(rows)),
            xerr=[found.standard_error[number] for _, found, _ in rows],
            fmt=marker,
            color=colour,
            markersize=4.5,
            elinewidth=1,
            label=f"{shift} px",
            zorder=3,
        )
    for place in range(len(rows)):
        ax.axhline(place, color=FAINT, linewidth=0.5, zorder=0)
    labels = [_label(configuration, filled) for configuration, _, filled in rows]
    ax.set_yticks(range(len(rows)), labels, fontsize=8)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)


def _label(configuration: Configuration, filled: Filled) -> str:
    text = "no element" if configuration.elements == "none" else configuration.elements
    return f"{text} †" if filled.untrained else text
