"""The description of a network: a backbone and the elements of shift tolerance that are put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from metric.errors import MetricError

Backbone: TypeAlias = Literal["alexnet", "vgg16", "resnet18", "squeezenet"]
Location: TypeAlias = Literal["original", "feature-after-blur", "blur-before-activation"]
Pooling: TypeAlias = Literal["max", "avg"]
Skips: TypeAlias = Literal["none", "strided", "anti-aliased"]

NATIVE_STRIDE: dict[Backbone, int] = {"alexnet": 4, "vgg16": 1, "resnet18": 2, "squeezenet": 2}
"""Stride of the first convolution where nothing is reduced."""


@dataclass(frozen=True)
class Variant:
    """A backbone with elements of Ghildyal & Liu 2022, Section 5; without any it is torchvision's network.

    Attributes:
        backbone: `alexnet`, `vgg16`, `resnet18` or `squeezenet` (torchvision's 1.1).
        blur: taps of the binomial low-pass filter, 2 to 7 (Zhang 2019), or 0 for no anti-aliasing.
        padding: reflected pixels around what is blurred: 1 is what the filter needs, 2 is twice that.
        adaptive: the low-pass filter is predicted from the features (Zou et al. 2020) instead of binomial.
        full_convolution: F-Conv, zero padding of 2k for a filter of 2k + 1 (Kayhan & van Gemert 2020).
        conv1_stride: stride of the first convolution; 0 takes the backbone's own, or half of it where a
            BlurPool does the other half. A blurred network in which it is not reduced has only its later
            downsampling blurred.
        location: what follows the blur of a strided convolution (Fig. 4). In VGG-16, which has none, it is the
            last convolution and the pooling of each block, as in Fig. 6a.
        pooling: max pooling, or average pooling (which is BlurPool alone where there is blur).
        skips: connections past each block (Fig. 6b and c), VGG-16 only.

    Raises:
        MetricError: for elements that cannot be combined.

    >>> Variant("alexnet", blur=3).conv1_stride
    2
    """

    backbone: Backbone
    blur: int = 0
    padding: int = 1
    adaptive: bool = False
    full_convolution: bool = False
    conv1_stride: int = 0
    location: Location = "original"
    pooling: Pooling = "max"
    skips: Skips = "none"

    def __post_init__(self) -> None:
        _one_of("backbone", self.backbone, get_args(Backbone))
        _one_of("location", self.location, get_args(Location))
        _one_of("pooling", self.pooling, get_args(Pooling))
        _one_of("skips", self.skips, get_args(Skips))
        _one_of("padding", self.padding, (1, 2))
        _one_of("blur", self.blur, (0, 2, 3, 4, 5, 6, 7))
        native = NATIVE_STRIDE[self.backbone]
        if self.conv1_stride == 0:
            halved = max(native // 2, 1) if self.blur else native
            object.__setattr__(self, "conv1_stride", halved)
        _one_of("conv1_stride", self.conv1_stride, [stride for stride in (1, 2, 4) if stride <= native])
        reason = self._impossible()
        if reason:
            raise MetricError(f"{self.backbone} cannot be built so: {reason}.")

    @property
    def blurs_conv1(self) -> bool:
        """Whether the first convolution is an anti-aliased strided one."""
        return self.blur > 0 and self.conv1_stride < NATIVE_STRIDE[self.backbone]

    def _impossible(self) -> str:
        branches = self.backbone in ("resnet18", "squeezenet") or self.skips != "none"
        blurred = (self.padding != 1, self.adaptive, self.location != "original", self.skips != "none")
        if not self.blur and any(blurred):
            return "a wider padding, an adaptive filter, a location of the blur and skips need a blur"
        if self.full_convolution and branches:
            return "F-Conv gives branches that are added or joined different sizes"
        if self.location != "original" and self.backbone != "vgg16" and not self.blurs_conv1:
            return "its first convolution is not reduced in stride, so no blur follows it that has a location"
        if self.skips != "none":
            if self.backbone != "vgg16" or self.location != "blur-before-activation" or self.pooling != "avg":
                return "skips (Fig. 6) need vgg16, the location blur-before-activation and pooling avg"
            if self.skips == "strided" and self.padding == 2 and self.blur % 2 == 0:
                return "a strided skip meets a filter of an even size with padding 2 between two pixels"
        return ""


def _one_of(name: str, value: object, allowed: object) -> None:
    choices = list(allowed)  # type: ignore[call-overload]
    if value not in choices:
        raise MetricError(f'A network has no {name} "{value}"; it is one of {", ".join(map(str, choices))}.')
