"""The squared difference in CIE Lab, which LPIPS's scripts call L2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_XYZ_OF_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""Linear sRGB → CIE XYZ, as scikit-image rounds the primaries of ITU-R BT.709."""
_WHITE = (0.95047, 1.0, 1.08883)
"""XYZ of the illuminant D65 for the observer of 2°."""


def rgb_to_lab(images: Tensor) -> Tensor:
    """CIE Lab of sRGB in [0, 1], both (N, 3, H, W); L is in [0, 100], white is D65 (IEC 61966-2-1, CIE 1976)."""
    linear = torch.where(images > 0.04045, ((images.clamp_min(0.04045) + 0.055) / 1.055).pow(2.4), images / 12.92)
    white = torch.tensor(_WHITE, dtype=images.dtype, device=images.device)
    matrix = torch.tensor(_XYZ_OF_RGB, dtype=images.dtype, device=images.device) / white[:, None]
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    # The clamps keep the slope of the branch that is not taken finite.
    lightness = torch.where(xyz > 0.008856, xyz.clamp_min(0.008856).pow(1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = lightness.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


class LabL2(FeatureMetric):
    """Half the mean squared difference of CIE Lab / 100, in float64: L2 of LPIPS's scripts (package lpips 0.1.4)."""

    def features(self, images: Tensor) -> Features:
        return (rgb_to_lab(images.double()) / 100,)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return 0.5 * (images[0] - reference[0]).square().mean(dim=(1, 2, 3))


def build_lpips_l2(spec: MetricSpec, weights: Weights) -> LabL2:
    """`lpips-l2`; it has no weights."""
    return LabL2(spec)
