"""The images of triplets, read and resized, in threads while the triplets before them are compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from metric.errors import MetricError
from metric.pixels import Pixels, read_pixels
from metric.triplets.crops import resized
from metric.triplets.triplet import Triplet


@dataclass(frozen=True)
class DecodedTriplet:
    """A triplet and its pixels, all of one size.

    Triplets of one reference that come one after the other share its array. `problem` is why there are no pixels.
    """

    triplet: Triplet
    reference: Pixels | None
    compared: tuple[Pixels, ...]
    problem: MetricError | None = None


@dataclass(frozen=True)
class Decoder:
    """How images are read.

    Attributes:
        size_px: the shorter side that images are resized to before anything else; None leaves them as they are.
        filter: see `metric.triplets.crops.resized`.
        workers: threads that read ahead, twice as many triplets as they are.
    """

    size_px: int | None = None
    filter: str = "bicubic"
    workers: int = 2

    def decode(self, triplets: Iterable[Triplet]) -> Iterator[DecodedTriplet]:
        """The triplets with their pixels, in their order."""
        with ThreadPoolExecutor(self.workers) as pool:
            ahead: deque[tuple[Triplet, _Reading, list[_Reading]]] = deque()
            last: tuple[Path, _Reading] | None = None
            try:
                for triplet in triplets:
                    if last is None or last[0] != triplet.reference:
                        last = triplet.reference, pool.submit(self._read, triplet.reference)
                    ahead.append((triplet, last[1], [pool.submit(self._read, path) for path in triplet.compared]))
                    if len(ahead) > 2 * self.workers:
                        yield _wait(*ahead.popleft())
                while ahead:
                    yield _wait(*ahead.popleft())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, path: Path) -> _Read:
        pixels = read_pixels(path)
        return resized(pixels, self.size_px, self.filter), pixels.shape


_Read = tuple[Pixels, tuple[int, ...]]
"""The pixels as they are compared, and the shape of the image in its file."""
_Reading = Future[_Read]


def _wait(triplet: Triplet, reference: _Reading, compared: list[_Reading]) -> DecodedTriplet:
    try:
        first, shape = reference.result()
        others = [reading.result() for reading in compared]
        for path, (_, other) in zip(triplet.compared, others, strict=True):
            if other != shape:
                raise MetricError(
                    f"{path} has {other[1]} × {other[0]} pixels and {triplet.reference} {shape[1]} × {shape[0]}; "
                    "images that are compared have one size."
                )
    except MetricError as error:
        return DecodedTriplet(triplet, None, (), error)
    return DecodedTriplet(triplet, first, tuple(pixels for pixels, _ in others))
