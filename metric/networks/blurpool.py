"""BlurPool: blur, then keep every second pixel, so that a small shift moves little energy between samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_BINOMIAL = (1.0, 2.0, 1.0)


class BlurPool(nn.Module):
    """Blurs each channel with the 3 × 3 binomial filter and halves its size (Zhang 2019).

    Before, the image is extended by two reflected pixels on each side, twice what the filter needs: less of
    where the border is reaches the features (Ghildyal & Liu 2022, Section 5, "Border handling").
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor(_BINOMIAL)
        kernel = torch.outer(taps, taps) / taps.sum() ** 2
        self.register_buffer("kernel", kernel.expand(channels, 1, 3, 3).clone())

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, (H + 1) // 2 + 1, (W + 1) // 2 + 1), H and W at least 3."""
        padded = functional.pad(maps, (2, 2, 2, 2), mode="reflect")
        return functional.conv2d(padded, self.kernel, stride=2, groups=maps.shape[1])
