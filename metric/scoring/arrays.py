"""Distances of pairs that lie in memory, under several metrics: for choosing stimuli among many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metric.errors import MetricError
from metric.extra import require_torch
from metric.loading import find_specs, load_metric

if TYPE_CHECKING:
    from metric.interface import FeatureMetric, Features


@dataclass(frozen=True)
class ArrayScorer:
    """Called with a reference and its shifted versions, the distances between them.

    A distance grows with difference: a metric whose value grows with similarity has its sign turned.
    """

    metrics: Sequence[FeatureMetric]

    @classmethod
    def of(cls, names: Sequence[str]) -> ArrayScorer:
        """Of these metrics, with their trained weights.

        Raises: `MetricError` for an unknown name, one that is named twice, and weights that are not installed.
        """
        find_specs(names)
        require_torch("Choosing stimuli by metrics")
        return cls([load_metric(name) for name in names])

    def __call__(self, reference: NDArray[np.uint8], images: Sequence[NDArray[np.uint8]]) -> list[list[float]]:
        """Of each image its distance from the reference under each metric; all `(H, W, 3)`, 8-bit.

        Raises: `MetricError` for images that are too small, and for a distance that is not finite.
        """
        import torch

        with torch.inference_mode():
            columns = []
            for metric in self.metrics:
                known = _features(metric, reference)
                columns.append([_distance(metric, known, _features(metric, image)) for image in images])
        return [list(row) for row in zip(*columns, strict=True)]


def _features(metric: FeatureMetric, pixels: NDArray[np.uint8]) -> Features:
    from metric.inputs import as_batch

    image = as_batch(pixels, "crop")
    metric.check(image, "crop")
    return metric.features(image)


def _distance(metric: FeatureMetric, reference: Features, image: Features) -> float:
    value = float(metric.distance(reference, image))
    if not math.isfinite(value):
        raise MetricError(f"{metric.spec.name} gives {value} for two crops; a distance is a finite number.")
    return value if metric.spec.lower_is_more_similar else -value
