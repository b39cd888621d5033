"""The feature networks of shift-tolerant LPIPS: AlexNet and VGG-16 without aliasing.

Ghildyal & Liu 2022, Section 5. Every pooling is a max pooling of stride 1 followed by `BlurPool`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from metric.networks.blurpool import BlurPool

Levels: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Backbone(nn.Module, ABC):
    """A network that gives five levels of features."""

    channels: ClassVar[tuple[int, int, int, int, int]]
    published_names: ClassVar[dict[str, str]]
    """Our layer → the layer of the implementation that trained the weights."""
    plain_layers: ClassVar[frozenset[str]] = frozenset()
    """Layers that are not computed with channels last, where the others are."""

    @abstractmethod
    def forward(self, images: Tensor) -> Levels:
        """Normalised images (N, 3, H, W) → features after the last activation of each level, (N, C, h, w)."""


class ShiftTolerantAlexNet(Backbone):
    """AlexNet with stride 1 in conv-1, and the blur of conv-1 before its activation (Fig. 4c)."""

    channels = (64, 192, 384, 256, 256)
    # With channels last, a CPU adds up the 1600 products of conv-2 with ten times the rounding error.
    plain_layers = frozenset({"conv2"})
    published_names: ClassVar[dict[str, str]] = {
        "conv1": "slice1.0",
        "blur1": "slice1.1",
        "blur2": "slice2.4",
        "conv2": "slice2.5",
        "blur3": "slice3.8",
        "conv3": "slice3.9",
        "conv4": "slice4.11",
        "conv5": "slice5.13",
    }

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=11, padding=2)
        self.blur1 = BlurPool(64)
        self.blur2 = BlurPool(64)
        self.conv2 = nn.Conv2d(64, 192, kernel_size=5, padding=2)
        self.blur3 = BlurPool(192)
        self.conv3 = nn.Conv2d(192, 384, kernel_size=3, padding=1)
        self.conv4 = nn.Conv2d(384, 256, kernel_size=3, padding=1)
        self.conv5 = nn.Conv2d(256, 256, kernel_size=3, padding=1)

    def forward(self, images: Tensor) -> Levels:
        level1 = relu(self.blur1(self.conv1(images)))
        pooled = self.blur2(max_pool2d(level1, 3, stride=1)).contiguous()
        level2 = relu(self.conv2(pooled)).contiguous(memory_format=_layout(images))
        level3 = relu(self.conv3(self.blur3(max_pool2d(level2, 3, stride=1))))
        level4 = relu(self.conv4(level3))
        level5 = relu(self.conv5(level4))
        return level1, level2, level3, level4, level5


class ShiftTolerantVGG16(Backbone):
    """VGG-16 with its first four poolings blurred; it has no strided convolution to soften."""

    channels = (64, 128, 256, 512, 512)
    published_names: ClassVar[dict[str, str]] = {
        "conv1_1": "slice1.0",
        "conv1_2": "slice1.2",
        "blur1": "slice2.5",
        "conv2_1": "slice2.6",
        "conv2_2": "slice2.8",
        "blur2": "slice3.11",
        "conv3_1": "slice3.12",
        "conv3_2": "slice3.14",
        "conv3_3": "slice3.16",
        "blur3": "slice4.19",
        "conv4_1": "slice4.20",
        "conv4_2": "slice4.22",
        "conv4_3": "slice4.24",
        "blur4": "slice5.27",
        "conv5_1": "slice5.28",
        "conv5_2": "slice5.30",
        "conv5_3": "slice5.32",
    }

    def __init__(self) -> None:
        super().__init__()
        self.conv1_1 = _conv3(3, 64)
        self.conv1_2 = _conv3(64, 64)
        self.blur1 = BlurPool(64)
        self.conv2_1 = _conv3(64, 128)
        self.conv2_2 = _conv3(128, 128)
        self.blur2 = BlurPool(128)
        self.conv3_1 = _conv3(128, 256)
        self.conv3_2 = _conv3(256, 256)
        self.conv3_3 = _conv3(256, 256)
        self.blur3 = BlurPool(256)
        self.conv4_1 = _conv3(256, 512)
        self.conv4_2 = _conv3(512, 512)
        self.conv4_3 = _conv3(512, 512)
        self.blur4 = BlurPool(512)
        self.conv5_1 = _conv3(512, 512)
        self.conv5_2 = _conv3(512, 512)
        self.conv5_3 = _conv3(512, 512)

    def forward(self, images: Tensor) -> Levels:
        level1 = _activate(images, self.conv1_1, self.conv1_2)
        level2 = _activate(self.blur1(max_pool2d(level1, 2, stride=1)), self.conv2_1, self.conv2_2)
        level3 = _activate(self.blur2(max_pool2d(level2, 2, stride=1)), self.conv3_1, self.conv3_2, self.conv3_3)
        level4 = _activate(self.blur3(max_pool2d(level3, 2, stride=1)), self.conv4_1, self.conv4_2, self.conv4_3)
        level5 = _activate(self.blur4(max_pool2d(level4, 2, stride=1)), self.conv5_1, self.conv5_2, self.conv5_3)
        return level1, level2, level3, level4, level5


def _layout(maps: Tensor) -> torch.memory_format:
    last = maps.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _conv3(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel_size=3, padding=1)


def _activate(maps: Tensor, *convolutions: nn.Conv2d) -> Tensor:
    for convolution in convolutions:
        maps = relu(convolution(maps))
    return maps
