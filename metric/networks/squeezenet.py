"""SqueezeNet 1.1 (torchvision's) with the seven features of LPIPS."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metric.networks.layers import Named, activation, blur, locate, pooling
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Variant

_CHANNELS = (64, 128, 256, 384, 384, 512, 512)


class Fire(nn.Module):
    """A narrow 1 × 1 convolution, then 1 × 1 and 3 × 3 side by side; names as torchvision's."""

    def __init__(self, before: int, narrow: int, after: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, narrow, 1)
        self.squeeze_activation = activation()
        self.expand1x1 = nn.Conv2d(narrow, after // 2, 1)
        self.expand1x1_activation = activation()
        self.expand3x3 = nn.Conv2d(narrow, after // 2, 3, padding=1)
        self.expand3x3_activation = activation()

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C′, H, W)."""
        narrow = self.squeeze_activation(self.squeeze(maps))
        wide = (
            self.expand1x1_activation(self.expand1x1(narrow)),
            self.expand3x3_activation(self.expand3x3(narrow)),
        )
        return torch.cat(wide, dim=1)


def build_squeezenet(variant: Variant) -> FeatureNetwork:
    """Seven levels; its three poolings and conv-1 halve the size."""
    conv1 = nn.Conv2d(3, 64, 3, stride=variant.conv1_stride)
    blur1: list[Named] = [("blur1", blur(variant, 64))] if variant.blurs_conv1 else []
    level1, begins_level2 = locate(variant, [("conv1", conv1)], blur1, ("relu1", activation()))

    def halve(name: str, channels: int) -> list[Named]:
        return pooling(variant, name, channels, 3, ceil_mode=True)

    levels: list[list[Named]] = [
        level1,
        [*begins_level2, *halve("2", 64), ("fire3", Fire(64, 16, 128)), ("fire4", Fire(128, 16, 128))],
        [*halve("3", 128), ("fire6", Fire(128, 32, 256)), ("fire7", Fire(256, 32, 256))],
        [*halve("4", 256), ("fire9", Fire(256, 48, 384))],
        [("fire10", Fire(384, 48, 384))],
        [("fire11", Fire(384, 64, 512))],
        [("fire12", Fire(512, 64, 512))],
    ]
    torchvision = {name: f"features.{name[4:]}" for level in levels for name, _ in level if name.startswith("fire")}
    return FeatureNetwork(variant, levels, _CHANNELS, {"conv1": "features.0", **torchvision})
