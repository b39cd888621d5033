"""What must hold of every metric."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from metric.errors import MetricError
from metric.interface import FeatureMetric


@pytest.mark.parametrize("size", [(64, 64), (40, 57)])
def test_identical_images_are_exactly_zero(each_metric: FeatureMetric, crop_pair: Any, size: tuple[int, int]) -> None:
    for name in ("astronaut", "rocket"):
        reference, copy = crop_pair(name, 0, *size)
        assert each_metric(reference, copy).tolist() == [0.0]


def test_identical_images_are_exactly_zero_within_a_batch(each_metric: FeatureMetric, crop_pair: Any) -> None:
    reference, shifted = crop_pair("coffee", 2)
    distances = each_metric(torch.cat([reference] * 3), torch.cat([shifted, reference, shifted]))
    assert distances[1] == 0.0
    assert distances[0] > 0.0


def test_black_and_white_have_a_finite_distance(each_metric: FeatureMetric) -> None:
    black, white = torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
    assert each_metric(black, white).isfinite().all()
    assert each_metric(black, black.clone()).tolist() == [0.0]


def test_symmetric(each_metric: FeatureMetric, crop_pair: Any) -> None:
    reference, image = crop_pair("chelsea", 4)
    assert each_metric(reference, image).item() == pytest.approx(each_metric(image, reference).item(), rel=1e-6)


def test_batch_is_one_by_one(each_metric: FeatureMetric, crop_pair: Any) -> None:
    pairs = [crop_pair(name, 3) for name in ("astronaut", "china", "flower")]
    batch = each_metric(*(torch.cat(images) for images in zip(*pairs, strict=True)))
    assert batch.shape == (3,)
    assert batch.tolist() == pytest.approx([each_metric(*pair).item() for pair in pairs], rel=1e-5)


def test_kept_features_give_the_same(each_metric: FeatureMetric, crop_pair: Any) -> None:
    reference, image = crop_pair("motorcycle", 5)
    kept = each_metric.features(reference)
    assert each_metric.distance(kept, each_metric.features(image)).item() == each_metric(reference, image).item()


def test_memory_layout_does_not_matter(each_metric: FeatureMetric, crop_pair: Any) -> None:
    reference, image = crop_pair("motorcycle", 5)
    moved = image.contiguous(memory_format=torch.channels_last)
    assert each_metric(reference, moved).item() == pytest.approx(each_metric(reference, image).item(), rel=1e-6)


_GOOD = torch.zeros(1, 3, 32, 32)


@pytest.mark.parametrize(
    ("reference", "image", "sentence"),
    [
        (torch.zeros(3, 32, 32), _GOOD, r"reference has shape \(3, 32, 32\) instead of \(N, 3, H, W\)"),
        (_GOOD, torch.zeros(1, 1, 32, 32), "image has shape"),
        (_GOOD, torch.zeros(0, 3, 32, 32), "image has shape"),
        (_GOOD, torch.zeros(1, 3, 32, 32, dtype=torch.uint8), "torch.uint8 instead of float; divide"),
        (_GOOD, torch.full((1, 3, 32, 32), 1.01), r"values from 1.01 to 1.01 instead of in \[0, 1\]"),
        (torch.full((1, 3, 32, 32), -1.0), _GOOD, "values from -1"),
        (_GOOD, torch.full((1, 3, 32, 32), torch.nan), "values from nan"),
        (_GOOD, torch.zeros(1, 3, 32, 31), "32 × 32 pixels and the image 31 × 32; crop them"),
        (_GOOD, torch.zeros(2, 3, 32, 32), "1 references and 2 images"),
    ],
)
def test_bad_tensors_are_refused(
    each_metric: FeatureMetric, reference: torch.Tensor, image: torch.Tensor, sentence: str
) -> None:
    with pytest.raises(MetricError, match=sentence):
        each_metric(reference, image)


def test_an_image_that_is_too_small_is_refused(each_metric: FeatureMetric) -> None:
    smallest = each_metric.spec.smallest_px
    small = torch.zeros(1, 3, smallest, smallest - 1)
    if smallest > 1:
        with pytest.raises(MetricError, match=f"too small for {each_metric.spec.name}.*at least {smallest}"):
            each_metric(small, small)
