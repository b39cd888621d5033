"""What a set of judged triplets is, by the content of its files: the same on every machine that has a copy."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from metric.errors import MetricError
from metric.pixels import read_size
from metric.training.configuration import DataPart
from metric.triplets.crops import resized_size
from metric.triplets.triplet import Triplet

_THREADS = 4
_CHUNK_BYTES = 2**20


def content_sha256(
    triplets: Sequence[Triplet],
    weights: Sequence[float],
    part: DataPart,
    *,
    advance: Callable[[], object] = lambda: None,
) -> str:
    """Hexadecimal digits that change when an image file's bytes, a judgment, a weight or the order do.

    Names, folders and times of files do not count. Every file is read once, in threads, a few triplets ahead.

    Args:
        triplets: at least one.
        weights: of each.
        part: how large images are made.
        advance: called after each triplet.

    Raises:
        MetricError: for a file that is unreadable or no image; for one that has another size than its partners, or,
            made as large as `part` says, than the first of all.
    """
    digest = sha256()
    size: tuple[int, int] | None = None
    with ThreadPoolExecutor(_THREADS) as pool:
        ahead: deque[tuple[Triplet, float, list[Future[_Looked]]]] = deque()

        def take() -> None:
            nonlocal size
            triplet, weight, readings = ahead.popleft()
            digest.update(struct.pack("<dd", triplet.judge, weight))
            first = None
            for path, reading in zip((triplet.reference, *triplet.compared), readings, strict=True):
                content, shape = reading.result()
                digest.update(content)
                first = first or shape
                if shape != first:
                    raise MetricError(
                        f"{path} has {shape[0]} × {shape[1]} pixels and {triplet.reference} {first[0]} × {first[1]}; "
                        "images that are compared have one size."
                    )
            if first is None:
                raise MetricError(f"{triplet.key} has no images.")
            found = resized_size(*first, part.size_px)
            size = size or found
            if found != size:
                raise other_size(triplet, found, triplets[0], size)
            advance()

        try:
            for triplet, weight in zip(triplets, weights, strict=True):
                files = (triplet.reference, *triplet.compared)
                ahead.append((triplet, weight, [pool.submit(_look, path) for path in files]))
                if len(ahead) > 2 * _THREADS:
                    take()
            while ahead:
                take()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return digest.hexdigest()


def other_size(one: Triplet, found: tuple[int, int], first: Triplet, size: tuple[int, int]) -> MetricError:
    """Why a triplet cannot be in one batch with the first: sizes are width and height in pixels, resized."""
    return MetricError(
        f"The images of {one.key} have {found[0]} × {found[1]} pixels when resized and those of {first.key} "
        f"{size[0]} × {size[1]}; a training takes images of one shape: crop {one.reference} and its partners."
    )


_Looked = tuple[bytes, tuple[int, int]]
"""SHA-256 of a file, and width and height of its image."""


def _look(path: Path) -> _Looked:
    digest = sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        raise MetricError(f"There is no image {path}.") from None
    except OSError as error:
        raise MetricError(f"{path} cannot be read: {error.strerror or error}.") from error
    return digest.digest(), read_size(path)
