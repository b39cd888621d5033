"""What SSIM and its kin are made of: local means, variances and covariances, and how two images compare in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from metric.device import is_recorded

_C1, _C2 = 0.01**2, 0.03**2
"""Wang et al. 2004: (K1 L)² and (K2 L)² with K1 = 0.01, K2 = 0.03 and data range L = 1."""

Moments: TypeAlias = tuple[Tensor, Tensor]
"""Local mean and local variance, each (N, C, h, w)."""


@dataclass(frozen=True)
class Window:
    """A separable window over which SSIM averages.

    Attributes:
        taps: its weights along one side; they add up to 1.
        variance_factor: what (co)variances are multiplied by; n / (n - 1) makes them those of a sample.
    """

    taps: tuple[float, ...]
    variance_factor: float = 1.0

    def average(self, images: Tensor) -> Tensor:
        """Local means of each channel, only where the whole window fits: (N, C, H - size + 1, W - size + 1)."""
        return self._average_along(self._average_along(images, 2), 3)

    def _average_along(self, images: Tensor, dim: int) -> Tensor:
        # Sums of moved copies: for float64, torch's convolution takes several times as long.
        whole = images.shape[dim] - len(self.taps) + 1
        averaged = images.narrow(dim, 0, whole) * self.taps[0]
        for start, tap in enumerate(self.taps[1:], start=1):
            averaged = torch.add(averaged, images.narrow(dim, start, whole), alpha=tap)
        return averaged

    def moments(self, images: Tensor) -> Moments:
        """Local mean and variance of each channel."""
        if is_recorded():  # in one step, the order of the strides would depend on whether there is one image
            mean, mean_of_squares = self.average(images), self.average(images.square())
        else:
            mean, mean_of_squares = self.average(torch.cat([images, images.square()])).chunk(2)
        return mean, (mean_of_squares - mean.square()) * self.variance_factor


def _gaussian_taps(radius: int, sigma: float) -> tuple[float, ...]:
    taps = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]
    return tuple(tap / sum(taps) for tap in taps)


GAUSSIAN = Window(_gaussian_taps(radius=5, sigma=1.5))
"""Wang et al. 2004: 11 × 11 pixels, sigma 1.5, the biased (co)variance."""
UNIFORM = Window((1 / 7,) * 7, variance_factor=49 / 48)
"""scikit-image's default: 7 × 7 pixels, the (co)variance of a sample."""


def compare(
    reference: Tensor, reference_moments: Moments, images: Tensor, image_moments: Moments, window: Window
) -> tuple[Tensor, Tensor]:
    """SSIM's luminance and contrast-structure maps, each (N, C, h, w) (Wang et al. 2004, Eq. 6 and Eqs. 9, 10).

    One reference may meet N images.
    """
    mean, variance = reference_moments
    image_mean, image_variance = image_moments
    product = mean * image_mean
    covariance = (window.average(reference * images) - product) * window.variance_factor
    luminance = (2 * product + _C1) / (mean.square() + image_mean.square() + _C1)
    structure = (2 * covariance + _C2) / (variance + image_variance + _C2)
    return luminance, structure
