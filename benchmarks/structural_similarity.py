"""The libraries for SSIM and MS-SSIM, as 1 − similarity of two images (1, 3, H, W) in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from benchmarks.originals import Distance


def ssim_libraries() -> Mapping[str, Distance]:
    """scikit-image, torchmetrics, and of pytorch-msssim and piq those that are installed; Gaussian windows of 11."""
    from skimage.metrics import structural_similarity
    from torchmetrics.functional.image import structural_similarity_index_measure

    def scikit_image(reference: Tensor, image: Tensor) -> float:
        return 1 - float(
            structural_similarity(
                *(tensor[0].cpu().numpy() for tensor in (reference, image)),
                channel_axis=0,
                data_range=1.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        )

    def torchmetrics(reference: Tensor, image: Tensor) -> float:
        found: Any = structural_similarity_index_measure(image, reference, data_range=1.0)
        return 1 - float(found)

    libraries: dict[str, Distance] = {"scikit-image": scikit_image, "torchmetrics": torchmetrics}
    if find_spec("pytorch_msssim"):
        from pytorch_msssim import ssim

        libraries["pytorch-msssim"] = lambda reference, image: 1 - float(ssim(image, reference, data_range=1.0))
    if find_spec("piq"):
        import piq

        libraries["piq"] = lambda reference, image: 1 - float(piq.ssim(image, reference, downsample=False))
    return libraries


def ms_ssim_libraries() -> Mapping[str, Distance]:
    """torchmetrics, and of pytorch-msssim and piq those that are installed."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    def torchmetrics(reference: Tensor, image: Tensor) -> float:
        found: Any = multiscale_structural_similarity_index_measure(image, reference, data_range=1.0)
        return 1 - float(found)

    libraries: dict[str, Distance] = {"torchmetrics": torchmetrics}
    if find_spec("pytorch_msssim"):
        from pytorch_msssim import ms_ssim

        libraries["pytorch-msssim"] = lambda reference, image: 1 - float(ms_ssim(image, reference, data_range=1.0))
    if find_spec("piq"):
        import piq

        libraries["piq"] = lambda reference, image: 1 - float(piq.multi_scale_ssim(image, reference))
    return libraries
