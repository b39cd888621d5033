"""The layers that a variant of a backbone is put together from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.device import is_recorded
from metric.networks.adaptive import AdaptiveBlurPool
from metric.networks.blurpool import BlurPool
from metric.networks.variant import Variant

Named = tuple[str, nn.Module]


class ContiguousConv2d(nn.Conv2d):
    """A convolution that is computed with the channels first, and gives the memory layout that it was given.

    With channels last, a CPU adds up the 1600 products of AlexNet's conv-2 with ten times the rounding error.
    """

    def forward(self, maps: Tensor) -> Tensor:
        last = maps.is_contiguous(memory_format=torch.channels_last)
        convolved = super().forward(maps.contiguous())
        return convolved.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


class DenseMaxPool2d(nn.MaxPool2d):
    """Max pooling of stride 1.

    To evaluate on a CPU, it goes over rows and then over columns, and without the place of each maximum, which only
    gradients need and which takes twice the memory of the maxima.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size, stride=1)
        self.size = size

    def forward(self, maps: Tensor) -> Tensor:
        if is_recorded() or maps.device.type != "cpu" or (torch.is_grad_enabled() and maps.requires_grad):
            pooled: Tensor = super().forward(maps)
            return pooled
        for dim in (2, 3):
            count = maps.shape[dim] - self.size + 1
            maps = reduce(torch.maximum, [maps.narrow(dim, start, count) for start in range(self.size)])
        return maps


class CeilingMaxPool2d(nn.MaxPool2d):
    """Max pooling of stride 2 whose last windows may reach over the border, by one pixel."""

    def __init__(self, size: int) -> None:
        super().__init__(size, stride=2, ceil_mode=True)
        self._size = size

    def forward(self, maps: Tensor) -> Tensor:
        if is_recorded():
            # Whether a window does is a branch that exported programs cannot have; to repeat a last pixel is none.
            for dim in (2, 3):
                count = maps.shape[dim]
                reached = torch.arange((count - self._size + 1) // 2 * 2 + self._size, device=maps.device)
                maps = maps.index_select(dim, reached.clamp_max(count - 1))
            return functional.max_pool2d(maps, self._size, 2)
        pooled: Tensor = super().forward(maps)
        return pooled


def convolution(
    variant: Variant,
    before: int,
    after: int,
    size: int,
    *,
    stride: int = 1,
    padding: int,
    kind: type[nn.Conv2d] = nn.Conv2d,
) -> nn.Conv2d:
    """A convolution; F-Conv pads with 2k zeros for a filter of 2k + 1, so that each tap meets each pixel (Fig. 5)."""
    return kind(before, after, size, stride=stride, padding=size - 1 if variant.full_convolution else padding)


def activation() -> nn.ReLU:
    """ReLU that leaves what it is given, which may be a feature."""
    return nn.ReLU(inplace=False)


def blur(variant: Variant, channels: int) -> BlurPool | AdaptiveBlurPool:
    """The variant's low-pass filter of stride 2."""
    kind = AdaptiveBlurPool if variant.adaptive else BlurPool
    return kind(channels, size=variant.blur, stride=2, padding=variant.padding)


def pooling(
    variant: Variant, name: str, channels: int, size: int, *, padding: int = 0, ceil_mode: bool = False, dense: int = 0
) -> list[Named]:
    """A pooling of stride 2: plain, MaxBlurPool (max pooling of stride 1, then blur) or AvgBlurPool (blur alone).

    Args:
        variant: with or without blur, max or avg.
        name: ends the layers' names.
        channels: of the maps.
        size: of the windows of a plain pooling.
        padding, ceil_mode: of a plain pooling.
        dense: size of the windows of a max pooling of stride 1, where it differs from `size`.
    """
    if variant.blur:
        windows = DenseMaxPool2d(dense or size)
        dense_layers: list[Named] = [(f"pool{name}", windows)] if variant.pooling == "max" else []
        return [*dense_layers, (f"blur{name}", blur(variant, channels))]
    if variant.pooling == "max" and ceil_mode and not padding:
        return [(f"pool{name}", CeilingMaxPool2d(size))]
    kind = nn.MaxPool2d if variant.pooling == "max" else nn.AvgPool2d
    return [(f"pool{name}", kind(size, stride=2, padding=padding, ceil_mode=ceil_mode))]


def locate(
    variant: Variant, channel_layers: Sequence[Named], blur_layers: Sequence[Named], relu: Named
) -> tuple[list[Named], list[Named]]:
    """Layers up to the feature of an anti-aliased strided convolution, and those that begin the next level (Fig. 4)."""
    match variant.location:
        case "original":
            return [*channel_layers, relu], [*blur_layers]
        case "feature-after-blur":
            return [*channel_layers, relu, *blur_layers], []
        case "blur-before-activation":
            return [*channel_layers, *blur_layers, relu], []
