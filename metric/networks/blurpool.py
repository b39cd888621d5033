"""BlurPool: blur, then keep every n-th pixel, so that a small shift moves little energy between samples."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor, nn
from torch.nn import functional


def binomial_filter(size: int) -> Tensor:
    """The binomial filter of `size` × `size` taps, whose sum is 1 (Zhang 2019, Section 3.2).

    >>> binomial_filter(3)[1].tolist()
    [0.125, 0.25, 0.125]
    """
    taps = torch.tensor([float(comb(size - 1, tap)) for tap in range(size)])
    return torch.outer(taps, taps) / taps.sum() ** 2


def reflected_pixels(size: int, padding: int) -> tuple[int, int, int, int]:
    """Pixels to reflect left, right, above and below for a filter of `size` taps.

    A padding of 1 is what the filter needs to give as many positions as there were; an even size needs one
    more right and below (Zhang 2019). A padding of 2 is twice that, so that less of where the border is reaches the
    features (Ghildyal & Liu 2022, Section 5, "Border handling").
    """
    before, after = ((size - 1) // 2, size // 2) if padding == 1 else (size - 1, size - 1)
    return before, after, before, after


class BlurPool(nn.Module):
    """Blurs each channel with a binomial filter and keeps every `stride`-th pixel (Zhang 2019).

    Args:
        channels: of the maps.
        size: taps of the filter, 1 to 7.
        stride: of the pixels that are kept.
        padding: 1 or 2 times what the filter needs, see `reflected_pixels`.
    """

    kernel: Tensor

    def __init__(self, channels: int, *, size: int = 3, stride: int = 2, padding: int = 1) -> None:
        super().__init__()
        self.size, self.stride, self.padding = size, stride, padding
        self.reflected = reflected_pixels(size, padding)
        self.register_buffer("kernel", binomial_filter(size).expand(channels, 1, size, size).clone())

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, h, w); H and W must be greater than the pixels reflected."""
        padded = functional.pad(maps, self.reflected, mode="reflect")
        return functional.conv2d(padded, self.kernel, stride=self.stride, groups=maps.shape[1])

    def extra_repr(self) -> str:
        return f"{len(self.kernel)}, size={self.size}, stride={self.stride}, padding={self.padding}"
