"""The images of many pairs, read and checked, in threads while the pairs before them are compared."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from metric.errors import MetricError
from metric.pixels import Pixels, read_pixels
from metric.scoring.manifest_pairs import ImagePair


@dataclass(frozen=True)
class DecodedPair:
    """A pair and its pixels; pairs of one reference that come one after the other share the same array."""

    pair: ImagePair
    reference: Pixels
    stimulus: Pixels


def decode(pairs: Iterable[ImagePair], *, workers: int = 0) -> Iterator[DecodedPair]:
    """The pairs with their pixels, those of one reference together; each image is read once for its group.

    Args:
        pairs: in any order.
        workers: threads that read ahead, twice as many pairs as they are; with 0, a pair is read when it is
            asked for.

    Raises:
        MetricError: for a file that is no image, or whose pixels or size are not what the manifest says.
    """
    ordered = sorted(pairs, key=attrgetter("reference"))
    with ThreadPoolExecutor(max(1, workers)) as pool:

        def read(path: Path, pixels_sha256: str, size_px: int) -> Future[Pixels]:
            if workers:
                return pool.submit(read_declared, path, pixels_sha256, size_px)
            done: Future[Pixels] = Future()
            done.set_result(read_declared(path, pixels_sha256, size_px))
            return done

        ahead: deque[tuple[ImagePair, Future[Pixels], Future[Pixels]]] = deque()
        try:
            for reference_file, group in groupby(ordered, key=attrgetter("reference")):
                reference: Future[Pixels] | None = None
                for pair in group:
                    reference = reference or read(reference_file, pair.reference_sha256, pair.size_px)
                    ahead.append((pair, reference, read(pair.stimulus, pair.stimulus_sha256, pair.size_px)))
                    if len(ahead) > 2 * workers:
                        yield _wait(*ahead.popleft())
            while ahead:
                yield _wait(*ahead.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _wait(pair: ImagePair, reference: Future[Pixels], stimulus: Future[Pixels]) -> DecodedPair:
    return DecodedPair(pair, reference.result(), stimulus.result())


def read_declared(path: Path, pixels_sha256: str, size_px: int) -> Pixels:
    """The pixels of a file, if they are those that the manifest declares; else `MetricError`."""
    pixels = read_pixels(path)
    height, width, _ = pixels.shape
    if (width, height) != (size_px, size_px):
        raise MetricError(f"{path} has {width} × {height} pixels and not {size_px} × {size_px}, as the manifest says.")
    if hashlib.sha256(pixels.tobytes()).hexdigest() != pixels_sha256:
        raise MetricError(f"{path} has other pixels than the manifest says; was it changed after the study?")
    return pixels
