"""Max pooling and the blur behind it in one pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metric.networks import compiled
from metric.networks.blurpool import BlurPool
from metric.networks.layers import DenseMaxPool2d


class PooledBlur(nn.Module):
    """What `blur(pooling(maps))` gives; no pooling is a window of one."""

    def __init__(self, pooling: DenseMaxPool2d | None, blur: BlurPool) -> None:
        super().__init__()
        self.pooling: nn.Module = pooling if pooling is not None else nn.Identity()
        self.blur, self.window = blur, pooling.size if pooling is not None else 1

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C, h, w)."""
        before, after = self.blur.reflected[:2]
        height, width = (size - self.window + 1 for size in maps.shape[2:])
        if not (compiled.computes(maps) and compiled.whole(maps.shape[1]) and min(height, width) > max(before, after)):
            blurred: Tensor = self.blur(self.pooling(maps))
            return blurred
        rows, columns = ((size + before + after - self.blur.size) // 2 + 1 for size in (height, width))
        return compiled.pool_and_blur(maps, self.window, self.blur.kernel[0, 0].sum(dim=0), before, rows, columns)


def fits(blur: BlurPool) -> bool:
    """Whether a blur is one that `PooledBlur` computes: of stride 2, and the product of one along each side."""
    along = blur.kernel[0, 0].sum(dim=0)
    return blur.stride == 2 and torch.allclose(torch.outer(along, along), blur.kernel[:, 0], rtol=1e-6, atol=0)
