"""Distances of many pairs under several metrics."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.scoring.images import Pixels, read_pixels, to_tensor
from metric.scoring.manifest import ImagePair

_SCHEMA = "shift-study/scores/1"


@dataclass(frozen=True)
class Scores:
    """What `score_pairs` found.

    `distances`: metric → pair → distance, pairs in the order they were given. `seconds`: metric → time spent
    in it, without reading images and loading weights. `device`: where it was computed.
    """

    distances: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, float]
    device: str

    def to_json(self) -> str:
        """JSON text from which `from_json` gives an equal result, bit for bit."""
        return json.dumps({"schema": _SCHEMA, **asdict(self)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Scores:
        """The result that `to_json` wrote; `MetricError` for any other text."""
        try:
            content: Any = json.loads(text)
            if content.pop("schema") != _SCHEMA:
                raise KeyError("schema")
            return cls(**content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise MetricError(f"This is not a result that `Scores.to_json` wrote ({error}).") from error


def score_pairs(
    pairs: Sequence[ImagePair],
    metrics: Sequence[FeatureMetric],
    *,
    device: str = "cpu",
    advance: Callable[[], object] = lambda: None,
) -> Scores:
    """The distance of each pair under each metric.

    Every image is read once for its pair and checked against the manifest; a reference's features are
    computed once for all its shifted versions; a pair of identical pixels is 0 without arithmetic. One image
    at a time, so that a distance does not depend on what else is scored.

    Args:
        pairs: as `read_manifest` gives them; those of one reference may stand anywhere.
        metrics: on `device` (see `metric.registry.load_metric`).
        device: a torch device.
        advance: called after each pair.

    Raises:
        MetricError: for a file that is no image, or whose pixels or size are not what the manifest says, for
            an image that is too small for a metric, and for a distance that is not finite.
    """
    distances: dict[str, dict[str, float]] = {metric.spec.name: {} for metric in metrics}
    seconds = dict.fromkeys(distances, 0.0)
    with torch.inference_mode():
        for reference_file, group in _by_reference(pairs):
            comparisons: list[_Comparison] | None = None
            for pair in group:
                if comparisons is None:
                    reference = read_declared(reference_file, pair.reference_sha256, pair.size_px)
                    comparisons = [_Comparison(metric, reference, device) for metric in metrics]
                stimulus = read_declared(pair.stimulus, pair.stimulus_sha256, pair.size_px)
                for comparison in comparisons:
                    began = perf_counter()
                    distance = comparison.distance(stimulus)
                    seconds[comparison.name] += perf_counter() - began
                    if not math.isfinite(distance):
                        raise MetricError(
                            f'{comparison.name} gives {distance} for the pair "{pair.pair}"; '
                            "a distance is a finite number."
                        )
                    distances[comparison.name][pair.pair] = distance
                advance()
    in_order = {name: {pair.pair: found[pair.pair] for pair in pairs} for name, found in distances.items()}
    return Scores(in_order, seconds, device)


class _Comparison:
    """One metric with one reference, whose features it computes when they are first needed, and once."""

    def __init__(self, metric: FeatureMetric, reference: Pixels, device: str) -> None:
        self.name = metric.spec.name
        self._metric, self._reference, self._device = metric, reference, device
        self._features: Features | None = None

    def distance(self, stimulus: Pixels) -> float:
        if np.array_equal(self._reference, stimulus):
            return 0.0
        if self._features is None:
            self._features = self._compute(self._reference, "reference")
        return float(self._metric.distance(self._features, self._compute(stimulus, "image")))

    def _compute(self, pixels: Pixels, name: str) -> Features:
        images: Tensor = to_tensor(pixels).to(self._device)
        self._metric.check(images, name)
        return self._metric.features(images)


def read_declared(path: Path, pixels_sha256: str, size_px: int) -> Pixels:
    """The pixels of a file, if they are those that the manifest declares; else `MetricError`."""
    pixels = read_pixels(path)
    height, width, _ = pixels.shape
    if (width, height) != (size_px, size_px):
        raise MetricError(f"{path} has {width} × {height} pixels and not {size_px} × {size_px}, as the manifest says.")
    if hashlib.sha256(pixels.tobytes()).hexdigest() != pixels_sha256:
        raise MetricError(f"{path} has other pixels than the manifest says; was it changed after the study?")
    return pixels


def _by_reference(pairs: Iterable[ImagePair]) -> Iterator[tuple[Path, Iterator[ImagePair]]]:
    return groupby(sorted(pairs, key=lambda pair: pair.reference), key=lambda pair: pair.reference)
