"""Adaptive anti-aliasing: a low-pass filter that is predicted for each position and group of channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from metric.networks.blurpool import binomial_filter, reflected_pixels


class AdaptiveBlurPool(nn.Module):
    """Blurs with filters predicted from the maps themselves and keeps every `stride`-th pixel.

    A convolution and batch norm give size² numbers for each kept position and group of channels; their softmax is
    that position's filter, so all taps are positive and add up to 1 (Zou et al. 2020, "Delving Deeper into
    Anti-aliasing in ConvNets", Section 3). The authors' code takes the softmax over the taps of all groups
    together, by which a filter no longer adds up to 1; here it is per group, as their paper says.

    Untrained, it is `BlurPool`: batch norm begins with scale 0 and the logarithm of the binomial filter, and
    training moves it away from there.

    Args:
        channels: of the maps; divisible by `groups`.
        size: taps of the filters, 2 to 7.
        stride: of the pixels that are kept.
        padding: 1 or 2 times what the filter needs, reflected.
        groups: of channels that share a filter.
    """

    def __init__(self, channels: int, *, size: int = 3, stride: int = 2, padding: int = 1, groups: int = 8) -> None:
        super().__init__()
        self.size, self.stride, self.groups = size, stride, groups
        self.reflected = reflected_pixels(size, padding)
        taps = groups * size**2
        self.predict = nn.Conv2d(channels, taps, size, stride=stride, bias=False)
        nn.init.kaiming_normal_(self.predict.weight, mode="fan_out", nonlinearity="relu")
        self.normalise = nn.BatchNorm2d(taps)
        with torch.no_grad():
            self.normalise.weight.zero_()
            self.normalise.bias.copy_(binomial_filter(size).log().flatten().repeat(groups))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, h, w); H and W must be greater than the pixels reflected."""
        padded = functional.pad(maps, self.reflected, mode="reflect")
        scores = self.normalise(self.predict(padded))
        count, _, height, width = scores.shape
        filters = scores.view(count, self.groups, 1, self.size**2, height * width).softmax(dim=3)
        patches = functional.unfold(padded, self.size, stride=self.stride)
        patches = patches.view(count, self.groups, maps.shape[1] // self.groups, self.size**2, height * width)
        blurred: Tensor = (patches * filters).sum(dim=3)
        return blurred.view(count, maps.shape[1], height, width)
