"""The psychometric function of a study: estimates with their intervals, how well it fits, and what other cores say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.psychometric.cores import CORES, CoreName, Floats
from analysis.psychometric.fisher_scoring import bounds
from analysis.psychometric.likelihood import LARGEST_RATE, log_likelihood, probabilities
from analysis.psychometric.many_fits import fit_many
from analysis.psychometric.maximum_likelihood import PsychometricFit, crossings, fit
from analysis.resampling import REPLICATES, Scale, Spread, draw, estimate, spreads
from analysis.results import Estimate, Result
from analysis.trial_counts import TrialCounts
from analysis.wilson import wilson

_CURVE_POINTS = 91
_ROUNDING = 1e-6


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
class PsychometricFunction(Result):
    """The psychometric function of a study; see `PsychometricFit` for what its parameters mean.

    `threshold_px`: shift at which "different" is as likely as "same" (absolute 50%); `median_px`: median of the core.
    `deviance_p`: share of studies of this very function, with independent answers, whose deviance is at least as large;
    a small one means that it does not fit, or that answers are not independent. None where four shifts leave no
    deviance. `overdispersion`: Pearson's χ² over its degrees of freedom. `design_effect`: variance of the threshold
    (of its logarithm where the core is one of logarithms) over that of as many independent answers. `cores`: all core
    functions, lowest AIC first.
    """

    core: CoreName
    threshold_px: Estimate
    median_px: Estimate
    spread: Estimate
    false_alarm_rate: Estimate
    lapse_rate: Estimate
    deviance: float
    deviance_p: float | None
    overdispersion: float | None
    design_effect: float | None
    aic: float
    cores: tuple[CoreFit, ...]
    rows: tuple[ShiftShare, ...]
    curve: tuple[CurvePoint, ...]
    answers: int
    participants: int | None
    photographs: int | None
    notes: tuple[str, ...]


def psychometric_function(
    counts: TrialCounts, *, core: CoreName | str = "log-normal", replicates: int = REPLICATES, seed: int = 0
) -> PsychometricFunction:
    """The psychometric function of numbers of answers, with bootstrap intervals over participants and photographs.

    Args:
        counts: of a study, `TrialCounts.of(responses)`, or bare numbers.
        core: `log-normal`, `log-logistic`, `weibull`, `logistic` or `normal`.
        replicates: how often participants, photographs and answers are each drawn anew.
        seed: of the draws.

    Raises: `AnalysisError` where fewer than four shifts have answers, and where the core is unknown.

    Source: Wichmann & Hill 2001, "The psychometric function" I and II; variances of participants and photographs
    as in Cameron, Gelbach & Miller 2011.
    """
    shift, hits, answers = counts.shift_px, counts.different, counts.total
    best = fit(shift, hits, answers, core)
    shape = CORES[best.core]
    start = best.parameters
    expected = np.clip(probabilities(start, shape.position(shift), shape)[0], 0.0, 1.0)
    generator = np.random.default_rng(seed)
    drawn = draw(counts, replicates, generator, expected)
    grid = np.linspace(0, shift[-1], _CURVE_POINTS)

    def statistics(different: Floats, total: Floats) -> Floats:
        parameters = fit_many(start, shift, different, total, shape)
        zero = probabilities(parameters[..., np.newaxis], shape.position([0.0]), shape)[0][:, 0]
        curve = probabilities(parameters[..., np.newaxis], shape.position(grid), shape)[0]
        threshold = crossings(parameters, shape)
        return np.vstack([threshold, parameters[0], parameters[1], zero, parameters[3], curve.T])

    threshold, location, log_spread, false_alarms, lapses, *points = spreads(drawn, statistics)
    # Of logarithms of the shift where the core is one of them; the bootstrap gives positions already.
    pixels = (lambda px: float(shape.position(px)), lambda t: float(shape.shift(t)))
    rates = (0.0, LARGEST_RATE)
    return PsychometricFunction(
        core=best.core,
        threshold_px=_threshold(best, threshold, drawn.method, pixels),
        median_px=estimate(best.median_px, location, drawn.method, scale=pixels, limits=(0.0, math.inf)),
        spread=estimate(best.spread, log_spread, drawn.method, scale=(math.log, math.exp)),
        false_alarm_rate=estimate(best.false_alarm_rate, false_alarms, drawn.method, limits=(0.0, 1.0)),
        lapse_rate=estimate(best.lapse_rate, lapses, drawn.method, limits=rates),
        deviance=best.deviance,
        deviance_p=_deviance_p(best, shift, answers, expected, replicates, generator),
        overdispersion=best.overdispersion,
        design_effect=threshold.design_effect,
        aic=best.aic,
        cores=_all_cores(counts),
        rows=tuple(_share(*row) for row in zip(shift, hits, answers, strict=True)),
        curve=tuple(_point(px, best, spread) for px, spread in zip(grid, points, strict=True)),
        answers=best.answers,
        participants=None if counts.by_participant is None else len(counts.by_participant),
        photographs=None if counts.by_photograph is None else len(counts.by_photograph),
        notes=(*counts.notes, *_notes(best, shift, hits, answers)),
    )


def _threshold(best: PsychometricFit, spread: Spread, method: str, scale: Scale) -> Estimate:
    if best.threshold_px is None:
        return Estimate(None, None, None, "the function crosses one half at none of the shifts that were shown")
    return estimate(best.threshold_px, spread, method, scale=scale)


def _deviance_p(
    best: PsychometricFit,
    shift: Floats,
    answers: Floats,
    expected: Floats,
    replicates: int,
    generator: np.random.Generator,
) -> float | None:
    if len(shift) <= len(best.parameters):
        return None
    shape = CORES[best.core]
    total = np.broadcast_to(answers, (replicates, len(shift)))
    hits = generator.binomial(answers.astype(np.int64), expected, total.shape).astype(np.float64)
    fitted = fit_many(best.parameters, shift, hits, total, shape)
    likely = log_likelihood(*probabilities(fitted[..., np.newaxis], shape.position(shift), shape), hits, total)
    share = hits / total
    deviances = 2 * (log_likelihood(share, 1 - share, hits, total) - likely)
    # A perfect fit has a deviance of 0 but for rounding, in the study as in the draws.
    return float((1 + np.sum(deviances >= best.deviance - _ROUNDING)) / (1 + replicates))


def _all_cores(counts: TrialCounts) -> tuple[CoreFit, ...]:
    fits = [fit(counts.shift_px, counts.different, counts.total, name) for name in CORES]
    lowest = min(found.aic for found in fits)
    return tuple(
        CoreFit(found.core, found.threshold_px, found.deviance, found.aic, found.aic - lowest)
        for found in sorted(fits, key=lambda found: found.aic)
    )


def _share(shift: float, different: float, total: float) -> ShiftShare:
    return ShiftShare(float(shift), int(different), int(total), wilson(int(different), int(total)))


def _point(shift: float, best: PsychometricFit, spread: Spread) -> CurvePoint:
    probability = float(best.probability(shift))
    found = spread.interval(probability)
    low, high = (None, None) if found is None else (max(0.0, found[0]), min(1.0, found[1]))
    return CurvePoint(float(shift), probability, low, high)


def _notes(best: PsychometricFit, shift: Floats, hits: Floats, answers: Floats) -> list[str]:
    notes = []
    share = hits / answers
    step = int(np.argmax(np.diff(share)))
    _, highest = bounds(CORES[best.core].position(shift))[1]
    if np.all(share[: step + 1] == share[0]) and np.all(share[step + 1 :] == share[-1]) and share[0] < share[-1]:
        notes.append(
            f"The answers change at a step between {shift[step]:g} and {shift[step + 1]:g} px (perfect separation): "
            "any threshold between them and any smaller spread fit as well; show shifts in between."
        )
    elif math.log(best.spread) > highest - 0.1:
        notes.append("The answers hardly change with the shift: neither median nor spread is determined.")
    if np.cov(shift, share, aweights=answers)[0, 1] < 0:
        notes.append("The larger the shift, the fewer answers are “different”: are the two answers exchanged?")
    if best.threshold_px is not None and best.threshold_px > shift[-2]:
        notes.append(
            "The threshold lies between the two largest shifts; show larger ones to be sure of the lapse rate."
        )
    return notes
