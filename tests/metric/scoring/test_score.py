"""Distances of many pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.loading import load_metric
from metric.pixels import read_image
from metric.registry import METRICS
from metric.scoring.manifest_pairs import ImagePair, read_manifest
from metric.scoring.run import run


class _Counting(FeatureMetric):
    """Mean absolute difference; counts how often it computes features."""

    def __init__(self) -> None:
        super().__init__(METRICS["l2"])
        self.computed = 0

    def features(self, images: Tensor) -> Features:
        self.computed += 1
        return (images,)

    def distance(self, reference: Features, images: Features) -> Tensor:
        return (reference[0] - images[0]).abs().mean(dim=(1, 2, 3))


class _Broken(_Counting):
    def distance(self, reference: Features, images: Features) -> Tensor:
        return torch.full((1,), torch.nan)


@pytest.fixture
def pairs(study_folder: Path) -> list[ImagePair]:
    return read_manifest(study_folder)


def test_scores_are_the_distances_of_the_pairs(pairs: list[ImagePair], alex: FeatureMetric) -> None:
    scores, _ = run(pairs, [alex, load_metric("ssim")])
    for metric in (alex, load_metric("ssim")):
        found = scores.distances[metric.spec.name]
        assert list(found) == [pair.pair for pair in pairs]
        for pair in pairs:
            assert found[pair.pair] == metric.compare(read_image(pair.reference), read_image(pair.stimulus)).item()
    assert scores.distances["ssim"]["00000_n-0"] == 0.0
    assert scores.seconds["ssim"] > 0


def test_order_of_the_pairs_is_kept_and_does_not_matter(pairs: list[ImagePair], alex: FeatureMetric) -> None:
    turned = run(pairs[::-1], [alex])[0].distances["stlpips-alex"]
    assert list(turned) == [pair.pair for pair in pairs[::-1]]
    assert turned == run(pairs, [alex])[0].distances["stlpips-alex"]


def test_features_of_a_reference_are_computed_once_and_of_equal_images_never(pairs: list[ImagePair]) -> None:
    metric = _Counting()
    run(pairs, [metric])
    assert metric.computed == 2 * (1 + 2)  # of each reference, and of its two shifted versions
    metric = _Counting()
    run([pair for pair in pairs if pair.shift_px == 0], [metric])
    assert metric.computed == 0


def test_progress_is_told(pairs: list[ImagePair]) -> None:
    steps: list[None] = []
    run(pairs, [_Counting()], advance=lambda: steps.append(None))
    assert len(steps) == len(pairs)


def test_a_changed_image_is_refused(pairs: list[ImagePair]) -> None:
    pixels = np.asarray(Image.open(pairs[1].stimulus)).copy()
    pixels[3, 4, 1] ^= 1
    Image.fromarray(pixels).save(pairs[1].stimulus)
    with pytest.raises(MetricError, match=r"00000_1\.png has other pixels than the manifest says"):
        run(pairs, [_Counting()])


def test_an_image_of_another_size_is_refused(pairs: list[ImagePair]) -> None:
    Image.new("RGB", (40, 32)).save(pairs[1].stimulus)
    with pytest.raises(MetricError, match="has 40 × 32 pixels and not 32 × 32"):
        run(pairs, [_Counting()])


def test_a_distance_that_is_not_finite_is_refused(pairs: list[ImagePair]) -> None:
    with pytest.raises(MetricError, match='gives nan for the pair "00000_n-1"'):
        run(pairs, [_Broken()])


def test_stimuli_that_are_too_small_are_refused(pairs: list[ImagePair], alex: Any) -> None:
    import hashlib
    from dataclasses import replace

    small = Image.new("RGB", (16, 16))
    other = Image.new("RGB", (16, 16), "red")
    small.save(pairs[0].reference)
    other.save(pairs[1].stimulus)
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in (small, other)]
    pair = replace(pairs[1], size_px=16, reference_sha256=digests[0], stimulus_sha256=digests[1])
    with pytest.raises(MetricError, match="too small for stlpips-alex; it needs at least 21 × 21"):
        run([pair], [alex])
