"""Mean opinion scores of images, each beside the reference that it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEWEST_IMAGES = 5
FEWEST_REFERENCES = 2


@dataclass(frozen=True)
class Opinions:
    """What people think of N images.

    `name`: of the set. `references`, `images`: names, one of each an image. `score`: `(N,)`, mean opinion of each, in
    the units of its source. `standard_error`: `(N,)` of these means, in the same units; None where the source does not
    say. `higher_is_worse`: whether a higher score says that people saw more difference. `origin`: in words, where the
    scores and their errors come from. `folder`: in which the images lie.
    """

    name: str
    references: tuple[str, ...]
    images: tuple[str, ...]
    score: Floats
    standard_error: Floats | None
    higher_is_worse: bool
    origin: str
    folder: Path

    @property
    def keys(self) -> tuple[str, ...]:
        """Of each image, the name that distances have for it: see `pair_key`."""
        return tuple(map(pair_key, self.references, self.images))

    @property
    def cluster(self) -> Integers:
        """`(N,)`: number of the reference, from 0."""
        return np.asarray(np.unique(self.references, return_inverse=True)[1], dtype=np.int64)

    @property
    def n_references(self) -> int:
        """Number of references."""
        return len(set(self.references))


def pair_key(reference: str, image: str) -> str:
    """An image and its reference in words, as messages and tables of distances have them."""
    return f"{image} of {reference}"


def checked(opinions: Opinions, source: str) -> Opinions:
    """The opinions themselves, if they are such that metrics can be held against them.

    Raises: `AnalysisError` where an image is there twice, there are too few of them or of their references, a score or
        an error is not finite, an error is negative, or all scores are the same.
    """
    seen: set[str] = set()
    for key in opinions.keys:
        if key in seen:
            raise AnalysisError(f"{source} gives {key} twice; remove one of them.")
        seen.add(key)
    for label, values in (("score", opinions.score), ("standard error", opinions.standard_error)):
        if values is None:
            continue
        bad = np.flatnonzero(~np.isfinite(values) | ((values < 0) & (label == "standard error")))
        if len(bad):
            wanted = "a finite number" if label == "score" else "a finite number of 0 or more"
            raise AnalysisError(
                f"{source}: the {label} of {opinions.keys[bad[0]]} is {values[bad[0]]:g}, not {wanted}; correct it."
            )
    if len(opinions.score) < FEWEST_IMAGES:
        raise AnalysisError(
            f"{source} has scores of {len(opinions.score)} images; a correlation takes {FEWEST_IMAGES} or more."
        )
    if opinions.n_references < FEWEST_REFERENCES:
        raise AnalysisError(
            f"{source} has images of one reference, {opinions.references[0]}, only; give scores of "
            f"{FEWEST_REFERENCES} references or more."
        )
    if np.ptp(opinions.score) == 0:
        raise AnalysisError(
            f"{source}: every score is {opinions.score[0]:g}, so that no order of the images agrees with them better "
            "than another; give scores that differ."
        )
    return opinions
