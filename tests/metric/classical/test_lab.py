"""CIE Lab against scikit-image, and its squared difference against the package lpips."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from skimage.color import rgb2lab

from metric.classical.lab import rgb_to_lab
from metric.loading import load_metric


def test_lab_is_that_of_scikit_image_over_the_whole_cube() -> None:
    steps = torch.linspace(0, 1, 35, dtype=torch.float64)
    colours = torch.cartesian_prod(steps, steps, steps)
    expected = rgb2lab(colours.numpy())
    found = rgb_to_lab(colours.T[None, :, :, None])[0, :, :, 0].T
    assert torch.allclose(found, torch.from_numpy(expected), rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["astronaut", "coffee", "motorcycle"])
def test_lpips_l2_is_that_of_the_package_lpips(name: str, crop_pair: Any) -> None:
    import lpips

    theirs = lpips.L2(use_gpu=False, colorspace="Lab")
    reference, image = crop_pair(name, 3)
    # It cuts off what is after the point of 0 … 255: a quarter more keeps rounding from losing a whole step.
    expected = theirs(*((tensor * 255 + 0.25) / 127.5 - 1 for tensor in (reference, image))).item()
    assert load_metric("lpips-l2")(reference, image).item() == pytest.approx(expected, rel=2e-6)


def test_black_and_white_are_one_lightness_apart() -> None:
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    # 100 / 100, squared, in one channel of three, halved; white is a hair off grey in rounded primaries.
    assert load_metric("lpips-l2")(black, white).item() == pytest.approx(1 / 6, rel=1e-6)
