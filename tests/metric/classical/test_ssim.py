"""SSIM and DSSIM against scikit-image, torchmetrics and the package lpips."""

from __future__ import annotations

from typing import Any

import pytest
import skimage.measure
import torch
from skimage.metrics import structural_similarity as skimage_ssim

from metric.classical.ssim import structural_similarity
from metric.classical.ssim_windows import UNIFORM
from metric.loading import load_metric

_CASES = [
    ("astronaut", 1, (64, 64)),
    ("rocket", 3, (64, 61)),
    ("coffee", 9, (50, 90)),
    ("china", 2, (11, 12)),
]


@pytest.mark.parametrize(("name", "shift_px", "size"), _CASES)
def test_ssim_is_that_of_scikit_image(name: str, shift_px: int, size: tuple[int, int], crop_pair: Any) -> None:
    reference, image = (tensor.double() for tensor in crop_pair(name, shift_px, *size))
    expected = skimage_ssim(
        *(tensor[0].permute(1, 2, 0).numpy() for tensor in (reference, image)),
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert load_metric("ssim")(reference, image).item() == pytest.approx(1 - expected, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shift_px", "size"), _CASES[:3])
def test_ssim_is_that_of_torchmetrics(name: str, shift_px: int, size: tuple[int, int], crop_pair: Any) -> None:
    from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

    reference, image = (tensor.double() for tensor in crop_pair(name, shift_px, *size))
    _, everywhere = torchmetrics_ssim(image, reference, data_range=1.0, return_full_image=True)
    # torchmetrics also averages over the border, where its windows see reflected pixels.
    expected = everywhere[..., 5:-5, 5:-5].mean().item()
    assert structural_similarity(reference, image).item() == pytest.approx(expected, rel=1e-9)


def test_ssim_of_flat_images_is_the_closed_form() -> None:
    darker, lighter = (torch.full((1, 3, 16, 16), value, dtype=torch.float64) for value in (0.25, 0.75))
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    for window in (UNIFORM, None):
        given = {} if window is None else {"window": window}
        assert structural_similarity(darker, lighter, **given).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "shift_px", "size"), [*_CASES[:3], ("china", 2, (7, 9))])
def test_dssim_is_that_of_scikit_images_defaults(
    name: str, shift_px: int, size: tuple[int, int], crop_pair: Any
) -> None:
    reference, image = (tensor.double() for tensor in crop_pair(name, shift_px, *size))
    expected = skimage_ssim(
        *(tensor[0].permute(1, 2, 0).numpy() for tensor in (reference, image)), data_range=1.0, channel_axis=2
    )
    assert load_metric("dssim")(reference, image).item() == pytest.approx((1 - expected) / 2, rel=1e-9)


@pytest.mark.slow
def test_dssim_is_that_of_the_package_lpips(crop_pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import lpips

    def under_its_old_name(first: Any, second: Any, data_range: float, multichannel: bool) -> Any:
        assert multichannel
        return skimage_ssim(first, second, data_range=data_range, channel_axis=2)

    # scikit-image renamed it in version 0.16; the package still asks for the old name.
    monkeypatch.setattr(skimage.measure, "compare_ssim", under_its_old_name, raising=False)
    theirs = lpips.DSSIM(use_gpu=False, colorspace="RGB")
    for name in ("flower", "chelsea"):
        reference, image = crop_pair(name, 4)
        # It cuts off what is after the point of 0 … 255: a quarter more keeps rounding from losing a whole step.
        expected = theirs(*((tensor * 255 + 0.25) / 127.5 - 1 for tensor in (reference, image))).item()
        assert load_metric("dssim")(reference, image).item() == pytest.approx(expected, rel=1e-6)
