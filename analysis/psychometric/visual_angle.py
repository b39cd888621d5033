"""Shifts in minutes of arc, where the participants' screens and viewing distances are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.exclusions.marking import accepted
from analysis.responses.displacement import displacement_px
from analysis.results import Estimate


def arcmin_per_px(responses: pd.DataFrame) -> Estimate | None:
    """Minutes of arc in a pixel of shift: the geometric mean over the accepted answers to shifted pairs.

    Of the shift's length, which on a diagonal is more than `shift_px`. The interval holds how much
    the participants differ. None where no calibration is known; without a value where it is not known of all.

    Raises: `AnalysisError` where no answer is left.
    """
    kept = accepted(responses)
    shifted = kept[kept["shift_px"] > 0]
    angle = shifted["shift_arcmin"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(angle) & (angle > 0)
    if not known.any():
        return None
    people, names = pd.factorize(shifted["participant"])
    if np.any(people < 0):
        return Estimate(None, None, None, "it is not known who gave the answers")
    if not known.all():
        missing = len(np.unique(people[~known]))
        return Estimate(None, None, None, f"the calibration of {missing} of {len(names)} participants is not known")
    logs = np.log(angle / displacement_px(shifted))
    centre, number = float(logs.mean()), len(names)
    method = f"geometric mean over {len(logs):,} answers of {number} participants"
    if number < 2:
        return Estimate(math.exp(centre), None, None, f"no interval: {method.removesuffix('s')}")
    away = np.bincount(people, logs - centre) / len(logs)
    half = math.sqrt(float((away**2).sum()) * number / (number - 1)) * float(stdtrit(number - 1, 0.975))
    return Estimate(math.exp(centre), math.exp(centre - half), math.exp(centre + half), f"{method}, 95% interval")


def in_arcmin(shift: Estimate, scale: Estimate) -> Estimate:
    """A shift in pixels, times minutes of arc a pixel; the two intervals are taken as independent.

    They are not quite: who sees the pixels larger sees smaller shifts, so that the interval is rather too wide.
    """
    if shift.estimate is None or scale.estimate is None:
        return Estimate(None, None, None, (shift if shift.estimate is None else scale).method)
    value = shift.estimate * scale.estimate
    if shift.low is None or shift.high is None:
        return Estimate(value, None, None, shift.method)
    method = f"{shift.method}; times {scale.estimate:.3g} minutes of arc a pixel, {scale.method}"
    ends = [
        _apart(
            side, end / shift.estimate if shift.low > 0 else None, end - shift.estimate, shift.estimate, factor, scale
        )
        for side, end, factor in ((-1, shift.low, scale.low), (1, shift.high, scale.high))
    ]
    return Estimate(value, ends[0], ends[1], method)


def _apart(side: int, ratio: float | None, away: float, shift: float, factor: float | None, scale: Estimate) -> float:
    """The lower end (`side` −1) of the product's interval or the upper (1): as far away as both together are.

    In logarithms where these exist.
    """
    assert scale.estimate is not None
    other = 1.0 if factor is None else factor / scale.estimate
    if ratio is None:
        far = math.hypot(away, shift * (other - 1))
        return (shift + side * far) * scale.estimate
    far = math.hypot(math.log(ratio), math.log(other))
    return shift * scale.estimate * math.exp(side * far)
