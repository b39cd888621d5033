"""The random transformations of E-LPIPS, drawn once and applied to both images alike.

Kettunen, Härkönen & Lehtinen 2019 (arXiv 1906.03973), Section 4, in the order and with the ranges of the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

MAX_OFFSET = 7
"""Pixels by which an image is moved at most; as many reflected ones are added in each direction."""
_PX_PER_SCALE = 64
"""An image of n times as many pixels a side has n levels of scale, so that the smallest has 64 pixels a side."""
_LEAST_GAIN = 0.2


@dataclass(frozen=True)
class Draw:
    """One transformation of an image.

    Attributes:
        scale: how many pixels a side are averaged into one.
        scale_offset: reflected rows above and columns left of the image before that, each less than `scale`.
        offset: rows up and columns left by which the image is moved, 0 to 7.
        flip_rows: whether it is turned upside down.
        flip_columns: whether left and right are swapped.
        transpose: whether rows and columns are swapped.
        channels: which of R, G and B becomes the first, second and third channel.
        gains: what the three are multiplied by then, 0.2 to 1.
    """

    scale: int = 1
    scale_offset: tuple[int, int] = (0, 0)
    offset: tuple[int, int] = (0, 0)
    flip_rows: bool = False
    flip_columns: bool = False
    transpose: bool = False
    channels: tuple[int, int, int] = (0, 1, 2)
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)


def draw_transformation(random: np.random.Generator, height: int, width: int) -> Draw:
    """A transformation for images of that size; a scale of 1 / s has a probability in proportion to 1 / s²."""
    scales = np.arange(1, max(1, min(height, width) // _PX_PER_SCALE) + 1)
    chances = 1 / scales**2
    scale = int(random.choice(scales, p=chances / chances.sum()))
    above, left = (int(value) for value in random.integers(scale, size=2))
    up, back = (int(value) for value in random.integers(MAX_OFFSET + 1, size=2))
    flip_rows, flip_columns, transpose = (bool(value) for value in random.integers(2, size=3))
    first, second, third = (int(value) for value in random.permutation(3))
    red, green, blue = (float(value) for value in random.uniform(_LEAST_GAIN, 1, size=3))
    return Draw(
        scale=scale,
        scale_offset=(above, left),
        offset=(up, back),
        flip_rows=flip_rows,
        flip_columns=flip_columns,
        transpose=transpose,
        channels=(first, second, third),
        gains=(red, green, blue),
    )


def transform(images: Tensor, draw: Draw) -> Tensor:
    """Images (N, 3, H, W) under a transformation: (N, 3, h + 7, w + 7) of about h = H / scale, w = W / scale.

    >>> import torch
    >>> transform(torch.rand(1, 3, 64, 48), Draw(transpose=True)).shape
    torch.Size([1, 3, 55, 71])
    """
    if draw.scale > 1:
        images = _shrink(images, draw.scale, *draw.scale_offset)
    up, left = draw.offset
    images = pad(images, (MAX_OFFSET - left, left, MAX_OFFSET - up, up), mode="reflect")
    images = images.flip([dim for dim, flips in ((2, draw.flip_rows), (3, draw.flip_columns)) if flips])
    if draw.transpose:
        images = images.transpose(2, 3)
    return images[:, list(draw.channels)] * images.new_tensor(draw.gains).view(1, 3, 1, 1)


def _shrink(images: Tensor, scale: int, above: int, left: int) -> Tensor:
    """Means of `scale` × `scale` pixels, of the image between reflected rows and columns."""
    height, width = images.shape[2:]
    below = _whole(height, scale) - height - above
    right = _whole(width, scale) - width - left
    return avg_pool2d(pad(images, (left, right, above, below), mode="reflect"), scale)


def _whole(size: int, scale: int) -> int:
    """The least multiple of `scale` with room for `size` pixels after any offset below `scale`."""
    return -(-(size + scale - 1) // scale) * scale
