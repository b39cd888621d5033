"""The hierarchical psychometric function: thresholds of single people, and how much people and photographs differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.columns.participants import named
from analysis.errors import AnalysisError
from analysis.hierarchical.answers import StudyAnswers
from analysis.hierarchical.density import odds_of_none, shortest
from analysis.hierarchical.participant_draws import CHAINS, Sampled, prior_of, sampled, thresholds_px
from analysis.hierarchical.posterior import Prior
from analysis.hierarchical.sampler import WARM_UP
from analysis.hierarchical.seen_shift import FALSE_ALARM, LAPSE, LOCATION, LOG_SPREAD, rates
from analysis.psychometric.cores import CORES, Core, CoreName, Floats, core_named
from analysis.results import Estimate, Result

DRAWS = 1000
# Beyond, chains are not taken to have met.
_HIGHEST_R_HAT = 1.05

_NAMES = {LOCATION: "log_median", LOG_SPREAD: "log_spread", FALSE_ALARM: "false_alarm_logit", LAPSE: "lapse_logit"}


@dataclass(frozen=True)
class Deviation(Result):
    """How much participants or photographs differ in a parameter: the standard deviation of their effects.

    `sd`: 0 where `odds_of_none`, how many times likelier the answers are with 0 than with what was believed before, is
    above 1; else the median of the draws.
    """

    of: str
    parameter: str
    sd: Estimate
    odds_of_none: float


@dataclass(frozen=True)
class Person(Result):
    """A participant's own function, before a typical photograph: shrunken, the more the fewer answers there are."""

    participant: str
    threshold_px: Estimate
    median_px: Estimate
    spread: Estimate
    false_alarm_rate: Estimate
    lapse_rate: Estimate
    answers: int


@dataclass(frozen=True)
class HierarchicalFunction(Result):
    """P = γ + (1 − γ − λ) F, whose parameters differ between participants and, but for γ and λ, between photographs.

    `threshold_px` (where "different" is as likely as "same"), `median_px`, `spread`, `false_alarm_rate`, `lapse_rate`:
    of a typical participant before a typical photograph. `deviations`: how much these differ. `rows`: one for each
    participant, lowest threshold first. `r_hat`: the highest, about 1 where the chains agree; `effective_draws`: the
    fewest, of the fixed effects and standard deviations.
    """

    core: CoreName
    threshold_px: Estimate
    median_px: Estimate
    spread: Estimate
    false_alarm_rate: Estimate
    lapse_rate: Estimate
    deviations: tuple[Deviation, ...]
    rows: tuple[Person, ...]
    answers: int
    participants: int
    photographs: int
    r_hat: float
    effective_draws: float
    notes: tuple[str, ...]


def hierarchical_function(
    responses: pd.DataFrame, *, core: CoreName | str = "log-normal", draws: int = DRAWS, seed: int = 0
) -> HierarchicalFunction:
    """The hierarchical psychometric function of the accepted answers of a tidy response table.

    Args:
        responses: a tidy response table.
        core: `log-normal`, `log-logistic` or `weibull`, those of logarithms of the shift.
        draws: of each of four chains, after a warm-up.
        seed: of the draws.

    Raises: `AnalysisError` where the core is of another kind, and where `StudyAnswers.of` does.

    Source: Kuss, Jäkel & Wichmann 2005 (priors of psychometric functions, sampled); Schütt et al. 2016; Prins 2023,
    "Easy, bias-free Bayesian hierarchical modeling of the psychometric function"; priors of standard deviations as in
    Gelman 2006.
    """
    shape = core_named(core)
    if not shape.logarithmic:
        others = ", ".join(name for name, one in CORES.items() if one.logarithmic)
        raise AnalysisError(
            f"The hierarchical function is one of the logarithm of the shift, and {core} is not; choose {others}."
        )
    answers = StudyAnswers.of(responses)
    prior = prior_of(answers)
    with tqdm(total=sum(WARM_UP) + draws, desc="thresholds of single people", unit="draw", delay=1, leave=False) as bar:
        found = sampled(answers, shape, prior, draws=draws, seed=seed, step=bar.update)
    return _described(answers, shape, prior, found, draws)


_Figures = tuple[Estimate, Estimate, Estimate, Estimate, Estimate]


def _described(answers: StudyAnswers, core: Core, prior: Prior, found: Sampled, draws: int) -> HierarchicalFunction:
    method = f"median and central 95% interval of {CHAINS} chains of {draws:,} draws"
    numbers = [(f"{of}s", parameter) for of, parameter in _kinds_and_parameters(answers)]
    deviations = [
        _deviation(of, _NAMES[parameter], found.sds[:, index], float(prior.scale[index]), draws)
        for index, (of, parameter) in enumerate(numbers)
    ]
    totals = np.bincount(answers.kinds[0].groups.codes, minlength=len(answers.participants))
    people = [
        Person(name, *_figures(found.people[:, index], core, method), int(totals[index]))
        for index, name in enumerate(answers.participants)
    ]
    largest = float(answers.shift_px.max())
    beyond = [one.participant for one in people if (one.threshold_px.estimate or 0.0) > largest]
    notes = list(answers.notes)
    if beyond:
        notes.append(f"The threshold of {named(beyond)} lies beyond the largest shift shown ({largest:g} px): a guess.")
    if found.r_hat > _HIGHEST_R_HAT:
        notes.append(
            f"The chains have not met (R̂ {found.r_hat:.2f}): take the figures with care, or draw more (--replicates)."
        )
    return HierarchicalFunction(
        core.name,
        *_figures(found.fixed, core, method),
        tuple(deviations),
        tuple(sorted(people, key=lambda one: one.threshold_px.estimate or 0.0)),
        len(answers.different),
        len(people),
        answers.photographs,
        found.r_hat,
        found.effective,
        tuple(notes),
    )


def _kinds_and_parameters(answers: StudyAnswers) -> list[tuple[str, int]]:
    named = zip(("participant", "photograph"), answers.kinds, strict=False)
    return [(of, parameter) for of, kind in named for parameter in kind.parameters]


def _deviation(of: str, parameter: str, draws: Floats, scale: float, each: int) -> Deviation:
    odds = odds_of_none(draws, scale)
    low, high = shortest(draws)
    none = odds > 1
    method = (
        f"{'0, which is likelier than another' if none else 'median'}; shortest 95% interval of {CHAINS} chains of "
    )
    estimate = Estimate(0.0 if none else float(np.median(draws)), 0.0 if none else low, high, f"{method}{each:,} draws")
    return Deviation(of, parameter, estimate, odds)


def _figures(parameters: Floats, core: Core, method: str) -> _Figures:
    """Of `(D, 4)` draws: threshold, median, spread, false-alarm rate, lapse rate."""
    columns = (
        thresholds_px(parameters, core),
        np.exp(parameters[:, LOCATION]),
        np.exp(parameters[:, LOG_SPREAD]),
        rates(parameters[:, FALSE_ALARM]),
        rates(parameters[:, LAPSE]),
    )
    found = [np.quantile(column, (0.5, 0.025, 0.975)).tolist() for column in columns]
    first, second, third, fourth, fifth = (Estimate(middle, low, high, method) for middle, low, high in found)
    return first, second, third, fourth, fifth
