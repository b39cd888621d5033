"""torchvision's classifiers as feature networks, tapped where LPIPS taps them."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

_TAPS = {
    "alexnet": (1, 4, 7, 9, 11),
    "vgg16": (3, 8, 15, 22, 29),
    "squeezenet1_1": (1, 4, 7, 9, 10, 11, 12),
}
_CHANNELS = {
    "alexnet": (64, 192, 384, 256, 256),
    "vgg16": (64, 128, 256, 512, 512),
    "squeezenet1_1": (64, 128, 256, 384, 384, 512, 512),
}


class PlainNetwork(nn.Module):
    """Normalised images (N, 3, H, W) → features after the activations that LPIPS compares, each (N, C, h, w).

    Its tensors have torchvision's names, `features.0.weight`, and are zero until they are loaded.

    Args:
        name: torchvision's name of the network.
    """

    def __init__(self, name: Literal["alexnet", "vgg16", "squeezenet1_1"]) -> None:
        super().__init__()
        import torchvision

        self.taps = _TAPS[name]
        self.channels = _CHANNELS[name]
        # Without memory at first: only the convolutions get some, and none is filled with random numbers.
        with torch.device("meta"):
            whole: nn.Sequential = getattr(torchvision.models, name)(weights=None).features
        self.features = whole[: self.taps[-1] + 1].to_empty(device="cpu")
        for tensor in self.features.state_dict().values():
            tensor.zero_()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps = images
        levels = []
        for position, layer in enumerate(self.features):
            maps = layer(maps)
            if position in self.taps:
                levels.append(maps)
        return tuple(levels)
