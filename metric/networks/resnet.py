"""ResNet-18 (torchvision's) with features after the first ReLU and after each of its four stages."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from metric.networks.layers import Named, activation, blur, locate, pooling
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Variant

_CHANNELS = (64, 64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two convolutions and what goes past them; names as torchvision's.

    A block that halves the size does so by blur, where there is blur: the first convolution has stride 1 and the
    blur follows its ReLU, and a blur precedes the projection past them (Zhang 2019, Section 3.1 and its code).
    """

    def __init__(self, variant: Variant, before: int, after: int, *, halve: bool) -> None:
        super().__init__()
        blurred = halve and variant.blur > 0
        stride = 2 if halve and not blurred else 1
        first = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.conv1, self.bn1, self.relu1 = first, nn.BatchNorm2d(after), activation()
        self.blur = blur(variant, after) if blurred else nn.Identity()
        self.blur_first = variant.location == "blur-before-activation"
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)
        self.relu2 = activation()
        self.downsample: nn.Module = nn.Identity()
        if halve:
            project = nn.Conv2d(before, after, 1, stride=stride, bias=False)
            layers: list[Named] = [("blur", blur(variant, before))] if blurred else []
            layers += [("0", project), ("1", nn.BatchNorm2d(after))]
            self.downsample = nn.Sequential(OrderedDict(layers))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C′, h, w)."""
        convolved = self.bn1(self.conv1(maps))
        halved = self.relu1(self.blur(convolved)) if self.blur_first else self.blur(self.relu1(convolved))
        result: Tensor = self.relu2(self.bn2(self.conv2(halved)) + self.downsample(maps))
        return result


def build_resnet18(variant: Variant) -> FeatureNetwork:
    """Five levels; a blurred max pooling has windows of 2 instead of 3, as in Zhang's ResNets."""
    conv1 = nn.Conv2d(3, 64, 7, stride=variant.conv1_stride, padding=3, bias=False)
    blur1: list[Named] = [("blur1", blur(variant, 64))] if variant.blurs_conv1 else []
    level1, begins = locate(variant, [("conv1", conv1), ("bn1", nn.BatchNorm2d(64))], blur1, ("relu1", activation()))
    levels = [level1]
    torchvision = {"conv1": "conv1", "bn1": "bn1"}
    begins = [*begins, *pooling(variant, "2", 64, 3, padding=1, dense=2)]
    for stage in range(1, 5):
        before, after = _CHANNELS[stage - 1], _CHANNELS[stage]
        blocks: list[Named] = []
        for number in range(2):
            halve = stage > 1 and number == 0
            block = BasicBlock(variant, before if number == 0 else after, after, halve=halve)
            blocks.append((f"block{stage}_{number + 1}", block))
            torchvision[f"block{stage}_{number + 1}"] = f"layer{stage}.{number}"
        levels.append([*begins, *blocks])
        begins = []
    return FeatureNetwork(variant, levels, _CHANNELS, torchvision)
