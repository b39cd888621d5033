"""How precise a study will be, and what it will find, before it is run: many simulated studies of its design."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import binomtest, chi2

from analysis.agreement.photograph_draws import FEWEST_PHOTOGRAPHS
from analysis.errors import AnalysisError
from analysis.planning.resolution import smallest_difference
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Floats, Population, SimulatedStudy, simulate
from analysis.planning.simulated_verdicts import Found, Jury
from analysis.psychometric.cores import CORES
from analysis.psychometric.many_fits import fit_many
from analysis.psychometric.maximum_likelihood import FEWEST_SHIFTS, crossings
from analysis.results import Estimate, Result

FEWEST_SIMULATIONS = 20
# Draws of photographs in each study, for the standard error of a difference.
_REPLICATES = 100
# By how much more noise metrics have, from one that is as good to one that knows next to nothing.
_WORSE = (1.0, 1.25, 1.6, 2.1, 3.0, 5.0, 10.0)
_Z = 1.959963984540054


@dataclass(frozen=True)
class DesignPower(Result):
    """What a study of one design would say.

    `answers_per_pair`: on average; `pairs`: how many have at least `min_responses` answers, on average.
    `threshold_px`: mean estimate and where 95% of studies find it. `threshold_width_px`: expected width of the 95%
    interval of the threshold. `design_effect`: how many times larger the variance of the threshold's logarithm is than
    with as many participants and images who do not differ. All of these are None for fewer than 4 shifts.
    `undetermined`: share of studies without a threshold, in [0, 1].
    `concordance`, `jnd_map`: of a metric whose distances are the logarithm of the shift, less what the image does to
    it, and noise: mean, and where 95% of studies find it; `…_width`: expected width of the interval.
    `smallest_…`: difference from a metric with more noise that four studies out of five find.
    `beyond_shift_…`: share of studies that find the metric better than the shift alone. `power_…`: that find it better
    than one with `other_noise_sd`. `false_…`: that tell it from another that is as good. All by two-sided tests at 5%.
    """

    participants: int
    images: int
    crops: int
    shifts: tuple[int, ...]
    trials: int
    answers: int
    answers_per_pair: float
    pairs: float
    threshold_px: Estimate
    threshold_width_px: Estimate
    design_effect: float | None
    undetermined: float
    concordance: Estimate
    concordance_width: Estimate
    jnd_map: Estimate
    jnd_map_width: Estimate
    smallest_concordance: Estimate
    smallest_map: Estimate
    beyond_shift_concordance: Estimate
    beyond_shift_map: Estimate
    power_concordance: Estimate
    power_map: Estimate
    false_concordance: Estimate
    false_map: Estimate


@dataclass(frozen=True)
class Power(Result):
    """One row a design; `true_threshold_px` is that of the population from which observers and images are drawn."""

    rows: tuple[DesignPower, ...]
    true_threshold_px: float
    participant_sd: float
    image_sd: float
    metric_noise_sd: float
    other_noise_sd: float
    min_responses: int
    simulations: int
    seed: int


def power(
    designs: Iterable[Design],
    population: Population | None = None,
    *,
    metric_noise_sd: float = 0.4,
    other_noise_sd: float = 0.8,
    min_responses: int = 3,
    simulations: int = 400,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Power:
    """Expected interval widths, what metrics would be found to know, and the smallest difference that would be found.

    Whether a difference is found is simulated where there is one: studies in which two metrics differ scatter more
    than those in which they do not.

    Args:
        designs: of the studies.
        population: of observers and images; that of the paper's Table 1 if left out.
        metric_noise_sd: standard deviation of the noise in distances, in units of the logarithm of a shift.
        other_noise_sd: of another metric, which is to be told from the first.
        min_responses: pairs with fewer answers are left out of the comparison of metrics.
        simulations: how many studies of each design; at least 20.
        seed: of the simulations; each design starts from it.
        progress: called with 1 after each simulated study.

    Raises: `AnalysisError` where a number is out of its range.
    """
    people = population or Population()
    if simulations < FEWEST_SIMULATIONS:
        raise AnalysisError(f"{simulations} simulated studies say too little; give {FEWEST_SIMULATIONS} or more.")
    if not 0 < metric_noise_sd < other_noise_sd < math.inf:
        raise AnalysisError(
            f"The metrics' noise is {metric_noise_sd:g} and {other_noise_sd:g}; give standard deviations above 0, the "
            "larger one for the other metric."
        )
    noise = metric_noise_sd, other_noise_sd
    rows = tuple(_of_design(d, people, noise, min_responses, simulations, seed, progress) for d in designs)
    return Power(
        rows=rows,
        true_threshold_px=people.threshold_px,
        participant_sd=people.participant_sd,
        image_sd=people.image_sd,
        metric_noise_sd=metric_noise_sd,
        other_noise_sd=other_noise_sd,
        min_responses=min_responses,
        simulations=simulations,
        seed=seed,
    )


def _of_design(
    design: Design,
    population: Population,
    noise: tuple[float, float],
    min_responses: int,
    simulations: int,
    seed: int,
    progress: Callable[[int], object] | None,
) -> DesignPower:
    # Each kind of draw has a generator of its own, so that what is asked of one changes nothing about the others.
    people, same_people, metrics = (np.random.default_rng([seed, number]) for number in range(3))
    alike = replace(population, participant_sd=0.0, image_sd=0.0, rate_spread=0.0)
    tables, alike_tables, verdicts, pairs = [], [], [], []
    for _ in range(simulations):
        study = simulate(design, population, people)
        tables.append(_table(study))
        alike_tables.append(_table(simulate(design, alike, same_people)))
        jury = Jury.of(study, min_responses, _REPLICATES, metrics)
        if jury is not None:
            verdicts.append(_verdicts(study, jury, noise, metrics))
            pairs.append(len(jury.pairs.names))
        else:
            pairs.append(int(np.sum(np.bincount(study.pair) >= min_responses)))
        if progress is not None:
            progress(1)
    method = f"{simulations} simulated studies"
    return DesignPower(
        participants=design.participants,
        images=design.images,
        crops=design.crops,
        shifts=design.shifts,
        trials=design.trials,
        answers=design.answers,
        answers_per_pair=design.participants * design.per_shift / design.images,
        pairs=float(np.mean(pairs)),
        **_of_thresholds(np.array(tables), np.array(alike_tables), population, design, method),
        **_of_verdicts(verdicts, metrics, method, _why_none(design, verdicts, min_responses)),
    )


def _verdicts(
    study: SimulatedStudy, jury: Jury, noise: tuple[float, float], generator: np.random.Generator
) -> tuple[float, float, list[Found]]:
    """γ and JND mAP of a metric; what it is found to be beside the shift, another metric, and ever worse ones."""
    own, other = noise
    first = jury.scored(study.distances(generator, SimulatedMetric(noise_sd=own)))
    # The same noise, more and more of it: what the worse metrics differ in is nothing but how much.
    state = int(generator.integers(0, 2**32))

    def with_noise(noise_sd: float) -> Found:
        distances = study.distances(np.random.default_rng(state), SimulatedMetric(noise_sd=noise_sd))
        return jury.found(first, jury.scored(distances))

    found = [jury.found(first, jury.shift()), with_noise(other), *(with_noise(own * times) for times in _WORSE)]
    return first.concordance.gamma, first.area, found


def _why_none(design: Design, verdicts: list[tuple[float, float, list[Found]]], min_responses: int) -> str | None:
    """Why nothing is said of metrics in studies of this design; None where something is."""
    photographs = -(-design.images // design.crops)
    if photographs < FEWEST_PHOTOGRAPHS:
        return f"{photographs} photographs are fewer than the {FEWEST_PHOTOGRAPHS} that an interval needs"
    if len(verdicts) < FEWEST_SIMULATIONS or not all(math.isfinite(gamma) for gamma, *_ in verdicts):
        return f"pairs with {min_responses} answers or more are too few"
    return None


def _of_verdicts(
    verdicts: list[tuple[float, float, list[Found]]], generator: np.random.Generator, method: str, why_none: str | None
) -> dict[str, Any]:
    names = ("concordance", "map")
    if why_none is not None:
        none = Estimate(None, None, None, why_none)
        figures = [f"{figure}_{name}" for figure in ("smallest", "beyond_shift", "power", "false") for name in names]
        return dict.fromkeys((*figures, "concordance", "concordance_width", "jnd_map", "jnd_map_width"), none)
    result: dict[str, Estimate] = {}
    scores = np.array([score[:2] for score in verdicts])
    for figure, values in zip(("concordance", "jnd_map"), scores.T, strict=True):
        mean, spread = float(values.mean()), float(values.std(ddof=1))
        result[figure] = Estimate(mean, mean - _Z * spread, mean + _Z * spread, method)
        result[f"{figure}_width"] = _of_deviation(lambda sd: 2 * _Z * sd, spread, len(values), method)
    differences = np.array([[(one.concordance, one.jnd_map) for one in found] for *_, found in verdicts])
    said = np.array([[(one.by_concordance, one.by_map) for one in found] for *_, found in verdicts])
    for number, name in enumerate(names):
        shift, other, *worse = said[..., number].T
        ladder = differences[:, 2:, number]
        result[f"smallest_{name}"] = smallest_difference(ladder, np.array(worse).T == 1, generator, method)
        result[f"beyond_shift_{name}"] = _share(shift == 1, method)
        result[f"power_{name}"] = _share(other == 1, method)
        result[f"false_{name}"] = _share(worse[0] != 0, method)
    return result


def _share(happened: np.ndarray[tuple[int], np.dtype[np.bool_]], method: str) -> Estimate:
    count = int(happened.sum())
    ends = binomtest(count, len(happened)).proportion_ci(0.95, "wilson")
    return Estimate(count / len(happened), float(ends.low), float(ends.high), method)


def _of_deviation(figure: Callable[[float], float], deviation: float, number: int, method: str) -> Estimate:
    """A figure that grows with a standard deviation, with the interval that so many simulations leave it."""
    low, high = (deviation * math.sqrt((number - 1) / chi2.ppf(tail, number - 1)) for tail in (0.975, 0.025))
    return Estimate(figure(deviation), figure(low), figure(high), method)


def _of_thresholds(
    tables: Floats, alike_tables: Floats, population: Population, design: Design, method: str
) -> dict[str, Any]:
    if len(design.shifts) < FEWEST_SHIFTS:
        none = Estimate(None, None, None, f"a psychometric function needs {FEWEST_SHIFTS} shifts or more")
        return {"threshold_px": none, "threshold_width_px": none, "design_effect": None, "undetermined": 1.0}
    logs = _log_thresholds(tables, population, design)
    alike_logs = _log_thresholds(alike_tables, population, design)
    determined = logs[np.isfinite(logs)]
    if len(determined) < 2:
        raise AnalysisError("No simulated study has a threshold; show larger shifts, or more of them.")
    deviation, centre = float(determined.std(ddof=1)), float(determined.mean())
    low, high = (math.exp(centre + sign * _Z * deviation) for sign in (-1, 1))
    return {
        "threshold_px": Estimate(math.exp(centre), low, high, method),
        "threshold_width_px": _of_deviation(
            lambda sd: math.exp(centre) * 2 * math.sinh(_Z * sd), deviation, len(determined), method
        ),
        "design_effect": float(determined.var(ddof=1) / np.nanvar(alike_logs, ddof=1)),
        "undetermined": float(np.mean(~np.isfinite(logs))),
    }


def _table(study: SimulatedStudy) -> Floats:
    """`(2, shifts)`: number of answers "different", and of answers."""
    levels, level = len(study.design.shifts), study.level
    counted = (np.bincount(level, study.different, levels), np.bincount(level, minlength=levels))
    return np.array(counted, dtype=np.float64)


def _log_thresholds(tables: Floats, population: Population, design: Design) -> Floats:
    start = np.array(
        [
            math.log(population.median_px),
            math.log(population.log_sd),
            population.false_alarm_rate,
            population.lapse_rate,
        ]
    )
    core = CORES["log-normal"]
    shift = np.array(design.shifts, dtype=np.float64)
    found = crossings(fit_many(start, shift, tables[:, 0], tables[:, 1], core), core)
    # As in a real study, a threshold beyond the shifts that were shown is none.
    return np.where(found <= math.log(design.shifts[-1]), found, np.nan)
