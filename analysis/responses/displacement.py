"""How far the crop window of each answer's pair was moved."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def displacement_px(responses: pd.DataFrame) -> NDArray[np.float64]:
    """`(N,)` lengths of the shifts in pixels: on a diagonal the window was moved by `shift_px` along both axes."""
    shift = responses["shift_px"].to_numpy(dtype=np.float64)
    if "direction" not in responses:
        return shift
    diagonal = responses["direction"].str.contains("-").fillna(False).to_numpy(dtype=bool)
    return np.where(diagonal, shift * math.sqrt(2), shift)
