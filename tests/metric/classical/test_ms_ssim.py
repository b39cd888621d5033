"""MS-SSIM against its parts in torchmetrics and scikit-image, and values of the package piq."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as skimage_ssim

from metric.classical.ms_ssim import halve
from metric.loading import load_metric

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def _from_parts(reference: torch.Tensor, image: torch.Tensor) -> float:
    """Of one channel, (1, 1, H, W): contrast-structure of torchmetrics, SSIM of scikit-image, means of NumPy."""
    from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

    product = 1.0
    for weight in _WEIGHTS[:-1]:
        _, structure = torchmetrics_ssim(image, reference, data_range=1.0, return_contrast_sensitivity=True)
        product *= max(structure.item(), 0.0) ** weight
        reference, image = (
            torch.from_numpy(x.numpy().reshape(1, 1, x.shape[2] // 2, 2, x.shape[3] // 2, 2).mean(axis=(3, 5)))
            for x in (reference, image)
        )
    options = {"data_range": 1.0, "gaussian_weights": True, "use_sample_covariance": False}
    return product * skimage_ssim(reference[0, 0].numpy(), image[0, 0].numpy(), **options) ** _WEIGHTS[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shift_px", "size"), [("astronaut", 2, (176, 192)), ("coffee", 6, (192, 176))])
def test_it_is_the_product_of_its_parts(name: str, shift_px: int, size: tuple[int, int], crop_pair: Any) -> None:
    reference, image = (tensor.double() for tensor in crop_pair(name, shift_px, *size))
    expected = np.mean([_from_parts(reference[:, i : i + 1], image[:, i : i + 1]) for i in range(3)])
    assert load_metric("ms-ssim")(reference, image).item() == pytest.approx(1 - expected, rel=1e-9)


# 1 − multi_scale_ssim(…, data_range=1.0) of piq 0.8.0, float64.
_PIQ = [("astronaut", 1, (176, 176), 0.04067886348346672), ("coffee", 5, (176, 208), 0.31740216944425814)]


@pytest.mark.parametrize(("name", "shift_px", "size", "expected"), _PIQ)
def test_it_is_that_of_piq(name: str, shift_px: int, size: tuple[int, int], expected: float, crop_pair: Any) -> None:
    # The tensors first become float64: 8-bit values over 255 are a little off in float32.
    pair = ((tensor.double() * 255).round() / 255 for tensor in crop_pair(name, shift_px, *size))
    assert load_metric("ms-ssim")(*pair).item() == pytest.approx(expected, rel=1e-10)


def test_an_odd_side_repeats_its_last_pixels() -> None:
    image = torch.arange(15, dtype=torch.float64).reshape(1, 1, 3, 5)
    whole = torch.cat([image, image[:, :, -1:]], dim=2)
    whole = torch.cat([whole, whole[:, :, :, -1:]], dim=3)
    expected = whole.reshape(1, 1, 2, 2, 3, 2).mean(dim=(3, 5))
    assert torch.equal(halve(image), expected)


def test_the_smallest_image_is_one_window_at_the_coarsest_scale(crop_pair: Any) -> None:
    metric = load_metric("ms-ssim")
    reference, image = crop_pair("china", 1, 161, 161)
    assert 0.0 < metric(reference, image).item() < 1.0
    assert metric.features(reference)[-1].shape == (1, 3, 1, 1)


def test_a_negative_image_has_no_similarity_and_no_broken_gradient(crop_pair: Any) -> None:
    reference, _ = crop_pair("china", 0, 176, 176)
    negative = (1 - reference).requires_grad_()
    distance = load_metric("ms-ssim")(reference, negative)
    assert distance.item() == 1.0
    (gradient,) = torch.autograd.grad(distance.sum(), negative)
    assert gradient.isfinite().all()
