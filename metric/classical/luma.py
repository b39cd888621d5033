"""The one channel that papers on image quality compute SSIM and PSNR on."""

from __future__ import annotations

import torch
from torch import Tensor

from metric.device import is_traced
from metric.errors import MetricError

_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, which MATLAB's `rgb2gray` has to four digits, and the Y of YIQ and JPEG."""

_AUTHORS_SIDE_PX = 256


def luma(images: Tensor) -> Tensor:
    """Luma of RGB, (N, 3, H, W) → (N, 1, H, W) float64, both in [0, 1], not rounded (ITU-R BT.601)."""
    # Channel by channel, so that a large image is not copied whole.
    red, green, blue = (images[:, channel : channel + 1].double() * weight for channel, weight in enumerate(_LUMA))
    return red + green + blue


def shrink_factor(height: int, width: int) -> int:
    """By how much the authors of SSIM make an image smaller first: its lesser side over 256, rounded, 1 at least.

    Halves are rounded up, as MATLAB's `round` does.

    >>> [shrink_factor(side, 1000) for side in (64, 383, 384, 640)]
    [1, 1, 2, 3]
    """
    return max(1, (2 * min(height, width) + _AUTHORS_SIDE_PX) // (2 * _AUTHORS_SIDE_PX))


def shrink(images: Tensor) -> Tensor:
    """Means of f × f pixels at every f-th pixel, (N, C, H, W) → (N, C, ⌈H / f⌉, ⌈W / f⌉); f is `shrink_factor`.

    As Wang's `ssim.m` does by MATLAB's `imfilter(…, 'symmetric', 'same')`: a window reaches (f - 1) / 2 pixels up and
    left, rounded down, and beyond the border the image is mirrored, its last pixel included.

    Raises:
        MetricError: where it is traced, for the factor would be that of one size for all.
    """
    if is_traced():
        raise MetricError("SSIM of luma shrinks an image by a factor of its size and cannot be traced; export it.")
    height, width = images.shape[2:]
    factor = shrink_factor(height, width)
    if factor == 1:
        return images
    return _mean_of_every(_mean_of_every(images, factor, 2), factor, 3)


def _mean_of_every(images: Tensor, factor: int, dim: int) -> Tensor:
    size = images.shape[dim]
    before, kept = (factor - 1) // 2, -(-size // factor)
    after = (kept - 1) * factor - before + factor - size
    mirrored = [images.narrow(dim, 0, before).flip(dim), images]
    if after > 0:
        mirrored.append(images.narrow(dim, size - after, after).flip(dim))
    whole = torch.cat(mirrored, dim).narrow(dim, 0, kept * factor)
    return whole.reshape(*images.shape[:dim], kept, factor, *images.shape[dim + 1 :]).mean(dim=dim + 1)
