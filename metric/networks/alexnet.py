"""AlexNet (torchvision's), with features after each ReLU."""

from __future__ import annotations

from metric.networks.layers import ContiguousConv2d, Named, activation, blur, convolution, locate, pooling
from metric.networks.network import FeatureNetwork
from metric.networks.variant import Variant

_CONVOLUTIONS = {"conv1": "features.0", "conv2": "features.3", "conv3": "features.6"}
_CONVOLUTIONS |= {"conv4": "features.8", "conv5": "features.10"}


def build_alexnet(variant: Variant) -> FeatureNetwork:
    """Five levels; conv-1 of stride 4 may be reduced to 2 or 1, and is then followed by a BlurPool of stride 2."""
    conv1: list[Named] = [("conv1", convolution(variant, 3, 64, 11, stride=variant.conv1_stride, padding=2))]
    blur1: list[Named] = [("blur1", blur(variant, 64))] if variant.blurs_conv1 else []
    level1, begins_level2 = locate(variant, conv1, blur1, ("relu1", activation()))
    level2: list[Named] = [
        *begins_level2,
        *pooling(variant, "2", 64, 3),
        ("conv2", convolution(variant, 64, 192, 5, padding=2, kind=ContiguousConv2d)),
        ("relu2", activation()),
    ]
    level3: list[Named] = [
        *pooling(variant, "3", 192, 3),
        ("conv3", convolution(variant, 192, 384, 3, padding=1)),
        ("relu3", activation()),
    ]
    level4: list[Named] = [("conv4", convolution(variant, 384, 256, 3, padding=1)), ("relu4", activation())]
    level5: list[Named] = [("conv5", convolution(variant, 256, 256, 3, padding=1)), ("relu5", activation())]
    levels = (level1, level2, level3, level4, level5)
    return FeatureNetwork(variant, levels, (64, 192, 384, 256, 256), _CONVOLUTIONS)
