"""Structural similarity: SSIM as Wang et al. 2004 define it, and the DSSIM of LPIPS's scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from metric.classical.ssim_windows import GAUSSIAN, UNIFORM, Window, compare
from metric.interface import FeatureMetric, Features

if TYPE_CHECKING:
    from metric.registry.spec import MetricSpec
    from metric.weights.finding import Weights


def structural_similarity(reference: Tensor, images: Tensor, window: Window = GAUSSIAN) -> Tensor:
    """SSIM, (N, 3, H, W) in [0, 1] → (N,) in [-1, 1]: mean over channels and over all whole windows.

    Wang et al. 2004, Eq. 13, with their constants: a Gaussian window of 11 × 11 pixels and sigma 1.5, K1 =
    0.01, K2 = 0.03, data range 1, the biased (co)variance; no downsampling before.
    """
    luminance, structure = compare(reference, window.moments(reference), images, window.moments(images), window=window)
    return (luminance * structure).mean(dim=(1, 2, 3))


class SSIM(FeatureMetric):
    """(1 − SSIM) × `factor` (see `structural_similarity`), in float64: float32 loses the variance of flat regions."""

    def __init__(self, spec: MetricSpec, window: Window, factor: float) -> None:
        super().__init__(spec)
        self._window = window
        self._factor = factor

    def features(self, images: Tensor) -> Features:
        images = images.double()
        return images, *self._window.moments(images)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return (1 - self._similarity(reference, images).mean(dim=(1, 2, 3))) * self._factor

    def difference_map(self, reference: Features, images: Features, size: tuple[int, int]) -> Tensor:
        # Each window's value at its middle; the pixels nearer to the border have that of the nearest window.
        inside = (1 - self._similarity(reference, images).mean(dim=1)) * self._factor
        above, left = ((size[k] - inside.shape[k + 1]) // 2 for k in range(2))
        below, right = size[0] - inside.shape[1] - above, size[1] - inside.shape[2] - left
        return functional.pad(inside, (left, right, above, below), mode="replicate")

    def _similarity(self, reference: Features, images: Features) -> Tensor:
        luminance, structure = compare(
            reference[0], (reference[1], reference[2]), images[0], (images[1], images[2]), self._window
        )
        return luminance * structure


def build_ssim(spec: MetricSpec, weights: Weights) -> SSIM:
    """`ssim`; it has no weights."""
    return SSIM(spec, GAUSSIAN, factor=1.0)


def build_dssim(spec: MetricSpec, weights: Weights) -> SSIM:
    """`dssim`; it has no weights."""
    return SSIM(spec, UNIFORM, factor=0.5)
