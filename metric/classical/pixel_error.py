"""The squared difference of the pixels: its mean, the root of the mean, and its peak signal-to-noise ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from metric.classical.luma import luma
from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

LEAST_ERROR = 1e-12
"""Floor of the mean squared difference in `peak_signal_to_noise_ratio`: identical images have 120 dB, not infinity."""


def mean_squared_difference(reference: Tensor, images: Tensor) -> Tensor:
    """Mean over pixels and channels of the squared difference, (N, 3, H, W) in [0, 1] → (N,) in [0, 1].

    No root: images are ranked as by the root, and Table 8 needs ranks only.

    >>> mean_squared_difference(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5))
    tensor([0.2500])
    """
    return (images - reference).square().mean(dim=(1, 2, 3))


def root_mean_squared_difference(reference: Tensor, images: Tensor) -> Tensor:
    """Root of `mean_squared_difference`, (N, 3, H, W) in [0, 1] → (N,) in [0, 1]; its gradient at 0 is 0."""
    mean = mean_squared_difference(reference, images)
    differs = mean > 0
    # The root of 0 has an infinite slope, which would make the gradient of a whole batch NaN.
    return torch.where(differs, mean, 1.0).sqrt() * differs


def peak_signal_to_noise_ratio(reference: Tensor, images: Tensor) -> Tensor:
    """PSNR in dB for a data range of 1, (N, 3, H, W) → (N,) in [0, 120]: -10 log10 of the mean squared difference.

    >>> peak_signal_to_noise_ratio(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.1)).round(decimals=3)
    tensor([20.])
    """
    return 0 - 10 * mean_squared_difference(reference, images).clamp_min(LEAST_ERROR).log10()


class _Pixels(FeatureMetric):
    """A metric that has nothing to compute from one image alone but its pixels, in float64."""

    def features(self, images: Tensor) -> Features:
        return (images.double(),)


class L2(_Pixels):
    """Mean squared difference (see `mean_squared_difference`)."""

    def distance(self, reference: Features, images: Features) -> Tensor:
        return mean_squared_difference(reference[0], images[0])

    def difference_map(self, reference: Features, images: Features, size: tuple[int, int]) -> Tensor:
        return (images[0] - reference[0]).square().mean(dim=1)


class RMSE(_Pixels):
    """Root of the mean squared difference (see `root_mean_squared_difference`)."""

    def distance(self, reference: Features, images: Features) -> Tensor:
        return root_mean_squared_difference(reference[0], images[0])


class PSNR(_Pixels):
    """A similarity in dB (see `peak_signal_to_noise_ratio`)."""

    def distance(self, reference: Features, images: Features) -> Tensor:
        return peak_signal_to_noise_ratio(reference[0], images[0])


class LumaPSNR(FeatureMetric):
    """PSNR of luma, in float64 (see `metric.classical.luma`)."""

    def features(self, images: Tensor) -> Features:
        return (luma(images),)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return peak_signal_to_noise_ratio(reference[0], images[0])


def build_l2(spec: MetricSpec, weights: Weights) -> L2:
    """`l2`; it has no weights."""
    return L2(spec)


def build_rmse(spec: MetricSpec, weights: Weights) -> RMSE:
    """`rmse`; it has no weights."""
    return RMSE(spec)


def build_psnr(spec: MetricSpec, weights: Weights) -> PSNR:
    """`psnr`; it has no weights."""
    return PSNR(spec)


def build_psnr_y(spec: MetricSpec, weights: Weights) -> LumaPSNR:
    """`psnr-y`; it has no weights."""
    return LumaPSNR(spec)
