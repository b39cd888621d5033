"""What a metric's distances of two images say of one triplet: how many people it agrees with, and whether it flips."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

Floats = NDArray[np.float64]
Choice = tuple[ArrayLike, ArrayLike]


def two_afc(judge: ArrayLike, d0: ArrayLike, d1: ArrayLike) -> Floats:
    """Share of people who prefer the image that the metric finds nearer to the reference, `(N,)`; a tie counts half.

    Args:
        judge: `(N,)`, share of people who preferred the second image, in [0, 1].
        d0, d1: `(N,)`, finite distances of the first and the second image from the reference.

    Raises: `AnalysisError` where there is no sample, lengths differ, or a value is out of range.

    Source: Zhang et al. 2018, Section 3.

    >>> two_afc([0.2, 0.2, 0.2], [1, 2, 1], [2, 1, 1]).tolist()
    [0.8, 0.2, 0.5]
    """
    preferred, left, right = _arrays(judge=judge, d0=d0, d1=d1)
    if np.any((preferred < 0) | (preferred > 1)):
        raise AnalysisError("A judge is a share of people, but one is not between 0 and 1; correct it.")
    return np.where(left < right, 1 - preferred, np.where(right < left, preferred, 0.5))


def rank_flips(before: Choice, after: Choice) -> Floats:
    """Whether a shift changes the answer to "is the first image nearer?", `(N,)`, 1 for yes and 0 for no.

    A tie is a no, before and after the shift: two images that become equally far are a flip if the first was nearer,
    and none if the second was.

    Args:
        before: the distances of the two images, `(N,)` each, finite.
        after: the same where both are shifted.

    Raises: `AnalysisError` where there is no sample, lengths differ, or a distance is not finite.

    Source: Ghildyal & Liu 2022, Eq. 2.

    >>> rank_flips(([1, 1, 2, 1], [2, 1, 1, 2]), ([2, 2, 2, 1], [1, 1, 1, 1])).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    d0, d1, shifted_d0, shifted_d1 = _arrays(d0=before[0], d1=before[1], shifted_d0=after[0], shifted_d1=after[1])
    return np.asarray((d0 < d1) != (shifted_d0 < shifted_d1), dtype=np.float64)


def _arrays(**named: ArrayLike) -> list[Floats]:
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in named.items()}
    lengths = {name: values.shape for name, values in arrays.items()}
    first, *others = lengths.items()
    for name, shape in others:
        if shape != first[1]:
            raise AnalysisError(f"{name} has the shape {shape}, but {first[0]} {first[1]}; give one value a sample.")
    for name, values in arrays.items():
        if values.ndim != 1 or not len(values):
            raise AnalysisError(f"{name} has the shape {values.shape}; give one value a sample, at least one.")
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            raise AnalysisError(f"{name} of sample {place} is {values[place]}, not a finite number; correct it.")
    return list(arrays.values())
