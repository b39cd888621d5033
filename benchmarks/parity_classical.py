"""How far the metrics in closed form are from other implementations, on the pairs of `benchmarks.parity`.

    python -m benchmarks.parity_classical

scikit-image, torchmetrics, lpips and piq come with the extras `metric` and `dev`. pytorch-msssim 1.0.0 and pyiqa
0.1.16 do not: rows of those that are not installed say so. The originals compute in float64 where they can. MS-SSIM
takes no image of 64 pixels; its row there is of the pairs enlarged three times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec as find_module
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.originals import Distance
from benchmarks.parity import Original, main
from metric.classical.luma import luma
from metric.interface import FeatureMetric
from metric.loading import load_metric

_LARGE_ENOUGH_PX = 176


def _original(
    name: str, metric: str, theirs: Callable[[], Distance], package: str = "skimage", note: str = ""
) -> Original:
    if find_module(package) is None:
        return Original(name, metric, None, f"{package} is not installed")

    def build() -> tuple[FeatureMetric, Distance]:
        return load_metric(metric), theirs()

    return Original(name, metric, build, note)


def _array(image: Tensor) -> Any:
    return image[0].permute(1, 2, 0).double().numpy()


def _skimage_rmse() -> Distance:
    from skimage.metrics import mean_squared_error

    return lambda reference, image: float(mean_squared_error(_array(reference), _array(image)) ** 0.5)


def _skimage_psnr() -> Distance:
    from skimage.metrics import peak_signal_noise_ratio

    return lambda reference, image: float(peak_signal_noise_ratio(_array(reference), _array(image), data_range=1.0))


def _skimage_ssim(factor: float, **options: Any) -> Distance:
    from skimage.metrics import structural_similarity

    compare = partial(structural_similarity, data_range=1.0, channel_axis=2, **options)
    return lambda reference, image: factor * (1 - float(compare(_array(reference), _array(image))))


def _torchmetrics_psnr() -> Distance:
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return lambda reference, image: float(peak_signal_noise_ratio(image.double(), reference.double(), data_range=1.0))


def _lpips(name: str, colorspace: str) -> Distance:
    import lpips
    import skimage.measure
    from skimage.metrics import structural_similarity

    # lpips asks scikit-image for a name that it no longer has.
    skimage.measure.compare_ssim = lambda first, second, data_range, multichannel: structural_similarity(
        first, second, data_range=data_range, channel_axis=2
    )
    model = getattr(lpips, name)(use_gpu=False, colorspace=colorspace)

    def distance(reference: Tensor, image: Tensor) -> float:
        # It cuts off what is after the point of 0 … 255: a quarter more keeps rounding from losing a whole step.
        return float(model(*((tensor * 255 + 0.25) / 127.5 - 1 for tensor in (reference, image))))

    return distance


def _piq(name: str, **options: Any) -> Distance:
    import piq

    compare = partial(getattr(piq, name), data_range=1.0, **options)
    return lambda reference, image: 1 - float(compare(reference.double(), image.double()))


def _pytorch_msssim() -> Distance:
    import pytorch_msssim

    return lambda reference, image: (
        1 - float(pytorch_msssim.ms_ssim(reference.double(), image.double(), data_range=1.0))
    )


def _pyiqa_cw_ssim() -> Distance:
    from pyiqa.archs.ssim_arch import CW_SSIM

    model = CW_SSIM()
    return lambda reference, image: 1 - float(model.cw_ssim(255 * luma(reference), 255 * luma(image), False))


class _Enlarged(torch.nn.Module):
    """MS-SSIM of images that are enlarged until they are large enough."""

    def forward(self, reference: Tensor, image: Tensor) -> Tensor:
        found: Tensor = load_metric("ms-ssim")(*(enlarge(tensor) for tensor in (reference, image)))
        return found


def enlarge(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) of at least 176 pixels a side, each pixel a square of pixels; larger ones as they are."""
    factor = -(-_LARGE_ENOUGH_PX // min(images.shape[2:]))
    return interpolate(images.double(), scale_factor=float(factor), mode="nearest")


def _enlarged(name: str, theirs: Callable[[], Distance], package: str) -> Original:
    if find_module(package) is None:
        return Original(name, "ms-ssim", None, f"{package} is not installed")

    def build() -> tuple[Any, Distance]:
        distance = theirs()
        return _Enlarged(), lambda reference, image: distance(enlarge(reference), enlarge(image))

    return Original(name, "ms-ssim", build, "pairs of 64 px enlarged three times")


ORIGINALS = (
    _original("scikit-image", "rmse", _skimage_rmse),
    _original("scikit-image", "psnr", _skimage_psnr),
    _original("torchmetrics", "psnr", _torchmetrics_psnr, "torchmetrics"),
    _original(
        "lpips 0.1.4, Lab", "lpips-l2", lambda: _lpips("L2", "Lab"), "lpips", "without its loss of steps of 8 bits"
    ),
    _original(
        "lpips 0.1.4, RGB", "dssim", lambda: _lpips("DSSIM", "RGB"), "lpips", "without its loss of steps of 8 bits"
    ),
    _original("scikit-image's defaults", "dssim", lambda: _skimage_ssim(0.5)),
    _original(
        "scikit-image, Gaussian",
        "ssim",
        lambda: _skimage_ssim(1.0, gaussian_weights=True, use_sample_covariance=False),
    ),
    _original("piq 0.8.0", "ssim", lambda: _piq("ssim", downsample=False), "piq"),
    _enlarged("piq 0.8.0", lambda: _piq("multi_scale_ssim"), "piq"),
    _enlarged("pytorch-msssim 1.0.0", _pytorch_msssim, "pytorch_msssim"),
    _original("pyiqa 0.1.16", "cw-ssim", _pyiqa_cw_ssim, "pyiqa", "on the same luma, not rounded"),
)

if __name__ == "__main__":
    main(ORIGINALS)
