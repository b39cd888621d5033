"""Compiled code gives what torch gives."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from examples import examples
from metric.learned.lpips import level_distance, unit_vectors
from metric.networks import compiled
from metric.networks.blurpool import BlurPool
from metric.networks.folding import FoldedConvBlur
from metric.networks.layers import DenseMaxPool2d
from metric.networks.pooled_blur import PooledBlur, fits
from metric.networks.winograd import WinogradConv2d

pytestmark = pytest.mark.skipif(not compiled.available(), reason="no C++ compiler")

_SIDE = st.integers(5, 40)


def _maps(images: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * width * channels)
    maps = torch.randn(images, channels, height, width, generator=generator)
    return maps.contiguous(memory_format=torch.channels_last)


def _is_close(found: Tensor, expected: Tensor, relative: float = 3e-6) -> None:
    assert found.shape == expected.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - expected).abs().max() <= relative * expected.abs().max()


@settings(max_examples=examples(60), deadline=None)
@given(
    form=st.sampled_from([(3, 2), (3, 4), (5, 3)]),
    channels=st.sampled_from([16, 48, 128, 384]),
    filters=st.sampled_from([32, 64, 96]),
    padding=st.integers(0, 4),
    height=_SIDE,
    width=_SIDE,
    images=st.integers(1, 5),
    threads=st.integers(1, 3),
    bias=st.booleans(),
    rectify=st.booleans(),
)
@torch.no_grad()
def test_windows_are_the_convolution(
    form: tuple[int, int],
    channels: int,
    filters: int,
    padding: int,
    height: int,
    width: int,
    images: int,
    threads: int,
    bias: bool,
    rectify: bool,
) -> None:
    taps, outputs = form
    torch.manual_seed(channels)
    convolution = nn.Conv2d(channels, filters, taps, padding=padding, bias=bias)
    ours = WinogradConv2d(convolution, outputs, rectify=rectify)
    assert compiled.blocked(ours.filters, filters)
    maps = _maps(images, channels, height, width)
    expected = convolution.double()(maps.double())
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = ours(maps)
    finally:
        torch.set_num_threads(before)
    _is_close(found, expected.relu() if rectify else expected, 2e-5)


@pytest.mark.parametrize(("channels", "filters"), [(20, 64), (64, 40)])
@torch.no_grad()
def test_other_numbers_of_channels_are_left_to_torch(channels: int, filters: int) -> None:
    convolution = nn.Conv2d(channels, filters, 3, padding=1)
    maps = _maps(1, channels, 9, 10)
    found = WinogradConv2d(copy.deepcopy(convolution), 4)(maps)
    assert (found - convolution(maps)).abs().max() < 1e-5


@settings(max_examples=examples(30), deadline=None)
@given(
    taps=st.sampled_from([3, 7, 11]),
    step=st.integers(1, 2),
    size=st.sampled_from([None, 2, 3, 4, 5, 7]),
    padding=st.integers(1, 2),
    zeros=st.integers(0, 3),
    height=st.integers(28, 60),
    width=st.integers(28, 60),
    images=st.integers(1, 3),
    bias=st.booleans(),
    rectify=st.booleans(),
)
@torch.no_grad()
def test_few_channels_are_convolved_and_blurred(
    taps: int,
    step: int,
    size: int | None,
    padding: int,
    zeros: int,
    height: int,
    width: int,
    images: int,
    bias: bool,
    rectify: bool,
) -> None:
    torch.manual_seed(taps)
    convolution = nn.Conv2d(3, 64, taps, stride=step, padding=zeros, bias=bias)
    blur = BlurPool(64, size=size, padding=padding) if size else None
    maps = _maps(images, 3, height, width)
    found = FoldedConvBlur(copy.deepcopy(convolution), copy.deepcopy(blur), rectify=rectify)(maps)
    expected = convolution.double()(maps.double())
    if blur is not None:
        expected = blur.double()(expected)
    _is_close(found, expected.relu() if rectify else expected)


@settings(max_examples=examples(40), deadline=None)
@given(
    window=st.integers(1, 4),
    size=st.integers(1, 7),
    padding=st.integers(1, 2),
    height=st.integers(17, 40),
    width=st.integers(17, 40),
    images=st.integers(1, 3),
)
def test_pooling_and_blurring_at_once(
    window: int, size: int, padding: int, height: int, width: int, images: int
) -> None:
    maps = _maps(images, 32, height, width)
    pooling = DenseMaxPool2d(window) if window > 1 else None
    blur = BlurPool(32, size=size, padding=padding)
    assert fits(blur)
    expected = blur(pooling(maps) if pooling is not None else maps)
    _is_close(PooledBlur(pooling, blur)(maps), expected, 1e-6)


def test_a_blur_that_is_no_product_is_left_as_it_is() -> None:
    blur = BlurPool(16, size=3)
    blur.kernel[3, 0, 1, 1] += 0.1
    assert not fits(blur)


@pytest.mark.parametrize("references", [1, 4])
@torch.no_grad()
def test_features_are_compared(references: int) -> None:
    weights = torch.rand(1, 48, 1, 1)
    reference, images = _maps(references, 48, 21, 30), _maps(4, 48, 21, 31)[..., :30]
    images = images.contiguous(memory_format=torch.channels_last)
    images[0, :, 3, 4] = 0  # has no length
    vectors = [compiled.scale_to_unit(maps.clone(), 1e-10) for maps in (reference, images)]
    exact = [unit_vectors(maps.double()) for maps in (reference, images)]
    for one, other in zip(vectors, exact, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-6, atol=1e-9)
    found = level_distance(*vectors, weights)
    torch.testing.assert_close(found.double(), level_distance(*exact, weights.double()), rtol=1e-6, atol=0)


@torch.no_grad()
def test_features_that_do_not_fit_are_refused() -> None:
    weights = torch.rand(1, 48, 1, 1)
    for reference, images in (((2, 20), (4, 20)), ((1, 20), (1, 30)), ((4, 30), (4, 20))):
        maps = (_maps(count, 48, side, side) for count, side in (reference, images))
        with pytest.raises((RuntimeError, ValueError)):
            level_distance(*maps, weights)
    one_image = level_distance(_maps(4, 48, 20, 20), _maps(4, 48, 20, 20)[:1], weights)
    assert one_image.shape == (4,)


def test_what_needs_a_gradient_is_left_to_torch() -> None:
    maps = _maps(1, 16, 8, 8).requires_grad_()
    assert not compiled.computes(maps)
    assert not compiled.computes(maps.detach().double())
    with torch.no_grad():
        assert compiled.computes(maps)
    convolution = nn.Conv2d(16, 32, 3, padding=1)
    assert WinogradConv2d(convolution, 4)(maps).requires_grad
