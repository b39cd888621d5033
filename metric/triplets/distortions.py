"""Distortions of photographs, by strength: six categories in the manner of BAPPS (Zhang et al. 2018, Table 2).

They stand for those of BAPPS and are not its own: no network makes them, and no algorithm of super-resolution,
deblurring, colorization or frame interpolation.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from metric.errors import MetricError

Pixels: TypeAlias = NDArray[np.uint8]  # that of metric.pixels, which loads torch; studies are made without it
Generator: TypeAlias = np.random.Generator
Distort: TypeAlias = Callable[[Pixels, float, Generator], Pixels]
"""Of an image (H, W, 3), 8-bit, a strength in [0, 1] and a generator the distorted image, of the same size."""


@dataclass(frozen=True)
class Distorted:
    """A distorted image (H, W, 3), 8-bit, and what was done to it."""

    pixels: Pixels
    distortion: str
    strength: float


def distort(pixels: Pixels, category: str, strength: float, generator: Generator) -> Distorted:
    """One of the category's distortions, drawn, at the given strength in [0, 1]; at 0 nothing or next to nothing.

    The same generator gives the same image with the same versions of NumPy, SciPy and Pillow.
    """
    name, function = list(DISTORTIONS[category].items())[int(generator.integers(len(DISTORTIONS[category])))]
    return Distorted(function(pixels, strength, generator), name, strength)


def distort_as(pixels: Pixels, name: str, strength: float, generator: Generator) -> Pixels:
    """The distortion of this name at the given strength in [0, 1].

    Raises:
        MetricError: for a name that none has.
    """
    named = {name: function for category in DISTORTIONS.values() for name, function in category.items()}
    if name not in named:
        raise MetricError(f"There is no distortion {name!r}; there are {', '.join(named)}.")
    return named[name](pixels, strength, generator)


def _blur(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    return _rounded(ndimage.gaussian_filter(pixels.astype(float), (4 * strength, 4 * strength, 0), mode="reflect"))


def _noise(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    return _rounded(pixels + 50 * strength * generator.standard_normal(pixels.shape))


def _jpeg(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=round(95 - 90 * strength), subsampling=0)
    return np.asarray(Image.open(file))


def _colour_cast(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    gain = 1 + strength * generator.uniform(-0.5, 0.5, 3)
    return _rounded((pixels - 128.0) * gain + 128 + 40 * strength * generator.uniform(-1, 1, 3))


def _warp(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    return _moved(pixels, _smooth_field(pixels, 8 * strength, generator))


def _checkerboard(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    """What transposed convolutions leave."""
    height, width, _ = pixels.shape
    period = int(generator.integers(2, 5))
    rows, columns = np.indices((height, width))
    pattern = np.where((rows // (period // 2) + columns // (period // 2)) % 2, 1.0, -1.0)[..., None]
    return _rounded(_blur(pixels, strength / 4, generator) + 25 * strength * pattern)


def _bottleneck(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    """Few coefficients a block and few levels, as an auto-encoder with a narrow code keeps."""
    coarse = _resampled(pixels, 1 + 5 * strength, Image.Resampling.BOX, Image.Resampling.BICUBIC)
    step = 1 + 40 * strength
    return _rounded(np.round(coarse / step) * step)


def _down_and_up(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    ways = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    up = ways[int(generator.integers(len(ways)))]
    return _resampled(pixels, 1 + 7 * strength, Image.Resampling.BICUBIC, up)


def _motion_blur_sharpened(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    """Blurred along a line, and sharpened again beyond what was lost."""
    angle, length = generator.uniform(0, np.pi), 16 * strength
    steps = np.linspace(-0.5, 0.5, 9) * length
    moved = [
        ndimage.shift(pixels.astype(float), (np.sin(angle) * at, np.cos(angle) * at, 0), order=1, mode="reflect")
        for at in steps
    ]
    blurred = np.mean(moved, axis=0)
    soft = ndimage.gaussian_filter(blurred, (2, 2, 0), mode="reflect")
    return _rounded(blurred + 1.5 * strength * (blurred - soft))


def _other_chroma(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    """Its brightness with colours that are paler, turned, and spread over edges."""
    luma, blue, red = np.moveaxis(np.asarray(Image.fromarray(pixels).convert("YCbCr"), dtype=float), 2, 0)
    turn = strength * generator.uniform(-np.pi / 2, np.pi / 2)
    paler = 1 - strength * generator.uniform(0, 1)
    spread = [ndimage.gaussian_filter(chroma - 128, 6 * strength, mode="reflect") * paler for chroma in (blue, red)]
    turned = (
        spread[0] * np.cos(turn) - spread[1] * np.sin(turn) + 128,
        spread[0] * np.sin(turn) + spread[1] * np.cos(turn) + 128,
    )
    return np.asarray(Image.fromarray(_rounded(np.stack([luma, *turned], axis=2)), "YCbCr").convert("RGB"))


def _two_frames(pixels: Pixels, strength: float, generator: Generator) -> Pixels:
    """The mean of two frames that moved apart: ghosts at edges."""
    field = _smooth_field(pixels, 6 * strength, generator)
    return _rounded((_moved(pixels, field).astype(float) + _moved(pixels, -field)) / 2)


DISTORTIONS: Mapping[str, Mapping[str, Distort]] = {
    "traditional": {"blur": _blur, "noise": _noise, "jpeg": _jpeg, "colour-cast": _colour_cast, "warp": _warp},
    "cnn": {"checkerboard": _checkerboard, "bottleneck": _bottleneck},
    "superres": {"down-and-up": _down_and_up},
    "deblur": {"motion-blur-sharpened": _motion_blur_sharpened},
    "color": {"other-chroma": _other_chroma},
    "frameinterp": {"two-frames": _two_frames, "warp": _warp},
}
"""Category → name → function."""


def _rounded(values: NDArray[np.floating]) -> Pixels:
    pixels: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def _smooth_field(pixels: Pixels, most_px: float, generator: Generator) -> NDArray[np.float64]:
    """Displacements (2, H, W) in pixels, smooth, the largest `most_px`."""
    field = generator.standard_normal((2, *pixels.shape[:2]))
    field = ndimage.gaussian_filter(field, (0, pixels.shape[0] / 8, pixels.shape[1] / 8), mode="reflect")
    moved: NDArray[np.float64] = field * (most_px / np.abs(field).max())
    return moved


def _moved(pixels: Pixels, field: NDArray[np.float64]) -> Pixels:
    places = np.indices(pixels.shape[:2]) + field
    channels = [
        ndimage.map_coordinates(pixels[..., channel].astype(float), places, order=1, mode="reflect")
        for channel in range(3)
    ]
    return _rounded(np.stack(channels, axis=2))


def _resampled(pixels: Pixels, factor: float, down: Image.Resampling, up: Image.Resampling) -> Pixels:
    height, width, _ = pixels.shape
    small = Image.fromarray(pixels).resize((max(1, round(width / factor)), max(1, round(height / factor))), down)
    return np.asarray(small.resize((width, height), up))
