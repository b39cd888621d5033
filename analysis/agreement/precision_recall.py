"""The area under an interpolated precision/recall curve, with soft true positives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def interpolated_area(positives: Floats, sizes: NDArray[Any] | None = None) -> Floats:
    """Average precision of ranked steps, as in PASCAL VOC 2010: the area under the curve's envelope.

    After each step, precision is the share of positives in all that was ranked so far, and recall the share
    of all positives that were ranked so far. The envelope at a recall is the highest precision at that recall
    or a higher one; the area is the sum over steps of the recall they add times the envelope there.

    Args:
        positives: `(..., K)`, how much of each step is positive, best rank first; from 0 to the step's size.
            A step of one pair has the share of people who called it the same. Some must be above 0.
        sizes: `(K,)`, how many pairs each step takes; 1 for each if left out.

    Returns: `(...)`, areas in (0, 1].

    Source: Ghildyal & Liu 2022, Section 6, "Just noticeable differences", after Zhang et al. 2018 and
    Everingham et al. 2010.

    >>> float(interpolated_area(np.array([1.0, 0.0, 1.0])))
    0.8333333333333333
    """
    steps = np.ones(positives.shape[-1]) if sizes is None else np.asarray(sizes, dtype=np.float64)
    found = np.cumsum(positives, axis=-1)
    precision = found / np.cumsum(steps)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    area: Floats = np.sum(positives * envelope, axis=-1) / found[..., -1]
    return area
