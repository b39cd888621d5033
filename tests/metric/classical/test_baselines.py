"""SSIM against scikit-image and torchmetrics, L2 against its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as skimage_ssim
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

from metric.classical.baselines import mean_squared_difference, structural_similarity
from metric.registry import load_metric

_CASES = [
    ("astronaut", 1, (64, 64)),
    ("rocket", 3, (64, 61)),
    ("coffee", 9, (50, 90)),
    ("china", 2, (11, 12)),
]


@pytest.mark.parametrize(("name", "shift_px", "size"), _CASES)
def test_ssim_is_that_of_scikit_image(name: str, shift_px: int, size: tuple[int, int], crop_pair: Any) -> None:
    reference, image = crop_pair(name, shift_px, *size)
    expected = skimage_ssim(
        *(tensor[0].permute(1, 2, 0).double().numpy() for tensor in (reference, image)),
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert load_metric("ssim")(reference, image).item() == pytest.approx(1 - expected, rel=1e-9)


@pytest.mark.parametrize(("name", "shift_px", "size"), _CASES[:3])
def test_ssim_is_that_of_torchmetrics(name: str, shift_px: int, size: tuple[int, int], crop_pair: Any) -> None:
    reference, image = (tensor.double() for tensor in crop_pair(name, shift_px, *size))
    _, everywhere = torchmetrics_ssim(image, reference, data_range=1.0, return_full_image=True)
    # torchmetrics also averages over the border, where its windows see reflected pixels.
    expected = everywhere[..., 5:-5, 5:-5].mean().item()
    assert structural_similarity(reference, image).item() == pytest.approx(expected, rel=1e-9)


def test_ssim_of_flat_images_is_the_closed_form() -> None:
    darker, lighter = (torch.full((1, 3, 16, 16), value, dtype=torch.float64) for value in (0.25, 0.75))
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert structural_similarity(darker, lighter).item() == pytest.approx(expected, rel=1e-12)


def test_l2_is_the_mean_squared_difference(crop_pair: Any) -> None:
    reference, image = crop_pair("flower", 7)
    expected = np.mean((reference.double().numpy() - image.double().numpy()) ** 2)
    assert load_metric("l2")(reference, image).item() == pytest.approx(expected, rel=1e-12)
    assert mean_squared_difference(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)).item() == 1.0
