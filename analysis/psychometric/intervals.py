"""Estimates of a psychometric function with their intervals, all from the same draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.psychometric.cores import CORES, Core, Floats
from analysis.psychometric.levels import LevelOf, positions_at, slopes_at_threshold, steplike, widths
from analysis.psychometric.likelihood import LARGEST_RATE, probabilities
from analysis.psychometric.many_fits import fit_many
from analysis.psychometric.maximum_likelihood import PsychometricFit
from analysis.psychometric.separation import Separation
from analysis.resampling import Replicates, Scale, Spread, estimate, spreads
from analysis.results import Estimate

Level = tuple[float, LevelOf]
THRESHOLD: Level = (0.5, "curve")
_LOGARITHM: Scale = (math.log, math.exp)
# Where more of the draws than this might be steps, the steepest of the curves that agree with them are.
_TAIL = 0.025
_NOTHING = "the function reaches {:g} at none of the shifts that were shown"
_ANY_SLOPE = "no interval: as far as these answers tell, the function may be a step, as steep as may be"


@dataclass(frozen=True)
class Intervals:
    """What `best` says, and how much it scatters. `by_name`: of location, log_spread, the rates, log_slope, log_width.

    `by_level`: positions t of each level; `curve`: probabilities at the shifts that were asked for.
    """

    best: PsychometricFit
    shift: Floats
    method: str
    separation: Separation | None
    by_name: dict[str, Spread]
    by_level: dict[Level, Spread]
    curve: tuple[Spread, ...]

    @classmethod
    def of(
        cls,
        best: PsychometricFit,
        drawn: Replicates,
        shift: Floats,
        separation: Separation | None,
        levels: Sequence[Level],
        curve_px: Floats,
    ) -> Intervals:
        """Fit every draw. `shift`: `(K,)`, ascending; `levels`: besides the threshold; `curve_px`: `(N,)` shifts."""
        core = CORES[best.core]
        asked = [THRESHOLD, *(level for level in dict.fromkeys(levels) if level != THRESHOLD)]

        def statistics(different: Floats, total: Floats) -> Floats:
            parameters = fit_many(best.parameters, shift, different, total, core)
            zero = probabilities(parameters[..., np.newaxis], core.position([0.0]), core)[0][:, 0]
            curve = probabilities(parameters[..., np.newaxis], core.position(curve_px), core)[0]
            return np.vstack(
                [
                    parameters[0],
                    parameters[1],
                    zero,
                    parameters[3],
                    _logarithms(slopes_at_threshold(parameters, core)),
                    _logarithms(widths(parameters, core)),
                    steplike(parameters, core.position(shift), core),
                    *(positions_at(parameters, core, *level) for level in asked),
                    curve.T,
                ]
            )

        found = list(spreads(drawn, statistics))
        names = ("location", "log_spread", "false_alarm_rate", "lapse_rate", "log_slope", "log_width", "steplike")
        first = len(names)
        return cls(
            best=best,
            shift=shift,
            method=drawn.method,
            separation=separation,
            by_name=dict(zip(names, found[:first], strict=True)),
            by_level=dict(zip(asked, found[first : first + len(asked)], strict=True)),
            curve=tuple(found[first + len(asked) :]),
        )

    @property
    def _core(self) -> Core:
        return CORES[self.best.core]

    @property
    def _pixels(self) -> Scale:
        """Of logarithms of the shift where the core is one of them; the bootstrap gives positions already."""
        core = self._core
        return lambda px: float(core.position(px)), lambda t: float(core.shift(t))

    @property
    def _may_be_a_step(self) -> bool:
        spread = self.by_name["steplike"]
        parts = [part for part in (spread.participants, spread.photographs) if part is not None] or [spread.trials]
        return self.separation is not None or any(float(part.mean()) > _TAIL for part in parts)

    def level(self, level: float, of: LevelOf) -> Estimate:
        """The shift in pixels, among those that were shown, at which the function or its core reaches a level."""
        (place,) = positions_at(self.best.parameters[:, np.newaxis], self._core, level, of)
        px = float(self._core.shift(place))
        if (level, of) == THRESHOLD:
            # A level curve has none, whatever rounding makes of it.
            px = math.nan if self.best.threshold_px is None else self.best.threshold_px
        if not self.shift[0] <= px <= self.shift[-1]:
            return Estimate(None, None, None, self._nowhere(level, of))
        if self.separation is not None:
            guess, lapse = self.best.parameters[2:]
            return self._separated(px, level if of == "curve" else guess + (1 - guess - lapse) * level)
        return estimate(px, self.by_level[level, of], self.method, scale=self._pixels)

    def _nowhere(self, level: float, of: LevelOf) -> str:
        if (level, of) == THRESHOLD:
            return "the function crosses one half at none of the shifts that were shown"
        return _NOTHING.format(level) if of == "curve" else _NOTHING.format(level).replace("function", "core")

    def _separated(self, px: float, level: float) -> Estimate:
        assert self.separation is not None
        low, high = self.separation.interval(level)
        return Estimate(px, min(low, px), max(high, px), self.separation.method)

    def median(self) -> Estimate:
        """Of the core, in pixels; where that is no logarithm, it may lie below 0."""
        if self.separation is not None:
            guess, lapse = self.best.parameters[2:]
            return self._separated(self.best.median_px, guess + (1 - guess - lapse) / 2)
        return estimate(self.best.median_px, self.by_name["location"], self.method, scale=self._pixels)

    def spread(self) -> Estimate:
        """Of the core, from 0 where it may be a step."""
        return self._from_0(estimate(self.best.spread, self.by_name["log_spread"], self.method, scale=_LOGARITHM))

    def width(self) -> Estimate:
        """Pixels between the shifts at which the core is 5% and 95%, from 0 where it may be a step."""
        value = float(widths(self.best.parameters[:, np.newaxis], self._core)[0])
        return self._from_0(estimate(value, self.by_name["log_width"], self.method, scale=_LOGARITHM))

    def _from_0(self, found: Estimate) -> Estimate:
        if found.low is None or not self._may_be_a_step:
            return found
        return Estimate(found.estimate, 0.0, found.high, f"{found.method}; the function may be a step")

    def slope(self) -> Estimate:
        """dP/dx per pixel at the threshold."""
        if self.best.threshold_px is None:
            return Estimate(None, None, None, f"no threshold: {self._nowhere(*THRESHOLD)}")
        value = float(slopes_at_threshold(self.best.parameters[:, np.newaxis], self._core)[0])
        if self.separation is not None:
            return Estimate(
                None, None, None, f"the answers change at a step {self.separation.between}: any steep slope fits"
            )
        if self._may_be_a_step:
            return Estimate(value, None, None, _ANY_SLOPE)
        return estimate(value, self.by_name["log_slope"], self.method, scale=_LOGARITHM)

    def false_alarm_rate(self) -> Estimate:
        """P(0)."""
        return estimate(self.best.false_alarm_rate, self.by_name["false_alarm_rate"], self.method, limits=(0.0, 1.0))

    def lapse_rate(self) -> Estimate:
        """Of "same" however large the shift."""
        limits = (0.0, LARGEST_RATE)
        return estimate(self.best.lapse_rate, self.by_name["lapse_rate"], self.method, limits=limits)

    def probability(self, index: int, shift_px: float) -> tuple[float, float | None, float | None]:
        """P at the shift of `curve_px` with this index, and the ends of its pointwise interval."""
        value = float(self.best.probability(shift_px))
        found = self.curve[index].interval(value)
        return (value, None, None) if found is None else (value, max(0.0, found[0]), min(1.0, found[1]))


def _logarithms(values: Floats) -> Floats:
    return np.log(values, out=np.full(values.shape, np.nan), where=values > 0)
