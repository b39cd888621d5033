"""Participants or photographs: which of them each answer is of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """`codes`: `(N,)`, the group of each answer, from 0; `size`: how many groups there are."""

    codes: Integers
    size: int

    def summed(self, values: Floats) -> Floats:
        """`(N,)` values, added up over the answers of each group."""
        return np.asarray(np.bincount(self.codes, values, self.size), dtype=np.float64)
