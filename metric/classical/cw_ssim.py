"""Complex wavelet structural similarity (Wang & Simoncelli 2005; Sampat et al. 2009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from metric.classical.luma import luma
from metric.classical.ssim_windows import Window
from metric.classical.steerable_bands import coarsest_bands
from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights

_SCALES, _ORIENTATIONS = 4, 8
_WINDOW = Window((1 / 7,) * 7)
_STABLE = 1e-8
"""K of Sampat et al. 2009, Eq. 6, for luma in [0, 255]: far above the rounding of float64 in a flat region, far
below the energy of anything that 8 bits can show."""


class CWSSIM(FeatureMetric):
    """1 − CW-SSIM, in float64: how well the phases of the coarsest bands of two lumas agree, whatever their shift.

    Sampat et al. 2009, Eq. 6, in windows of 7 × 7 coefficients; averaged with a Gaussian on the middle of the
    image, whose deviation is a quarter of the band's height, and over the orientations.
    """

    def features(self, images: Tensor) -> Features:
        bands = coarsest_bands(255 * luma(images), _SCALES, _ORIENTATIONS)
        real, imaginary = bands.real, bands.imag
        return real, imaginary, _WINDOW.average(real.square() + imaginary.square())

    def distance(self, reference: Features, images: Features) -> Tensor:
        real, imaginary, energy = reference
        image_real, image_imaginary, image_energy = images
        agreement = _length(
            _WINDOW.average(real * image_real + imaginary * image_imaginary),
            _WINDOW.average(real * image_imaginary - imaginary * image_real),
        )
        similarity = (2 * agreement + _STABLE) / (energy + image_energy + _STABLE)
        middle = _middle(similarity.shape[2], similarity.shape[3], deviation=real.shape[2] / 4, like=similarity)
        # Two bands that agree may round to a little more than 1.
        return (1 - (similarity * middle).sum(dim=(2, 3)).mean(dim=1)).clamp_min(0)


def _length(real: Tensor, imaginary: Tensor) -> Tensor:
    # Where both are 0 the root has no slope; there the length is 0 and so is the gradient.
    square = real.square() + imaginary.square()
    positive = square > 0
    return torch.where(positive, square, 1.0).sqrt() * positive


def _middle(height: int, width: int, deviation: float, like: Tensor) -> Tensor:
    """A Gaussian around the middle, (height, width), which adds up to 1."""
    sides = []
    for size in (height, width):
        offsets = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
        sides.append((-0.5 * (offsets / deviation).square()).exp())
    gaussian = sides[0][:, None] * sides[1]
    return gaussian / gaussian.sum()


def build_cw_ssim(spec: MetricSpec, weights: Weights) -> CWSSIM:
    """`cw-ssim`; it has no weights."""
    return CWSSIM(spec)
