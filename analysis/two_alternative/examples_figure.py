"""Figure 1 of Ghildyal & Liu 2022 for a study's own triplets: the pictures, and under them who prefers which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.errors import AnalysisError
from analysis.figure_style import FAINT, INK, MUTED, ORANGE
from analysis.two_alternative.examples import Example
from analysis.two_alternative.stimuli import Stimulus, stimulus_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = 0.115  # height of a line of text, in widths of an image
_GAP = 0.12
_INCHES = 2.0  # an image's width
# Where a tick stands: under the first image unshifted and shifted, under the second likewise.
_COLUMNS = {("first", 0): 0.25, ("first", 1): 0.75, ("second", 0): 2.25 + _GAP * 2, ("second", 1): 2.75 + _GAP * 2}


def read_examples(found: Sequence[Example], stimuli: Mapping[str, Stimulus]) -> list[list[NDArray[np.uint8]]]:
    """Of each example the images first, reference, second, unshifted, `(H, W, 3)` each.

    Raises: `AnalysisError` where an image cannot be read.
    """
    return [[_pixels(stimulus_of(stimuli, one.triplet, 0).files[place]) for place in (1, 0, 2)] for one in found]


def size_of(found: Sequence[Example]) -> tuple[float, float]:
    """Width and height of the figure in inches."""
    return _INCHES * (3 + 2 * _GAP), _INCHES * sum(_height(one) for one in found)


def plot_examples(found: Sequence[Example], images: Sequence[Sequence[NDArray[np.uint8]]], ax: Axes) -> None:
    """Draw them one under the other."""
    top = 0.0
    width = 3 + 2 * _GAP
    for one, pictures in zip(found, images, strict=True):
        for place, picture in enumerate(pictures):
            left = place * (1 + _GAP)
            height = picture.shape[0] / picture.shape[1]
            ax.imshow(picture, extent=(left, left + 1, top + height, top), interpolation="antialiased")
        _texts(one, top + 1, ax)
        top += _height(one)
    ax.set_xlim(0, width)
    ax.set_ylim(top - _GAP, 0)
    ax.set_aspect("equal")
    ax.axis("off")


def _height(one: Example) -> float:
    return 1 + (len(one.metrics) + 3.5) * _LINE + _GAP


def _texts(one: Example, top: float, ax: Axes) -> None:
    middle = 1.5 + _GAP
    line = top + 0.75 * _LINE
    for x, label in (
        (0.5, f"first: {one.distortion_first}".removesuffix(": ")),
        (middle, "reference"),
        (2.5 + 2 * _GAP, f"second: {one.distortion_second}".removesuffix(": ")),
    ):
        _write(ax, x, line, label, INK)
    line += _LINE
    for (_, version), x in _COLUMNS.items():
        _write(ax, x, line, "no shift" if version == 0 else f"{one.shift_px} px", MUTED, 7.5)
    _write(ax, middle, line, f"triplet {one.triplet}", MUTED, 7.5)
    ax.plot([0, 3 + 2 * _GAP], [line + _LINE / 2] * 2, color=FAINT, lw=0.8)
    line += _LINE
    _write(ax, middle, line, "people", INK)
    for version, share in enumerate((one.share_second, one.share_second_shifted)):
        _write(ax, _COLUMNS["first", version], line, f"{100 * (1 - share):.0f}%", INK)
        _write(ax, _COLUMNS["second", version], line, f"{100 * share:.0f}%", INK)
    for metric in one.metrics:
        line += _LINE
        colour = ORANGE if metric.flips else INK
        _write(ax, middle, line, metric.name, colour)
        for version, image in enumerate((metric.unshifted, metric.shifted)):
            for side in ("first", "second") if image == "neither" else (image,):
                _write(ax, _COLUMNS[side, version], line, "=" if image == "neither" else "✓", colour)


def _write(ax: Axes, x: float, y: float, text: str, colour: str, size: float = 8.5) -> None:
    ax.text(x, y, text, color=colour, fontsize=size, ha="center", va="center")


def _pixels(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise AnalysisError(f"{path} cannot be read as an image ({error}); make the stimuli again.") from error
