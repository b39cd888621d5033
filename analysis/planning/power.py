"""How precise a study will be, before it is run: many simulated studies of its design."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri
from scipy.stats import chi2

from analysis.agreement.precision_recall import interpolated_area
from analysis.errors import AnalysisError
from analysis.planning.simulated_study import Design, Floats, Population, SimulatedStudy, simulate
from analysis.psychometric.cores import CORES
from analysis.psychometric.many_fits import fit_many
from analysis.psychometric.maximum_likelihood import FEWEST_SHIFTS, crossings
from analysis.results import Estimate, Result

FEWEST_SIMULATIONS = 20
_Z = 1.959963984540054
# Two-sided test at 5%, power of 80%.
_RESOLVED = _Z + float(ndtri(0.8))


@dataclass(frozen=True)
class DesignPower(Result):
    """What a study of one design would say.

    `answers_per_pair`: on average; `pairs`: how many have at least `min_responses` answers, on average.
    `threshold_px`: mean estimate and where 95% of studies find it. `threshold_width_px`: expected width of the 95%
    interval of the threshold. `design_effect`: how many times larger the variance of the threshold's logarithm is than
    with as many participants and images who do not differ. `jnd_map`, `jnd_map_width`: likewise, of a metric whose
    distances are the logarithm of the shift, less what the image does to it, and noise. `smallest_difference`:
    between the JND mAP of two such metrics that a study resolves four times out of five (two-sided, 5%).
    `undetermined`: share of studies without a threshold, in [0, 1].
    """

    participants: int
    images: int
    trials: int
    answers_per_pair: float
    pairs: float
    threshold_px: Estimate
    threshold_width_px: Estimate
    design_effect: float
    jnd_map: Estimate
    jnd_map_width: Estimate
    smallest_difference: Estimate
    undetermined: float


@dataclass(frozen=True)
class Power(Result):
    """One row a design; `true_threshold_px` is that of the population from which observers and images are drawn."""

    rows: tuple[DesignPower, ...]
    true_threshold_px: float
    participant_sd: float
    image_sd: float
    metric_noise_sd: float
    min_responses: int
    simulations: int
    seed: int


def power(
    designs: Iterable[Design],
    population: Population | None = None,
    *,
    metric_noise_sd: float = 0.4,
    min_responses: int = 3,
    simulations: int = 400,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Power:
    """Expected interval widths, and the smallest difference between two metrics that would be told.

    Args:
        designs: of the studies.
        population: of observers and images; that of the paper's Table 1 if left out.
        metric_noise_sd: standard deviation of the noise in distances, in units of the logarithm of a shift.
        min_responses: pairs with fewer answers are left out of JND mAP.
        simulations: how many studies of each design; at least 20.
        seed: of the simulations; each design starts from it.
        progress: called with 1 after each simulated study.

    Raises: `AnalysisError` where a number is out of its range.
    """
    people = population or Population()
    if simulations < FEWEST_SIMULATIONS:
        raise AnalysisError(f"{simulations} simulated studies say too little; give {FEWEST_SIMULATIONS} or more.")
    if not 0 < metric_noise_sd < math.inf:
        raise AnalysisError(f"The metrics' noise is {metric_noise_sd}; give a standard deviation above 0.")
    rows = tuple(_of_design(d, people, metric_noise_sd, min_responses, simulations, seed, progress) for d in designs)
    return Power(
        rows=rows,
        true_threshold_px=people.threshold_px,
        participant_sd=people.participant_sd,
        image_sd=people.image_sd,
        metric_noise_sd=metric_noise_sd,
        min_responses=min_responses,
        simulations=simulations,
        seed=seed,
    )


def _of_design(
    design: Design,
    population: Population,
    noise_sd: float,
    min_responses: int,
    simulations: int,
    seed: int,
    progress: Callable[[int], object] | None,
) -> DesignPower:
    if design.max_shift + 1 < FEWEST_SHIFTS:
        raise AnalysisError(
            f"A psychometric function needs {FEWEST_SHIFTS} shifts or more; make the largest shift "
            f"{FEWEST_SHIFTS - 1} px or more."
        )
    # Each kind of draw has a generator of its own, so that what is asked of one changes nothing about the others.
    people, same_people, metrics = (np.random.default_rng([seed, number]) for number in range(3))
    alike = replace(population, participant_sd=0.0, image_sd=0.0, rate_spread=0.0)
    tables, alike_tables, scores, pairs = [], [], [], []
    for _ in range(simulations):
        study = simulate(design, population, people)
        tables.append(_table(study))
        alike_tables.append(_table(simulate(design, alike, same_people)))
        found, count = _scores(study, min_responses, noise_sd, metrics)
        scores.append(found)
        pairs.append(count)
        if progress is not None:
            progress(1)
    logs = _log_thresholds(np.array(tables), population, design)
    alike_logs = _log_thresholds(np.array(alike_tables), population, design)
    determined = logs[np.isfinite(logs)]
    if len(determined) < 2:
        raise AnalysisError("No simulated study has a threshold; show larger shifts, or more of them.")
    deviation = float(determined.std(ddof=1))
    centre = float(determined.mean())
    method = f"{simulations} simulated studies"
    jnd_map, jnd_map_width, smallest_difference = _of_scores(np.array(scores), method, min_responses)
    return DesignPower(
        participants=design.participants,
        images=design.images,
        trials=design.trials,
        answers_per_pair=design.participants * design.per_shift / design.images,
        pairs=float(np.mean(pairs)),
        threshold_px=Estimate(
            math.exp(centre), math.exp(centre - _Z * deviation), math.exp(centre + _Z * deviation), method
        ),
        threshold_width_px=_of_deviation(
            lambda sd: math.exp(centre) * 2 * math.sinh(_Z * sd), deviation, len(determined), method
        ),
        design_effect=float(determined.var(ddof=1) / np.nanvar(alike_logs, ddof=1)),
        jnd_map=jnd_map,
        jnd_map_width=jnd_map_width,
        smallest_difference=smallest_difference,
        undetermined=float(np.mean(~np.isfinite(logs))),
    )


def _of_scores(scores: Floats, method: str, min_responses: int) -> tuple[Estimate, Estimate, Estimate]:
    """JND mAP, the width of its interval and the smallest difference, from `(S, 2)` scores; NaN where there is none."""
    known = scores[np.isfinite(scores).all(axis=1)]
    if len(known) < FEWEST_SIMULATIONS:
        none = Estimate(None, None, None, f"pairs with {min_responses} answers or more are too few")
        return none, none, none
    mean, spread = float(known[:, 0].mean()), float(known[:, 0].std(ddof=1))
    between = float((known[:, 0] - known[:, 1]).std(ddof=1))
    return (
        Estimate(mean, mean - _Z * spread, mean + _Z * spread, method),
        _of_deviation(lambda sd: 2 * _Z * sd, spread, len(known), method),
        _of_deviation(lambda sd: _RESOLVED * sd, between, len(known), f"80% power, two-sided 5%; {method}"),
    )


def _of_deviation(figure: Callable[[float], float], deviation: float, number: int, method: str) -> Estimate:
    """A figure that grows with a standard deviation, with the interval that so many simulations leave it."""
    low, high = (deviation * math.sqrt((number - 1) / chi2.ppf(tail, number - 1)) for tail in (0.975, 0.025))
    return Estimate(figure(deviation), figure(low), figure(high), method)


def _table(study: SimulatedStudy) -> Floats:
    """`(2, shifts)`: number of answers "different", and of answers."""
    levels = study.max_shift + 1
    counted = (np.bincount(study.shift_px, study.different, levels), np.bincount(study.shift_px, minlength=levels))
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
    shift = np.arange(design.max_shift + 1, dtype=np.float64)
    found = crossings(fit_many(start, shift, tables[:, 0], tables[:, 1], core), core)
    # As in a real study, a threshold beyond the shifts that were shown is none.
    return np.where(found <= math.log(design.max_shift), found, np.nan)


def _scores(
    study: SimulatedStudy, min_responses: int, noise_sd: float, generator: np.random.Generator
) -> tuple[tuple[float, float], int]:
    """JND mAP of two metrics that are equally good, NaN where no pair can be scored; the number of pairs."""
    number = len(study.image_effect) * (study.max_shift + 1)
    answers = np.bincount(study.pair, minlength=number)
    scored = answers >= min_responses
    same = np.bincount(study.pair, ~study.different, number)[scored] / answers[scored]
    if not same.any():
        return (math.nan, math.nan), int(scored.sum())
    areas = []
    for _ in range(2):
        order = np.argsort(study.distances(generator, noise_sd=noise_sd)[scored], kind="stable")
        areas.append(float(interpolated_area(same[order])))
    return (areas[0], areas[1]), int(scored.sum())
