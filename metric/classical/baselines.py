"""The baselines: structural similarity and the squared difference of the pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_C1, _C2 = 0.01**2, 0.03**2


def _gaussian_taps(radius: int, sigma: float) -> list[float]:
    taps = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]
    return [tap / sum(taps) for tap in taps]


_TAPS = _gaussian_taps(radius=5, sigma=1.5)


def mean_squared_difference(reference: Tensor, images: Tensor) -> Tensor:
    """Mean over pixels and channels of the squared difference, (N, 3, H, W) in [0, 1] → (N,) in [0, 1].

    No root: images are ranked as by the root, and Table 8 needs ranks only.
    """
    return (images - reference).square().mean(dim=(1, 2, 3))


def local_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Local mean and variance under SSIM's window, each (N, C, H - 10, W - 10)."""
    mean, mean_of_squares = gaussian_window(torch.cat([images, images.square()])).chunk(2)
    return mean, mean_of_squares - mean.square()


def structural_similarity(reference: Tensor, images: Tensor) -> Tensor:
    """SSIM, (N, 3, H, W) in [0, 1] → (N,) in [-1, 1]: mean over channels and over all whole windows.

    Wang et al. 2004, Eq. 13, with their constants: a Gaussian window of 11 × 11 pixels and sigma 1.5, K1 =
    0.01, K2 = 0.03, data range 1, the biased (co)variance; no downsampling before.
    """
    return _compare_moments(reference, *local_moments(reference), images=images, image_moments=local_moments(images))


def gaussian_window(images: Tensor) -> Tensor:
    """Each channel under SSIM's window, only where the whole window fits: (N, C, H - 10, W - 10)."""
    return _blur_along(_blur_along(images, 2), 3)


def _blur_along(images: Tensor, dim: int) -> Tensor:
    # Sums of moved copies: for float64, torch's convolution takes several times as long.
    whole = images.shape[dim] - len(_TAPS) + 1
    blurred = images.narrow(dim, 0, whole) * _TAPS[0]
    for start, tap in enumerate(_TAPS[1:], start=1):
        blurred = torch.add(blurred, images.narrow(dim, start, whole), alpha=tap)
    return blurred


def _compare_moments(
    reference: Tensor, mean: Tensor, variance: Tensor, *, images: Tensor, image_moments: tuple[Tensor, Tensor]
) -> Tensor:
    image_mean, image_variance = image_moments
    product = mean * image_mean
    covariance = gaussian_window(reference * images) - product
    luminance = (2 * product + _C1) / (mean.square() + image_mean.square() + _C1)
    structure = (2 * covariance + _C2) / (variance + image_variance + _C2)
    return (luminance * structure).mean(dim=(1, 2, 3))


class SSIM(FeatureMetric):
    """1 − SSIM (see `structural_similarity`), in float64: float32 loses the variance of flat regions."""

    def features(self, images: Tensor) -> Features:
        images = images.double()
        return images, *local_moments(images)

    def distance(self, reference: Features, images: Features) -> Tensor:
        similarity = _compare_moments(*reference, images=images[0], image_moments=(images[1], images[2]))
        return 1 - similarity


class L2(FeatureMetric):
    """Mean squared difference (see `mean_squared_difference`), computed in float64."""

    def features(self, images: Tensor) -> Features:
        return (images.double(),)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return mean_squared_difference(reference[0], images[0])


def build_ssim(spec: MetricSpec, weights: Weights) -> SSIM:
    """`ssim`; it has no weights."""
    return SSIM(spec)


def build_l2(spec: MetricSpec, weights: Weights) -> L2:
    """`l2`; it has no weights."""
    return L2(spec)
