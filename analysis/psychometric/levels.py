"""Where a psychometric function reaches a level, and how fast it rises: of one function or of many at once."""

from __future__ import annotations

from typing import Literal

import numpy as np

from analysis.psychometric.cores import Core, Floats
from analysis.psychometric.likelihood import standard
from analysis.psychometric.maximum_likelihood import crossings

# What a level is one of: the probability P of "different", or the core F between the two rates.
LevelOf = Literal["curve", "core"]

# The width is the way from the first to the last of these levels of the core, as in psignifit.
WIDTH = (0.05, 0.95)
# A shift sees the flank of a core where F is at least so far from 0 and 1.
_SEEN = 1e-6


def positions_at(parameters: Floats, core: Core, level: float, of: LevelOf) -> Floats:
    """`(B,)` positions t at which P or F is `level`, of `(4, B)` parameters; NaN where P is so nowhere."""
    if of == "curve":
        return crossings(parameters, core, level)
    return np.asarray(parameters[0] + np.exp(parameters[1]) * core.quantile(level), dtype=np.float64)


def slopes_at_threshold(parameters: Floats, core: Core) -> Floats:
    """`(B,)` dP/dx per pixel where P is one half, of `(4, B)` parameters; NaN where it is so nowhere."""
    place = crossings(parameters, core)
    z = standard(parameters, place)
    rise = (1 - parameters[2] - parameters[3]) * core.density(z) / np.exp(parameters[1])
    # dt/dx is 1/x for logarithms.
    return np.asarray(rise / core.shift(place) if core.logarithmic else rise, dtype=np.float64)


def widths(parameters: Floats, core: Core) -> Floats:
    """`(B,)` pixels between the shifts at which F is 5% and 95%, of `(4, B)` parameters."""
    ends = [core.shift(positions_at(parameters, core, level, "core")) for level in WIDTH]
    return np.asarray(ends[1] - ends[0], dtype=np.float64)


def steplike(parameters: Floats, position: Floats, core: Core) -> Floats:
    """`(B,)`: 1 where at most one shift sees the core's flank, so that a steeper one would be as likely; else 0."""
    below = core.below(standard(parameters[..., np.newaxis], position))
    seen = (below > _SEEN) & (below < 1 - _SEEN)
    return np.asarray(seen.sum(axis=-1) <= 1, dtype=np.float64)
