"""Distances of triplets under metrics, with the features of a reference computed once for all compared with it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from metric.errors import MetricError
from metric.interface import FeatureMetric, Features
from metric.pixels import Pixels
from metric.triplets.crops import OFFSET_PX, crop_columns
from metric.triplets.decoding import DecodedTriplet
from metric.triplets.triplet import Triplet

_CPU_PIXELS = 2**16
"""Pixels that a CPU is given at a time: all crops of 64 × 61 pixels of a triplet, or one image of 256 × 253. More
take longer, for their features do not stay in its cache."""
_GPU_TRIPLETS = 32
"""Triplets that a GPU is given at a time."""
_WHOLE = "whole"
_CROPPED = "cropped"


@dataclass(frozen=True)
class TripletDistances:
    """What was found of a triplet: by the metric's name, its distances and the seconds that they took.

    The distances are d0 and d1 of the whole images, then those of their crops, shift by shift. `problem` is why there
    are none.
    """

    triplet: Triplet
    distances: Mapping[str, Sequence[float]]
    seconds: Mapping[str, float]
    problem: MetricError | None = None


@dataclass(frozen=True)
class Comparison:
    """How triplets are compared.

    On a CPU a triplet's distances do not depend on what else is scored, not in their last digit: its images are
    computed together, and those of no other with them. A GPU takes the images of many.

    Attributes:
        metrics: on `device`; one whose value grows with similarity gives it with its sign turned.
        shifts: of the crops of Eq. 1 that are compared, in pixels; none compares whole images only.
        device: a torch device.
        keep_references: keep the features of a reference for the triplets after it that have the same.
        at_once: triplets that are computed together; None: one on a CPU, 32 on a GPU.
        side_by_side: threads of a CPU that each compute a triplet of their own. On small images that is faster than
            sharing the work on one, for no thread waits for the others; the memory of each adds up.
    """

    metrics: Sequence[FeatureMetric]
    shifts: Sequence[int] = ()
    device: str = "cpu"
    keep_references: bool = False
    at_once: int | None = None
    side_by_side: int = 1

    def stream(self, decoded: Iterable[DecodedTriplet]) -> Iterator[TripletDistances]:
        """The distances of triplets one after the other.

        Raises:
            MetricError: for a distance that is not finite. An image that is too small for a metric is a `problem`.
        """
        if self.side_by_side > 1:
            yield from self._in_threads(decoded)
            return
        batch = self.at_once or (1 if torch.device(self.device).type == "cpu" else _GPU_TRIPLETS)
        stream = iter(decoded)
        kept: dict[tuple[str, str], Features] = {}
        last: Pixels | None = None
        while several := list(islice(stream, batch)):
            good = []
            for one in several:
                problem = one.problem or self._too_small(one)
                if problem is None:
                    good.append(one)
                else:
                    yield TripletDistances(one.triplet, {}, {}, problem)
            for _, group in groupby(good, key=lambda one: one.reference.shape if one.reference is not None else ()):
                alike = list(group)
                if alike[0].reference is not last:
                    kept, last = {}, alike[0].reference
                yield from self._compare(alike, kept if self.keep_references and len(alike) == 1 else None)

    def _in_threads(self, decoded: Iterable[DecodedTriplet]) -> Iterator[TripletDistances]:
        threads = torch.get_num_threads()
        ahead: deque[Future[TripletDistances]] = deque()
        with ThreadPoolExecutor(self.side_by_side, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                for one in decoded:
                    ahead.append(pool.submit(self._alone, one))
                    if len(ahead) > self.side_by_side:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                torch.set_num_threads(threads)  # a part of what a thread sets holds for all

    def _alone(self, one: DecodedTriplet) -> TripletDistances:
        problem = one.problem or self._too_small(one)
        if problem is not None:
            return TripletDistances(one.triplet, {}, {}, problem)
        return next(self._compare([one], None))

    def _too_small(self, one: DecodedTriplet) -> MetricError | None:
        assert one.reference is not None
        height, width, _ = one.reference.shape
        width -= OFFSET_PX if self.shifts else 0
        for metric in self.metrics:
            smallest = metric.spec.smallest_px
            if min(width, height) < smallest:
                return MetricError(
                    f"{one.triplet.reference} has {width} × {height} pixels when compared, too small for "
                    f"{metric.spec.name}; it needs at least {smallest} × {smallest}: give a larger --size."
                )
        return None

    def _compare(
        self, triplets: Sequence[DecodedTriplet], kept: dict[tuple[str, str], Features] | None
    ) -> Iterator[TripletDistances]:
        references = _stack([one.reference for one in triplets if one.reference is not None], self.device)
        compared = [_stack(images, self.device) for images in zip(*(one.compared for one in triplets), strict=True)]
        width = references.shape[3]
        views = {_WHOLE: (references, compared)}
        if self.shifts:
            crops = [image[..., crop_columns(width, shift)] for shift in self.shifts for image in compared]
            views[_CROPPED] = references[..., crop_columns(width)], crops
        same = torch.cat([torch.stack([_same(first, other) for other in others]) for first, others in views.values()])
        found: dict[str, list[list[float]]] = {}
        seconds: dict[str, float] = {}
        for metric in self.metrics:
            began = perf_counter()
            name = metric.spec.name
            with torch.inference_mode():
                values = torch.cat([self._view(metric, view, *images, kept) for view, images in views.items()])
            if metric.spec.identical is not None:
                values = values.masked_fill(same, metric.spec.identical)
            found[name] = (values if metric.spec.lower_is_more_similar else -values).T.tolist()
            seconds[name] = (perf_counter() - began) / len(triplets) / self.side_by_side
        for index, one in enumerate(triplets):
            distances = {name: rows[index] for name, rows in found.items()}
            for name, row in distances.items():
                if not all(map(math.isfinite, row)):
                    wrong = next(value for value in row if not math.isfinite(value))
                    raise MetricError(f"{name} gives {wrong} for {one.triplet.key}; a distance is a finite number.")
            yield TripletDistances(one.triplet, distances, seconds)

    def _view(
        self,
        metric: FeatureMetric,
        view: str,
        references: Tensor,
        compared: Sequence[Tensor],
        kept: dict[tuple[str, str], Features] | None,
    ) -> Tensor:
        """Distances (M, T) of M images from each of T references."""
        metric.check(references, "reference")
        if len(references) > 1:
            known = metric.features(references)
            return torch.stack([metric.distance(known, metric.features(images)) for images in compared])
        images = torch.cat(list(compared))
        step = max(1, _CPU_PIXELS // references[0, 0].numel()) if references.device.type == "cpu" else len(images)
        parts: list[Tensor] = []
        if kept is not None:
            if (metric.spec.name, view) not in kept:
                kept[metric.spec.name, view] = metric.features(references)
            known = kept[metric.spec.name, view]
        else:  # the reference in one batch with the first of what is compared with it
            first, images = images[: step - 1], images[step - 1 :]
            both = metric.features(torch.cat([references, first]))
            known = tuple(features[:1] for features in both)
            if len(first):
                parts.append(metric.distance(known, tuple(features[1:] for features in both)))
        # No name for the images' features, which would live on while the next are computed.
        parts += [metric.distance(known, metric.features(part)) for part in torch.split(images, step) if len(part)]
        return torch.cat(parts).unsqueeze(1)


def _stack(images: Sequence[Pixels], device: str) -> Tensor:
    """(N, 3, H, W), float32 in [0, 1], as `metric.pixels.to_tensor` gives each."""
    stacked = torch.from_numpy(np.stack(images)).to(device)
    return stacked.permute(0, 3, 1, 2).float().div_(255)


def _same(references: Tensor, images: Tensor) -> Tensor:
    return (references == images).flatten(1).all(dim=1)
