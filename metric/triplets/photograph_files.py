"""Photographs that sets are made from, each read when it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from metric.errors import MetricError
from metric.pixels import Pixels, read_pixels
from metric.triplets.judged_folders import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Photograph:
    """A photograph that is read when it is asked for; its SHA-256 is of its pixels, 8-bit RGB row by row."""

    name: str
    width: int
    height: int
    sha256: str
    read: Callable[[], Pixels]

    @classmethod
    def of(cls, name: str, read: Callable[[], Pixels]) -> Photograph:
        """The photograph that `read` gives."""
        pixels = read()
        digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        return cls(name, pixels.shape[1], pixels.shape[0], digest, read)


_read = lru_cache(maxsize=8)(read_pixels)
"""Of many photographs, few are in memory at a time."""


def photographs_in(folder: Path) -> tuple[list[Photograph], list[str]]:
    """Photographs of a folder and those below it, named by their path in it; and of what was left out, why.

    Raises:
        MetricError: where there is no readable image.
    """
    if not folder.is_dir():
        raise MetricError(f'There is no folder "{folder}" of photographs; name one, or demo.')
    found: list[Photograph] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            try:
                found.append(Photograph.of(path.relative_to(folder).as_posix(), partial(_read, path)))
            except MetricError as error:
                left_out.append(str(error))
    if not found:
        raise MetricError(f"{folder} has no readable image{': ' + left_out[0] if left_out else '.'}")
    return found, left_out
