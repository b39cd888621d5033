"""What holds of each metric in closed form: gradients, precision, one reference for many images, export."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from examples import examples
from metric.interface import FeatureMetric
from metric.loading import load_metric
from metric.registry.classical import SPECS

_NAMES = [spec.name for spec in SPECS]
_SIDE = 176


@pytest.fixture(params=_NAMES)
def classical(request: pytest.FixtureRequest) -> FeatureMetric:
    return load_metric(request.param)


def test_identical_images_have_exactly_the_stated_value(classical: FeatureMetric, crop_pair: Any) -> None:
    reference, image = crop_pair("rocket", 1, _SIDE, _SIDE)
    values = classical(torch.cat([reference] * 2), torch.cat([reference, image]))
    assert values[0] == classical.spec.identical
    assert (values[1] > values[0]) == classical.spec.lower_is_more_similar


@pytest.mark.parametrize("name", ["astronaut", "coffee", "motorcycle"])
def test_a_larger_shift_is_less_similar(name: str, classical: FeatureMetric, crop_pair: Any) -> None:
    values = [classical(*crop_pair(name, shift_px, _SIDE, _SIDE)).item() for shift_px in (1, 2, 3)]
    assert values == sorted(values, reverse=not classical.spec.lower_is_more_similar)
    assert len(set(values)) == 3


def test_one_reference_meets_many_images(classical: FeatureMetric, crop_pair: Any) -> None:
    pairs = [[image.double() for image in crop_pair("china", shift_px, _SIDE, _SIDE)] for shift_px in (1, 4)]
    images = torch.cat([image for _, image in pairs])
    kept = classical.features(pairs[0][0])
    found = classical.distance(kept, classical.features(images))
    assert found.tolist() == pytest.approx([classical(*pair).item() for pair in pairs], rel=1e-12)


def test_gradients_are_those_of_finite_differences(classical: FeatureMetric, crop_pair: Any) -> None:
    reference, image = (tensor.double() for tensor in crop_pair("flower", 3, _SIDE, _SIDE))
    image = image.clamp(0.01, 0.99).requires_grad_()
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (gradient,) = torch.autograd.grad(classical(reference, image).sum(), image)
    step = 1e-6
    with torch.no_grad():
        ahead, behind = (classical(reference, image + sign * step * direction).item() for sign in (1, -1))
    assert (gradient * direction).sum().item() == pytest.approx((ahead - behind) / (2 * step), rel=1e-5)


def test_gradients_are_finite_where_images_are_flat_or_identical(classical: FeatureMetric, crop_pair: Any) -> None:
    photograph, _ = crop_pair("flower", 0, _SIDE, _SIDE)
    flat, black = torch.full_like(photograph, 0.5), torch.zeros_like(photograph)
    images = torch.cat([photograph, flat, black, flat]).requires_grad_()
    distances = classical(torch.cat([photograph, black, photograph, flat]), images)
    (gradient,) = torch.autograd.grad(distances.sum(), images)
    assert distances.isfinite().all()
    assert gradient.isfinite().all()


def test_half_precision_in_is_no_less_exact_than_its_rounding(classical: FeatureMetric, crop_pair: Any) -> None:
    halves = [tensor.half() for tensor in crop_pair("coffee", 2, _SIDE, _SIDE)]
    whole = classical(*(tensor.double() for tensor in halves))
    assert torch.equal(classical(*halves), whole.float())


@settings(max_examples=examples(30), deadline=None)
@given(
    name=st.sampled_from(["ssim", "dssim", "cw-ssim", "ssim-y", "l2", "lpips-l2"]),
    level=st.floats(0, 1),
    spread=st.floats(-16, -1).map(lambda exponent: 10**exponent),
    seed=st.integers(0, 2**16),
)
@example(name="ssim", level=1.0, spread=1e-9, seed=1)  # −1.6e-13 before what rounds below 0 was cut off
@example(name="ms-ssim", level=1.0, spread=1e-12, seed=0)
@example(name="ms-ssim-y", level=1.0, spread=1e-12, seed=0)
def test_no_distance_is_below_that_of_identical_images(name: str, level: float, spread: float, seed: int) -> None:
    metric = load_metric(name)
    side = max(metric.spec.smallest_px, 16)
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, 3, side, side, generator=random, dtype=torch.float64)
    reference, image = (level + spread * noise).clamp(0, 1).split(1)
    assert metric(reference, image).item() >= 0
    assert metric.distance(metric.features(reference), metric.features(image)).item() >= 0


@pytest.mark.slow
def test_it_can_be_exported(classical: FeatureMetric, crop_pair: Any) -> None:
    pair = crop_pair("coffee", 2, _SIDE, _SIDE)
    exported = torch.export.export(classical, pair).module()
    other = crop_pair("china", 4, _SIDE, _SIDE)
    assert exported(*other).item() == pytest.approx(classical(*other).item(), rel=1e-12)
