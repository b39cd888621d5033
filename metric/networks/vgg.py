"""VGG-16 (torchvision's) with features after the last ReLU of each block, and the VGG-like networks of Figure 6."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from metric.networks.layers import Named, activation, blur, convolution, locate, pooling
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Variant

_CHANNELS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = (2, 2, 3, 3, 3)


class SkippedBlock(nn.Module):
    """The sum of a block's layers and of a projection past them, before the activation (Figure 6b and c)."""

    def __init__(self, body: list[Named], skip: list[Named]) -> None:
        super().__init__()
        self.body = nn.Sequential(OrderedDict(body))
        self.skip = nn.Sequential(OrderedDict(skip))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C′, h, w)."""
        summed: Tensor = self.body(maps) + self.skip(maps)
        return summed


def build_vgg16(variant: Variant) -> FeatureNetwork:
    """Five levels; where the blur is not at its original place, each level ends with its pooling (Figure 6)."""
    levels: list[list[Named]] = []
    torchvision: dict[str, str] = {}
    before, position, begins = 3, 0, list[Named]()
    for block, (after, count) in enumerate(zip(_CHANNELS, _CONVOLUTIONS, strict=True), start=1):
        convolutions: list[Named] = []
        for number in range(1, count + 1):
            name = f"conv{block}_{number}"
            convolutions.append((name, convolution(variant, before if number == 1 else after, after, 3, padding=1)))
            torchvision[name if variant.skips == "none" else f"block{block}.body.{name}"] = f"features.{position}"
            position += 2  # the convolution and its ReLU
            if number < count:
                convolutions.append((f"relu{block}_{number}", activation()))
        position += 1  # the pooling
        relu = (f"relu{block}_{count}", activation())
        pool = pooling(variant, str(block), after, 2)
        if variant.skips == "none":
            level, begins_next = locate(variant, convolutions, pool, relu)
        else:
            whole = SkippedBlock([*convolutions, *pool], _skip(variant, before, after))
            level, begins_next = [(f"block{block}", whole), relu], []
        levels.append([*begins, *level])
        before, begins = after, begins_next
    return FeatureNetwork(variant, levels, _CHANNELS, torchvision)


def _skip(variant: Variant, before: int, after: int) -> list[Named]:
    if variant.skips == "anti-aliased":
        return [("project", nn.Conv2d(before, after, 1, bias=False)), ("blur", blur(variant, after))]
    # With the wide padding the blurred block is one position larger at each side; zeros stand there in the skip.
    margin = (variant.blur - 1) // 2 if variant.padding == 2 else 0
    return [("project", nn.Conv2d(before, after, 1, stride=2, padding=margin, bias=False))]
