"""Shift-tolerant LPIPS against the authors' own package, and what must hold of it by definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from metric.interface import FeatureMetric
from metric.loading import load_metric
from metric.networks.blurpool import BlurPool

_SIZES = [(64, 64), (64, 61), (128, 96), (97, 131), (21, 21), (256, 253)]
_NAMES = ["astronaut", "coffee", "chelsea", "rocket", "motorcycle", "china", "flower"]

_EVERY_SHIFT = [(name, shift_px, (64, 64)) for name in _NAMES for shift_px in range(10)]
_EVERY_SIZE = [(name, shift_px, size) for size in _SIZES[1:] for name, shift_px in (("coffee", 1), ("china", 6))]
_FULL_SIZE = {
    "alex": [("astronaut", 1, (256, 256)), ("chelsea", 0, (200, 256)), ("flower", 9, (256, 256))],
    "vgg": [("flower", 9, (256, 253))],
}


def _relative_difference(
    network: str, crop_pair: Callable[..., Any], published: Callable[[str], Any], cases: list[Any]
) -> float:
    metric, theirs = load_metric(f"stlpips-{network}"), published(network)
    largest = 0.0
    for name, shift_px, (height, width) in cases:
        reference, image = crop_pair(name, shift_px, height, width)
        expected = theirs(reference, image)
        with torch.inference_mode():
            found = metric(reference, image).item()
        if shift_px == 0:
            assert found == expected == 0.0
        else:
            largest = max(largest, abs(found / expected - 1))
    return largest


@pytest.mark.slow
def test_alex_agrees_with_the_published_package(crop_pair: Any, published: Any) -> None:
    assert _relative_difference("alex", crop_pair, published, _EVERY_SHIFT + _EVERY_SIZE) < 1e-5


@pytest.mark.slow
def test_vgg_agrees_with_the_published_package(crop_pair: Any, published: Any) -> None:
    assert _relative_difference("vgg", crop_pair, published, _EVERY_SHIFT[::8] + _EVERY_SIZE[:-2]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("network", _FULL_SIZE)
def test_full_size_pairs_agree_with_the_published_package(network: str, crop_pair: Any, published: Any) -> None:
    assert _relative_difference(network, crop_pair, published, _FULL_SIZE[network]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_unrelated_images_agree_with_the_published_package(network: str, crop_pair: Any, published: Any) -> None:
    reference, image = crop_pair("coffee", 0)[0], crop_pair("china", 0)[0]
    expected = published(network)(reference, image)
    assert load_metric(f"stlpips-{network}")(reference, image).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("network", "distance"), [("alex", 0.003214610507711768), ("vgg", 0.017409682273864746)])
def test_a_small_pair_has_the_published_distance(network: str, distance: float, crop_pair: Any) -> None:
    # What the authors' package 0.0.2 gives for this pair, so that the fast tests see the weights too.
    found = load_metric(f"stlpips-{network}")(*crop_pair("astronaut", 3)).item()
    assert found == pytest.approx(distance, rel=1e-5)


def test_float64_agrees_with_float32(crop_pair: Any) -> None:
    metric = load_metric("stlpips-alex")
    reference, image = crop_pair("chelsea", 2)
    single = metric(reference, image).item()
    assert metric.double()(reference.double(), image.double()).item() == pytest.approx(single, rel=1e-5)


def test_one_reference_meets_many_images(alex: FeatureMetric, crop_pair: Any) -> None:
    pairs = [crop_pair("coffee", shift_px) for shift_px in range(1, 5)]
    cached = alex.distance(alex.features(pairs[0][0]), alex.features(torch.cat([image for _, image in pairs])))
    expected = [alex(*pair).item() for pair in pairs]
    assert cached.tolist() == pytest.approx(expected, rel=1e-5)


def test_the_distance_can_be_minimised(alex: FeatureMetric, crop_pair: Any) -> None:
    reference, image = crop_pair("flower", 2)
    image.requires_grad_()
    alex(reference, image).sum().backward()
    assert image.grad.isfinite().all()
    assert image.grad.abs().max() > 0


def test_channel_weights_are_not_negative(alex: FeatureMetric) -> None:
    assert all((weights >= 0).all() for weights in alex.channel_weights)  # type: ignore[union-attr]


def test_published_blur_is_the_binomial_filter() -> None:
    metric = load_metric("stlpips-alex")
    for name, loaded in metric.named_modules():
        if isinstance(loaded, BlurPool):
            assert torch.equal(loaded.kernel, BlurPool(len(loaded.kernel), size=3).kernel), name


@pytest.mark.parametrize("name", ["stlpips-alex", "stlpips-vgg"])
def test_smallest_image_is_the_one_that_the_network_takes(name: str) -> None:
    metric = load_metric(name)
    smallest = metric.spec.smallest_px
    metric.features(torch.rand(1, 3, smallest, smallest))
    with pytest.raises(RuntimeError, match="Padding"):
        metric.features(torch.rand(1, 3, smallest - 1, smallest))
