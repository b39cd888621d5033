"""Multi-scale structural similarity (Wang, Simoncelli & Bovik 2003)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from metric.classical.ssim_windows import GAUSSIAN, compare
from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang et al. 2003, Section 3.2)."""


def halve(images: Tensor) -> Tensor:
    """Means of 2 × 2 pixels, (N, C, H, W) → (N, C, ⌈H / 2⌉, ⌈W / 2⌉); an odd last row or column is repeated.

    >>> halve(torch.tensor([[[[1.0, 3.0, 5.0]]]]))
    tensor([[[[2., 5.]]]])
    """
    height, width = images.shape[2:]
    return avg_pool2d(pad(images, (0, width % 2, 0, height % 2), mode="replicate"), 2)


def _power(values: Tensor, exponent: float) -> Tensor:
    # A negative value has no real power and counts as 0, whose own power has an infinite slope.
    positive = values > 0
    return torch.where(positive, values, 1.0).pow(exponent) * positive


class MSSSIM(FeatureMetric):
    """1 − MS-SSIM, in float64: mean over channels of Wang et al. 2003, Eq. 7.

    At each of five scales, each half the one before, the contrast-structure map is averaged, at the coarsest
    one multiplied with the luminance map before; the averages are raised to the scales' weights and multiplied.
    """

    def features(self, images: Tensor) -> Features:
        level = images.double()
        kept: list[Tensor] = [level, *GAUSSIAN.moments(level)]
        for _ in SCALE_WEIGHTS[1:]:
            level = halve(level)
            kept += [level, *GAUSSIAN.moments(level)]
        return tuple(kept)

    def distance(self, reference: Features, images: Features) -> Tensor:
        similarity = torch.ones((), dtype=torch.float64, device=images[0].device)
        for scale, weight in enumerate(SCALE_WEIGHTS):
            level, *moments = reference[3 * scale : 3 * scale + 3]
            image_level, *image_moments = images[3 * scale : 3 * scale + 3]
            luminance, structure = compare(
                level, (moments[0], moments[1]), image_level, (image_moments[0], image_moments[1]), GAUSSIAN
            )
            coarsest = scale == len(SCALE_WEIGHTS) - 1
            maps = luminance * structure if coarsest else structure
            similarity = similarity * _power(maps.mean(dim=(2, 3)), weight)
        return 1 - similarity.mean(dim=1)


def build_ms_ssim(spec: MetricSpec, weights: Weights) -> MSSSIM:
    """`ms-ssim`; it has no weights."""
    return MSSSIM(spec)
