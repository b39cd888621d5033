"""Distances of many pairs under several metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.pixels import Pixels, to_tensor
from metric.scoring.decoding import DecodedPair, decode
from metric.scoring.manifest_pairs import ImagePair

_BATCH = 32
"""Pairs that a GPU is given at a time."""
_GPU_WORKERS = 8
"""Threads that read images for a GPU."""


@dataclass(frozen=True)
class Scores:
    """What a run found.

    `distances`: metric → pair → distance, pairs in the order they were given. `seconds`: metric → time spent
    in it, without reading images and loading weights. `device`: where it was computed.
    """

    distances: Mapping[str, Mapping[str, float]]
    seconds: Mapping[str, float]
    device: str


@dataclass(frozen=True)
class PairScore:
    """The distance of one pair under each metric, by the metric's name, and the seconds that each took."""

    pair: ImagePair
    distances: Mapping[str, float]
    seconds: Mapping[str, float]


def stream_scores(
    pairs: Iterable[ImagePair], metrics: Sequence[FeatureMetric], *, device: str = "cpu"
) -> Iterator[PairScore]:
    """The scores of pairs one after the other, those of one reference together.

    Images are checked against the manifest. A pair of identical pixels needs no arithmetic. On a CPU, images are
    taken one at a time, so that a distance does not depend on what else is scored, and a reference's features are
    computed once for all its shifted versions. A GPU takes batches, which threads read ahead.

    A metric whose value grows with similarity is given with its sign turned: a distance grows with difference.

    Raises:
        MetricError: for a file that is no image, or whose pixels or size are not what the manifest says, for
            an image that is too small for a metric, and for a distance that is not finite.
    """
    if takes_batches(torch.device(device)):
        compare = _in_batches(decode(pairs, workers=_GPU_WORKERS), metrics, device)
    else:
        compare = _one_by_one(decode(pairs, workers=0), metrics)
    for pair, values, seconds in compare:
        distances = {
            metric.spec.name: _as_distance(metric, value) for metric, value in zip(metrics, values, strict=True)
        }
        for name, distance in distances.items():
            if not math.isfinite(distance):
                raise MetricError(f'{name} gives {distance} for the pair "{pair.pair}"; a distance is a finite number.')
        yield PairScore(pair, distances, dict(zip(distances, seconds, strict=True)))


def takes_batches(device: torch.device) -> bool:
    """Whether a device is faster with many images at a time: a GPU is, a CPU is not."""
    return device.type != "cpu"


_Compared = tuple[ImagePair, list[float], list[float]]


def _as_distance(metric: FeatureMetric, value: float) -> float:
    return float(value if metric.spec.lower_is_more_similar else -value)  # `identical` may be an int


def _one_by_one(decoded: Iterable[DecodedPair], metrics: Sequence[FeatureMetric]) -> Iterator[_Compared]:
    reference: Pixels | None = None
    kept: list[Features | None] = []
    for one in decoded:
        if one.reference is not reference:
            reference, kept = one.reference, [None] * len(metrics)
        same = np.array_equal(one.reference, one.stimulus)
        values, seconds = [], []
        for index, metric in enumerate(metrics):
            began = perf_counter()
            if same and metric.spec.identical is not None:
                values.append(metric.spec.identical)
            else:
                with torch.inference_mode():
                    known = kept[index]
                    if known is None:
                        known = kept[index] = _features(metric, [one.reference], "reference")
                    # No name for the image's features, which would live on while the next are computed.
                    values.append(float(metric.distance(known, _features(metric, [one.stimulus], "image"))))
            seconds.append(perf_counter() - began)
        yield one.pair, values, seconds


def _in_batches(decoded: Iterable[DecodedPair], metrics: Sequence[FeatureMetric], device: str) -> Iterator[_Compared]:
    stream = iter(decoded)
    while batch := list(islice(stream, _BATCH)):
        for _, group in groupby(batch, key=lambda one: one.reference.shape):
            yield from _batch(list(group), metrics, device)


def _batch(batch: list[DecodedPair], metrics: Sequence[FeatureMetric], device: str) -> Iterator[_Compared]:
    same = [np.array_equal(one.reference, one.stimulus) for one in batch]
    found: dict[str, list[float]] = {one.pair.pair: [] for one in batch}
    seconds = []
    for metric in metrics:
        began = perf_counter()
        known = [metric.spec.identical if alike else None for alike in same]
        unknown = [one for one, value in zip(batch, known, strict=True) if value is None]
        computed = iter(_computed(metric, unknown, device))
        for one, value in zip(batch, known, strict=True):
            found[one.pair.pair].append(next(computed) if value is None else value)
        seconds.append((perf_counter() - began) / len(batch))
    for one in batch:
        yield one.pair, found[one.pair.pair], seconds


def _computed(metric: FeatureMetric, batch: Sequence[DecodedPair], device: str) -> list[float]:
    if not batch:
        return []
    distinct = list({id(one.reference): one.reference for one in batch}.values())
    place = {id(pixels): index for index, pixels in enumerate(distinct)}
    order = torch.tensor([place[id(one.reference)] for one in batch], device=device)
    with torch.inference_mode():
        references = _features(metric, distinct, "reference", device)
        images = _features(metric, [one.stimulus for one in batch], "image", device)
        distances = metric.distance(tuple(kept.index_select(0, order) for kept in references), images)
    values: list[float] = distances.tolist()
    return values


def _features(metric: FeatureMetric, pixels: Sequence[Pixels], name: str, device: str = "cpu") -> Features:
    images: Tensor = torch.cat([to_tensor(each) for each in pixels]).to(device)
    metric.check(images, name)
    return metric.features(images)
