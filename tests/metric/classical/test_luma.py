"""The metrics of luma against scikit-image and SciPy, put together as the authors of SSIM and MATLAB have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from skimage.color import rgb2ycbcr, rgb2yiq
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from metric.classical.luma import shrink, shrink_factor
from metric.errors import MetricError
from metric.loading import load_metric


def _channels_last(images: torch.Tensor) -> np.ndarray:
    return images[0].permute(1, 2, 0).double().numpy()


def _imfilter_and_skip(plane: np.ndarray, factor: int) -> np.ndarray:
    """`imfilter(plane, ones(f) / f^2, 'symmetric', 'same')(1:f:end, 1:f:end)` of MATLAB, as in Wang's ssim.m."""
    # An even window's middle is, in MATLAB, the last of its first half; SciPy's is the first of its second.
    origin = 0 if factor % 2 else -1
    means = correlate(plane, np.full((factor, factor), 1 / factor**2), mode="reflect", origin=origin)
    return means[::factor, ::factor]


@pytest.mark.parametrize("size", [(384, 400), (385, 387), (640, 641), (642, 700), (900, 913), (200, 900)])
def test_images_are_made_smaller_as_by_imfilter(size: tuple[int, int]) -> None:
    plane = np.random.default_rng(size[0]).random(size)
    factor = max(1, int(np.floor(min(size) / 256 + 0.5)))  # MATLAB rounds halves away from 0
    assert shrink_factor(*size) == factor
    found = shrink(torch.from_numpy(plane)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(found, _imfilter_and_skip(plane, factor), rtol=1e-13)


@pytest.mark.parametrize(("name", "size"), [("astronaut", (100, 130)), ("coffee", (384, 390)), ("chelsea", (200, 300))])
def test_ssim_y_is_that_of_scikit_image_on_the_smaller_luma(name: str, size: tuple[int, int], crop_pair: Any) -> None:
    pair = [image.double() for image in crop_pair(name, 3, *size, top=5, left=5)]
    factor = 2 if min(size) >= 384 else 1
    lumas = [_imfilter_and_skip(rgb2yiq(_channels_last(image))[..., 0], factor) for image in pair]
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(*lumas, **options)
    assert load_metric("ssim-y")(*pair).item() == pytest.approx(1 - expected, rel=1e-9)


def test_ms_ssim_y_is_ms_ssim_of_a_grey_image_of_the_luma(crop_pair: Any) -> None:
    pair = [image.double() for image in crop_pair("china", 4, 180, 200)]
    grey = [np.clip(rgb2yiq(_channels_last(image))[..., 0], 0, 1) for image in pair]
    expected = load_metric("ms-ssim")(*grey).item()
    assert load_metric("ms-ssim-y")(*pair).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["astronaut", "flower"])
def test_psnr_y_is_that_of_full_range_luma(name: str, crop_pair: Any) -> None:
    pair = [image.double() for image in crop_pair(name, 2)]
    planes = [rgb2yiq(_channels_last(image))[..., 0] for image in pair]
    expected = peak_signal_noise_ratio(*planes, data_range=1)
    found = load_metric("psnr-y")(*pair).item()
    assert found == pytest.approx(expected, rel=1e-12)
    video = [rgb2ycbcr(_channels_last(image))[..., 0] for image in pair]
    assert peak_signal_noise_ratio(*video, data_range=255) - found == pytest.approx(1.32, abs=0.01)


# Of pyiqa 0.1.16 in float64 with its window of float32: 1 − ssim(…, downsample=True) and 1 − ms_ssim(…) of
# to_y_channel(…, 1.0, "yiq") without their relu, which changes SSIM; and psnr(…, test_y_channel=True, eps=0).
_PYIQA = [
    ("astronaut", 1, (64, 64), 90, {"ssim-y": 0.06270940064895314, "psnr-y": 40.640742687616125}),
    (
        "coffee",
        5,
        (384, 400),
        5,
        {"ssim-y": 0.44661560634384845, "ms-ssim-y": 0.2905375794499402, "psnr-y": 18.20680905264662},
    ),
    ("china", 3, (180, 200), 90, {"ssim-y": 0.5565463382651891, "psnr-y": 16.42178036160501}),
]


@pytest.mark.parametrize(("photograph", "shift_px", "size", "top", "expected"), _PYIQA)
def test_they_are_those_of_pyiqa(
    photograph: str, shift_px: int, size: tuple[int, int], top: int, expected: dict[str, float], crop_pair: Any
) -> None:
    left = 70 if top == 90 else 5
    pair = crop_pair(photograph, shift_px, *size, top=top, left=left)
    pair = [(image.double() * 255).round() / 255 for image in pair]
    for name, value in expected.items():
        assert load_metric(name)(*pair).item() == pytest.approx(value, rel=1e-5)


def test_a_map_of_a_smaller_luma_has_the_size_of_the_images(crop_pair: Any) -> None:
    reference, image = crop_pair("coffee", 3, 390, 384, top=0, left=0)
    found = load_metric("ssim-y").map(reference, image)
    assert found.shape == (1, 390, 384)
    assert found.mean().item() == pytest.approx(load_metric("ssim-y")(reference, image).item(), rel=0.1)


@pytest.mark.filterwarnings("ignore:.*jit.trace.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*jit.trace.*:DeprecationWarning")
def test_ssim_y_cannot_be_traced(crop_pair: Any) -> None:
    with pytest.raises(MetricError, match=r"shrinks an image by a factor of its size and cannot be traced; export it"):
        torch.jit.trace(load_metric("ssim-y"), crop_pair("coffee", 1))
