"""BlurPool against its definition: SciPy's convolution of a reflected map, of which every n-th value is kept."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from metric.networks.blurpool import BlurPool, binomial_filter, reflected_pixels


def taps(size: int) -> np.ndarray:
    return np.array([comb(size - 1, tap) for tap in range(size)]) / 2 ** (size - 1)


@pytest.mark.parametrize("size", range(1, 8))
def test_the_filter_is_the_outer_product_of_binomial_shares(size: int) -> None:
    np.testing.assert_allclose(binomial_filter(size).numpy(), np.outer(taps(size), taps(size)), rtol=1e-6)
    assert float(binomial_filter(size).sum()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("size", "padding", "before", "after"),
    [
        (1, 1, 0, 0), (2, 1, 0, 1), (3, 1, 1, 1), (4, 1, 1, 2), (5, 1, 2, 2), (7, 1, 3, 3),
        (1, 2, 0, 0), (2, 2, 1, 1), (3, 2, 2, 2), (4, 2, 3, 3), (5, 2, 4, 4),
    ],
)  # fmt: skip
def test_as_many_pixels_are_reflected_as_the_filter_needs_or_twice_as_many(
    size: int, padding: int, before: int, after: int
) -> None:
    assert reflected_pixels(size, padding) == (before, after, before, after)


@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_each_channel_is_reflected_blurred_and_thinned(size: int, stride: int, padding: int) -> None:
    maps = torch.randn(2, 3, 9, 12, generator=torch.Generator().manual_seed(size))
    pooled = BlurPool(3, size=size, stride=stride, padding=padding)(maps)
    before, after, *_ = reflected_pixels(size, padding)
    for image, channels in zip(maps.numpy(), pooled.numpy(), strict=True):
        for channel, found in zip(image, channels, strict=True):
            padded = np.pad(channel, ((before, after), (before, after)), mode="reflect")
            blurred = correlate2d(padded, np.outer(taps(size), taps(size)), mode="valid")
            np.testing.assert_allclose(found, blurred[::stride, ::stride], rtol=1e-4, atol=1e-6)


def test_a_blurpool_is_of_three_taps_and_halves_the_map() -> None:
    pool = BlurPool(2)
    maps = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(pool(maps), BlurPool(2, size=3, stride=2, padding=1)(maps))
    assert pool(maps).shape == (1, 2, 4, 4)
    assert (pool.size, pool.stride, pool.padding, pool.reflected) == (3, 2, 1, (1, 1, 1, 1))


def test_the_filter_goes_along_with_the_module_and_is_its_own() -> None:
    pool = BlurPool(4, size=3)
    assert list(pool.state_dict()) == ["kernel"]
    assert pool.kernel.shape == (4, 1, 3, 3)
    assert not list(pool.parameters())
    with torch.no_grad():
        pool.kernel[0] = 0
    assert float(pool.kernel[1].sum()) == 1  # channels do not share their memory
    assert pool.double().kernel.dtype == torch.float64


def test_a_blurpool_says_what_it_is() -> None:
    assert repr(BlurPool(4, size=5, stride=3, padding=2)) == "BlurPool(4, size=5, stride=3, padding=2)"
