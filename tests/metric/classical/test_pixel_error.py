"""L2, RMSE and PSNR against their definitions and scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio as skimage_psnr

from metric.classical.pixel_error import mean_squared_difference
from metric.loading import find_spec, load_metric


def test_l2_and_rmse_are_the_mean_squared_difference_and_its_root(crop_pair: Any) -> None:
    reference, image = (tensor.double() for tensor in crop_pair("flower", 7))
    expected = np.mean((reference.double().numpy() - image.double().numpy()) ** 2)
    assert load_metric("l2")(reference, image).item() == pytest.approx(expected, rel=1e-12)
    assert load_metric("rmse")(reference, image).item() == pytest.approx(np.sqrt(expected), rel=1e-12)
    assert mean_squared_difference(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)).item() == 1.0


@pytest.mark.parametrize("shift_px", [1, 9])
def test_psnr_is_that_of_scikit_image(shift_px: int, crop_pair: Any) -> None:
    reference, image = (tensor.double() for tensor in crop_pair("coffee", shift_px))
    expected = skimage_psnr(reference.double().numpy(), image.double().numpy(), data_range=1.0)
    assert load_metric("psnr")(reference, image).item() == pytest.approx(expected, rel=1e-12)


def test_psnr_is_a_similarity_with_a_ceiling(crop_pair: Any) -> None:
    psnr = load_metric("psnr")
    reference, shifted = crop_pair("coffee", 2)
    almost = (reference.double() + 1e-8).clamp(max=1.0)
    values = [psnr(reference.double(), image.double()).item() for image in (reference, almost, shifted)]
    assert values[:2] == [120.0, 120.0]
    assert 0.0 < values[2] < 60.0
    assert find_spec("psnr").lower_is_more_similar is False
    for kind in (torch.float32, torch.float64):
        least = psnr(torch.zeros(1, 3, 4, 4, dtype=kind), torch.ones(1, 3, 4, 4, dtype=kind))
        assert str(least.item()) == "0.0"
