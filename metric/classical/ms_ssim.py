"""Multi-scale structural similarity (Wang, Simoncelli & Bovik 2003)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from metric.classical.luma import luma
from metric.classical.similarity_maps import Kept, is_large, keep, mean_similarity, recomputed
from metric.classical.ssim_windows import GAUSSIAN
from metric.device import is_recorded
from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang et al. 2003, Section 3.2)."""

_ROWS = 256
"""Rows of a large image that are halved at a time: an even number."""


def halve(images: Tensor) -> Tensor:
    """Means of 2 × 2 pixels, (N, C, H, W) → (N, C, ⌈H / 2⌉, ⌈W / 2⌉); an odd last row or column is repeated.

    >>> halve(torch.tensor([[[[1.0, 3.0, 5.0]]]]))
    tensor([[[[2., 5.]]]])
    """
    height, width = images.shape[2:]
    if is_recorded():
        # Whether a side is odd is a branch that exported programs cannot have; which pixel is the last is none.
        for dim, size in ((2, height), (3, width)):
            even = torch.arange((size + 1) // 2 * 2, device=images.device)
            images = images.index_select(dim, even.clamp_max(size - 1))
        return avg_pool2d(images, 2)
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
        if is_large(images):
            return (images,)
        return tuple(chain.from_iterable(_scales((images,))))

    def distance(self, reference: Features, images: Features) -> Tensor:
        similarity = torch.ones((), dtype=torch.float64, device=images[0].device)
        for scale, (one, other) in enumerate(zip(_scales(reference), _scales(images), strict=True)):
            whole, structure = mean_similarity(one, other, GAUSSIAN)
            coarsest = scale == len(SCALE_WEIGHTS) - 1
            similarity = similarity * _power(whole if coarsest else structure, SCALE_WEIGHTS[scale])
        # In flat regions the covariance may round to a little more than the variances.
        return (1 - similarity.mean(dim=1)).clamp_min(0)


class LumaMSSSIM(MSSSIM):
    """`MSSSIM` of luma (see `metric.classical.luma`); its own scales make it smaller."""

    def features(self, images: Tensor) -> Features:
        return super().features(luma(images))


def _scales(features: Features) -> Iterator[Kept]:
    """What is compared at each scale, of the features of all, or of the images alone."""
    if len(features) > 1:
        for start in range(0, len(features), 3):
            yield features[start : start + 3]
        return
    level = features[0]
    for scale in range(len(SCALE_WEIGHTS)):
        yield keep(level, GAUSSIAN)
        if scale < len(SCALE_WEIGHTS) - 1:
            level = _halved(level)


def _halved(images: Tensor) -> Tensor:
    if not is_large(images):
        return halve(images.double())
    # Channel by channel, and in none of them all that float64 would take.
    planes = []
    for plane in torch.split(images, 1, dim=1):
        rows = [recomputed(_halve_in_double, strip) for strip in torch.split(plane, _ROWS, dim=2)]
        planes.append(torch.cat(rows, dim=2))
    return torch.cat(planes, dim=1)


def _halve_in_double(images: Tensor) -> Tensor:
    return halve(images.double())


def build_ms_ssim(spec: MetricSpec, weights: Weights) -> MSSSIM:
    """`ms-ssim`; it has no weights."""
    return MSSSIM(spec)


def build_ms_ssim_y(spec: MetricSpec, weights: Weights) -> LumaMSSSIM:
    """`ms-ssim-y`; it has no weights."""
    return LumaMSSSIM(spec)
