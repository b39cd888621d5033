"""CW-SSIM against a pyramid built scale by scale, and values of the package pyiqa."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from metric.classical.luma import luma
from metric.classical.steerable_bands import coarsest_bands
from metric.loading import load_metric


def _bands_scale_by_scale(image: np.ndarray, scales: int, orientations: int) -> np.ndarray:
    """The recursion of Portilla & Simoncelli 2000: filter, take the middle of the spectrum, filter again."""
    height, width = image.shape
    grid_y, grid_x = np.meshgrid(
        (np.arange(height) - height // 2) / (height / 2), (np.arange(width) - width // 2) / (width / 2), indexing="ij"
    )
    with np.errstate(divide="ignore"):
        octaves = np.log2(np.hypot(grid_y, grid_x))
    angle = np.arctan2(grid_y, grid_x)
    spectrum = np.fft.fftshift(np.fft.fft2(image))

    def low(cut: float) -> np.ndarray:
        return np.sqrt(1 - np.cos(np.clip(octaves + cut, -1, 0) * np.pi / 2) ** 2)

    spectrum = spectrum * low(0)
    for scale in range(1, scales):
        rows, columns = ((size + 1) // 2 for size in octaves.shape)
        top, left = octaves.shape[0] // 2 - rows // 2, octaves.shape[1] // 2 - columns // 2
        middle = np.s_[top : top + rows, left : left + columns]
        octaves, angle, spectrum = octaves[middle], angle[middle], spectrum[middle]
        spectrum = spectrum * low(scale)
    high = np.cos(np.clip(octaves + scales, -1, 0) * np.pi / 2)
    order = orientations - 1
    constant = 2 ** (2 * order) * math.factorial(order) ** 2 / (orientations * math.factorial(2 * order))
    bands = []
    for k in range(orientations):
        turned = np.mod(angle - np.pi * k / orientations + np.pi, 2 * np.pi) - np.pi
        half = 2 * np.sqrt(constant) * np.cos(turned) ** order * (np.abs(turned) < np.pi / 2)
        bands.append(np.fft.ifft2(np.fft.ifftshift(spectrum * high * half)))
    return np.stack(bands)


@pytest.mark.parametrize("size", [(64, 64), (64, 61), (49, 49), (65, 97), (100, 75), (71, 128)])
def test_bands_are_those_of_the_recursion(size: tuple[int, int], crop_pair: Any) -> None:
    image = 255 * luma(crop_pair("coffee", 0, *size)[0])
    expected = _bands_scale_by_scale(image[0, 0].numpy(), scales=4, orientations=8)
    found = coarsest_bands(image, scales=4, orientations=8)[0].numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


# 1 − CW_SSIM().cw_ssim(luma(reference), luma(image), False) of pyiqa 0.1.16, float64. Its radial filters are
# interpolated in tables of 256 steps and its masks float32.
_PYIQA = [
    ("astronaut", 1, (64, 64), 0.0027751767746022615),
    ("coffee", 5, (80, 64), 0.05459242217146176),
    ("rocket", 9, (65, 97), 0.1759062001262014),
    ("china", 3, (128, 128), 0.023951547507073068),
    ("chelsea", 2, (100, 75), 0.013544482068888475),
]


@pytest.mark.parametrize(("name", "shift_px", "size", "expected"), _PYIQA)
def test_it_is_that_of_pyiqa(name: str, shift_px: int, size: tuple[int, int], expected: float, crop_pair: Any) -> None:
    found = load_metric("cw-ssim")(*crop_pair(name, shift_px, *size)).item()
    assert found == pytest.approx(expected, rel=2e-5)


def test_flat_images_are_alike_whatever_their_brightness() -> None:
    darker, lighter = torch.full((1, 3, 64, 64), 0.3), torch.full((1, 3, 64, 64), 0.9)
    assert load_metric("cw-ssim")(darker, lighter).item() == pytest.approx(0.0, abs=1e-6)


def test_a_flat_image_is_unlike_a_photograph(crop_pair: Any) -> None:
    photograph, _ = crop_pair("astronaut", 0)
    assert load_metric("cw-ssim")(photograph, torch.full_like(photograph, 0.5)).item() == pytest.approx(1.0, abs=1e-3)


def test_a_small_shift_is_forgiven_more_than_by_ssim(crop_pair: Any) -> None:
    for name in ("astronaut", "coffee", "motorcycle"):
        pair = crop_pair(name, 1, 128, 128)
        assert load_metric("cw-ssim")(*pair).item() < 0.1 * load_metric("ssim")(*pair).item()
