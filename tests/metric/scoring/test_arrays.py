"""Distances of pairs that lie in memory."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from metric import load
from metric.errors import MetricError
from metric.scoring.arrays import ArrayScorer

PIXELS = np.random.default_rng(2).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


def test_distances_are_those_of_the_metrics_and_grow_with_difference() -> None:
    found = np.array(ArrayScorer.of(["l2", "psnr"])(PIXELS[0], [PIXELS[1], PIXELS[2]]))
    for column, (name, sign) in enumerate((("l2", 1), ("psnr", -1))):
        expected = [sign * float(load(name)(PIXELS[0], image)) for image in (PIXELS[1], PIXELS[2])]
        assert found[:, column] == pytest.approx(expected)
    assert np.array_equal(np.argsort(found[:, 0]), np.argsort(found[:, 1]))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(MetricError, match='no metric "sim"'):
        ArrayScorer.of(["ssim", "sim"])
    with pytest.raises(MetricError, match="named twice"):
        ArrayScorer.of(["ssim", "ssim"])
    with pytest.raises(MetricError, match="crop"):
        ArrayScorer.of(["ms-ssim"])(PIXELS[0], [PIXELS[1]])
    nowhere = SimpleNamespace(
        spec=SimpleNamespace(name="nowhere"), check=lambda image, name: None, features=lambda image: (image,),
        distance=lambda reference, image: math.nan,
    )  # fmt: skip
    with pytest.raises(MetricError, match="nowhere gives nan for two crops"):
        ArrayScorer([nowhere])(PIXELS[0], [PIXELS[1]])  # type: ignore[list-item]
