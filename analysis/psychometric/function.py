"""The psychometric function of a study: estimates with their intervals, how well it fits, and what other cores say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.psychometric.cores import CORES, CoreName
from analysis.psychometric.intervals import THRESHOLD, Intervals
from analysis.psychometric.levels import LevelOf
from analysis.psychometric.likelihood import probabilities
from analysis.psychometric.maximum_likelihood import PsychometricFit, fit
from analysis.psychometric.misfit import deviance_p, misfit, open_questions
from analysis.psychometric.separation import Separation
from analysis.psychometric.visual_angle import in_arcmin
from analysis.resampling import REPLICATES, draw
from analysis.results import Estimate, Result
from analysis.trial_counts import TrialCounts
from analysis.wilson import wilson

_CURVE_POINTS = 91


@dataclass(frozen=True)
class ShiftShare(Result):
    """Answers to pairs of one shift; `share` is that of "different", with its Wilson interval."""

    shift_px: float
    different: int
    total: int
    share: Estimate


@dataclass(frozen=True)
class CurvePoint(Result):
    """Probability of "different" at a shift, with a pointwise 95% interval where there is one."""

    shift_px: float
    probability: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class CoreFit(Result):
    """What another core function would say. `delta_aic`: its AIC less the lowest of all."""

    core: CoreName
    threshold_px: float | None
    deviance: float
    aic: float
    delta_aic: float


@dataclass(frozen=True)
class LevelShift(Result):
    """Shift at which the curve P(x), or its core F between the two rates (`of`), is `level`."""

    level: float
    of: LevelOf
    shift_px: Estimate
    shift_arcmin: Estimate | None


@dataclass(frozen=True)
class PsychometricFunction(Result):
    """The psychometric function of a study; see `PsychometricFit` for what its parameters mean.

    `threshold_px`: shift at which "different" is as likely as "same" (absolute 50%); `median_px`: median of the core.
    `slope_per_px`: dP/dx at the threshold; `width_px`: from where the core is 5% to where it is 95%. `levels`: shifts
    at the levels that were asked for. `threshold_arcmin`: the threshold in minutes of arc, `arcmin_per_px` a pixel;
    None where no calibration is known.
    `deviance_p`: share of studies of this very function, with independent answers, whose deviance is at least as large;
    a small one means that it does not fit, or that answers are not independent. None where four shifts leave no
    deviance. `overdispersion`: Pearson's χ² over its degrees of freedom. `design_effect`: variance of the threshold
    (of its logarithm where the core is one of logarithms) over that of as many independent answers. `cores`: all core
    functions, lowest AIC first. `misfit`: where chance does not explain the misfit, sentences on it and on what to do;
    None where the function fits. `method`: how intervals came about, where theirs does not say otherwise. `notes`:
    sentences on what the answers do not determine.
    """

    core: CoreName
    threshold_px: Estimate
    threshold_arcmin: Estimate | None
    arcmin_per_px: Estimate | None
    median_px: Estimate
    spread: Estimate
    slope_per_px: Estimate
    width_px: Estimate
    levels: tuple[LevelShift, ...]
    false_alarm_rate: Estimate
    lapse_rate: Estimate
    deviance: float
    deviance_p: float | None
    overdispersion: float | None
    misfit: str | None
    design_effect: float | None
    aic: float
    cores: tuple[CoreFit, ...]
    rows: tuple[ShiftShare, ...]
    curve: tuple[CurvePoint, ...]
    answers: int
    participants: int | None
    photographs: int | None
    method: str
    notes: tuple[str, ...]


def psychometric_function(
    counts: TrialCounts,
    *,
    core: CoreName | str = "log-normal",
    replicates: int = REPLICATES,
    seed: int = 0,
    at: Sequence[float] = (),
    of: LevelOf = "curve",
    arcmin_per_px: Estimate | None = None,
) -> PsychometricFunction:
    """The psychometric function of numbers of answers, with bootstrap intervals over participants and photographs.

    Args:
        counts: of a study, `TrialCounts.of(responses)`, or bare numbers.
        core: `log-normal`, `log-logistic`, `weibull`, `logistic` or `normal`.
        replicates: how often participants, photographs and answers are each drawn anew.
        seed: of the draws.
        at: levels between 0 and 1 whose shifts are wanted besides the threshold.
        of: what they are levels of: the `curve` P(x), or the `core` F between its rates.
        arcmin_per_px: minutes of arc in a pixel of shift, `visual_angle.arcmin_per_px(responses)`.

    Raises: `AnalysisError` where fewer than four shifts have answers, where the core is unknown, and where a level is
    not between 0 and 1.

    Source: Wichmann & Hill 2001, "The psychometric function" I and II; variances of participants and photographs
    as in Cameron, Gelbach & Miller 2011; the width as in Schütt, Harmeling, Macke & Wichmann 2016.
    """
    for level in at:
        if not 0 < level < 1:
            raise AnalysisError(f"A level of {level:g} is no share between 0 and 1; give one such as 0.75.")
    shift, hits, answers = counts.shift_px, counts.different, counts.total
    best = fit(shift, hits, answers, core)
    shape = CORES[best.core]
    expected = np.clip(probabilities(best.parameters, shape.position(shift), shape)[0], 0.0, 1.0)
    generator = np.random.default_rng(seed)
    drawn = draw(counts, replicates, generator, expected)
    separation = Separation.of(shift, hits, answers)
    grid = np.linspace(0, shift[-1], _CURVE_POINTS)
    found = Intervals.of(best, drawn, shift, separation, [(level, of) for level in at], grid)
    p = deviance_p(best, shift, answers, expected, replicates, generator)
    threshold = found.level(*THRESHOLD)
    cores = _all_cores(best, counts)
    return PsychometricFunction(
        core=best.core,
        threshold_px=threshold,
        threshold_arcmin=_angle(threshold, arcmin_per_px),
        arcmin_per_px=arcmin_per_px,
        median_px=found.median(),
        spread=found.spread(),
        slope_per_px=found.slope(),
        width_px=found.width(),
        levels=tuple(_level(found, level, of, arcmin_per_px) for level in at),
        false_alarm_rate=found.false_alarm_rate(),
        lapse_rate=found.lapse_rate(),
        deviance=best.deviance,
        deviance_p=p,
        overdispersion=best.overdispersion,
        misfit=misfit(
            best,
            p,
            shift,
            hits,
            answers,
            lowest=cores[0].core,
            people_known=counts.by_participant is not None,
        ),
        design_effect=found.by_level[THRESHOLD].design_effect,
        aic=best.aic,
        cores=cores,
        rows=tuple(_share(*row) for row in zip(shift, hits, answers, strict=True)),
        curve=tuple(CurvePoint(float(px), *found.probability(index, px)) for index, px in enumerate(grid)),
        answers=best.answers,
        participants=None if counts.by_participant is None else len(counts.by_participant),
        photographs=None if counts.by_photograph is None else len(counts.by_photograph),
        method=drawn.method,
        notes=(
            *counts.notes,
            *open_questions(best, separation, shift, hits, answers),
        ),
    )


def _angle(shift: Estimate, arcmin_per_px: Estimate | None) -> Estimate | None:
    return None if arcmin_per_px is None else in_arcmin(shift, arcmin_per_px)


def _level(found: Intervals, level: float, of: LevelOf, arcmin_per_px: Estimate | None) -> LevelShift:
    shift = found.level(level, of)
    return LevelShift(level, of, shift, _angle(shift, arcmin_per_px))


def _all_cores(best: PsychometricFit, counts: TrialCounts) -> tuple[CoreFit, ...]:
    others = [name for name in CORES if name != best.core]
    fits = [best, *(fit(counts.shift_px, counts.different, counts.total, name) for name in others)]
    lowest = min(found.aic for found in fits)
    return tuple(
        CoreFit(found.core, found.threshold_px, found.deviance, found.aic, found.aic - lowest)
        for found in sorted(fits, key=lambda found: found.aic)
    )


def _share(shift: float, different: float, total: float) -> ShiftShare:
    return ShiftShare(float(shift), int(different), int(total), wilson(int(different), int(total)))
