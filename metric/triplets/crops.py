"""Images as the paper's tables have them: resized first, then cropped so that a shift leaves no border."""

from __future__ import annotations

from PIL import Image

from metric.pixels import Pixels

OFFSET_PX = 3
"""Columns that a crop loses, whatever its shift (Ghildyal & Liu 2022, Eq. 1)."""
SHIFTS = tuple(range(OFFSET_PX + 1))
"""Shifts in pixels that there are crops for; the crop without one is that which flips are counted against."""
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
"""What resizing does; both as Pillow has them, which averages over all pixels that one of the result covers."""


def resized(pixels: Pixels, size_px: int | None, filter_: str = "bicubic") -> Pixels:
    """An image whose shorter side has `size_px` pixels, as torchvision's `Resize` gives it of 8-bit images.

    Args:
        pixels: (H, W, 3), 8-bit.
        size_px: None leaves the image as it is.
        filter_: `bicubic`, as the code that accompanies the paper resizes; `bilinear`, as that of Zhang et al. 2018.
    """
    import numpy as np

    height, width, _ = pixels.shape
    size = resized_size(width, height, size_px)
    if size == (width, height):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, FILTERS[filter_]))


def resized_size(width_px: int, height_px: int, size_px: int | None) -> tuple[int, int]:
    """Width and height in pixels that `resized` gives of an image.

    >>> resized_size(300, 200, 64)
    (96, 64)
    """
    if size_px is None or min(width_px, height_px) == size_px:
        return width_px, height_px
    if width_px <= height_px:
        return size_px, size_px * height_px // width_px
    return size_px * width_px // height_px, size_px


def crop_columns(width_px: int, shift_px: int = 0) -> slice:
    """The columns `[k : w + k - 3]` of an image of width w that is moved by k pixels: Eq. 1.

    >>> crop_columns(64, 2)
    slice(2, 63, None)
    """
    return slice(shift_px, width_px + shift_px - OFFSET_PX)
