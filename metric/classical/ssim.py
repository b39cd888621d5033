"""Structural similarity: SSIM as Wang et al. 2004 define it, and the DSSIM of LPIPS's scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from metric.classical.luma import luma, shrink
from metric.classical.similarity_maps import keep, mean_similarity, similarity_map
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
        return keep(images, self._window)

    def distance(self, reference: Features, images: Features) -> Tensor:
        similarity = mean_similarity(reference, images, self._window)[0].mean(dim=1)
        # In flat regions the covariance may round to a little more than the variances.
        return ((1 - similarity) * self._factor).clamp_min(0)

    def difference_map(self, reference: Features, images: Features, size: tuple[int, int]) -> Tensor:
        # Each window's value at its middle; the pixels nearer to the border have that of the nearest window.
        inside = ((1 - similarity_map(reference, images, self._window)) * self._factor).clamp_min(0)
        height, width = images[0].shape[2:]
        above, left = (height - inside.shape[1]) // 2, (width - inside.shape[2]) // 2
        below, right = height - inside.shape[1] - above, width - inside.shape[2] - left
        whole = functional.pad(inside, (left, right, above, below), mode="replicate")
        if (height, width) == size:
            return whole
        return functional.interpolate(whole[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


class LumaSSIM(SSIM):
    """`SSIM` of luma, made smaller as the authors of SSIM do (see `metric.classical.luma`)."""

    def features(self, images: Tensor) -> Features:
        return super().features(shrink(luma(images)))


def build_ssim(spec: MetricSpec, weights: Weights) -> SSIM:
    """`ssim`; it has no weights."""
    return SSIM(spec, GAUSSIAN, factor=1.0)


def build_dssim(spec: MetricSpec, weights: Weights) -> SSIM:
    """`dssim`; it has no weights."""
    return SSIM(spec, UNIFORM, factor=0.5)


def build_ssim_y(spec: MetricSpec, weights: Weights) -> LumaSSIM:
    """`ssim-y`; it has no weights."""
    return LumaSSIM(spec, GAUSSIAN, factor=1.0)
