"""The hierarchical psychometric function: thresholds of single people, and how much people and photographs differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit, ndtri
from tqdm import tqdm

from analysis.errors import AnalysisError
from analysis.hierarchical.answers import StudyAnswers
from analysis.hierarchical.convergence import effective, r_hat
from analysis.hierarchical.density import odds_of_none, shortest
from analysis.hierarchical.posterior import Posterior, Prior
from analysis.hierarchical.sampler import WARM_UP, sample
from analysis.hierarchical.seen_shift import (
    FALSE_ALARM,
    LAPSE,
    LOCATION,
    LOG_SPREAD,
    PARAMETERS,
    SeenShift,
    logits,
    rates,
)
from analysis.psychometric.cores import CORES, Core, CoreName, Floats, core_named
from analysis.results import Estimate, Result

CHAINS = 4
DRAWS = 1000
# Beyond, chains are not taken to have met (Vehtari et al. 2021 ask for 1.01 of published figures).
_HIGHEST_R_HAT = 1.05

_NAMES = {LOCATION: "log_median", LOG_SPREAD: "log_spread", FALSE_ALARM: "false_alarm_logit", LAPSE: "lapse_logit"}
# What is believed before any answer: 95% of medians within a factor of 7 of the middle of the shifts, of spreads of
# the logarithm from 0.2 to 3, of rates from 0.3 to 35%; people may differ as much again.
_LOG_SPREAD, _RATE = -0.3, 0.05
_SPREAD = np.array([1.0, 0.7, 1.5, 1.5])
_SCALE = np.array([0.7, 0.5, 1.0, 1.0])


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


@dataclass(frozen=True)
class Sampled:
    """Draws of all chains. `fixed`: `(D, 4)`; `sds`: `(D, T)`; `people`: `(D, P, 4)`, parameters of each participant.

    `r_hat`, `effective`: see `HierarchicalFunction`.
    """

    fixed: Floats
    sds: Floats
    people: Floats
    r_hat: float
    effective: float


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
    "Easy, bias-free Bayesian hierarchical modeling of the psychometric function"; standard deviations as in Gelman 2006.
    """
    shape = core_named(core)
    if not shape.logarithmic:
        named = ", ".join(name for name, one in CORES.items() if one.logarithmic)
        raise AnalysisError(
            f"The hierarchical function is one of the logarithm of the shift, which {core} is not; choose one of {named}."
        )
    answers = StudyAnswers.of(responses)
    prior = prior_of(answers)
    with tqdm(
        total=sum(WARM_UP) + draws, desc="thresholds of single people", unit="draw", delay=1, leave=False
    ) as bar:
        found = sampled(answers, shape, prior, draws=draws, seed=seed, bar=bar)
    return _described(answers, shape, prior, found, draws)


def prior_of(answers: StudyAnswers) -> Prior:
    """Weak knowledge, which of the answers takes only which shifts were shown."""
    shown = np.unique(answers.shift_px[answers.shift_px > 0])
    rate = float(logits(_RATE))
    scale = np.concatenate([_SCALE[list(kind.parameters)] for kind in answers.kinds])
    return Prior(np.array([float(np.log(shown).mean()), _LOG_SPREAD, rate, rate]), _SPREAD, scale)


def sampled(
    answers: StudyAnswers, core: Core, prior: Prior, *, draws: int, seed: int, bar: tqdm[None] | None = None
) -> Sampled:
    """Draws of the parameters, from chains that begin near what the prior expects."""
    posterior = Posterior(SeenShift(answers.different, core.position(answers.shift_px), core), answers.kinds, prior)
    generator = np.random.default_rng(seed)
    start = 0.3 * generator.standard_normal((CHAINS, posterior.size))
    start[:, :PARAMETERS] = prior.mean + prior.spread * start[:, :PARAMETERS]
    start[:, PARAMETERS : posterior.edge] = prior.scale * generator.uniform(0.2, 0.8, (CHAINS, len(prior.scale)))
    kept = sample(
        posterior, start, draws=draws, generator=generator, step=(lambda: None) if bar is None else lambda: bar.update()
    )
    own = np.zeros((CHAINS, draws, len(answers.participants), PARAMETERS))
    own += kept[:, :, np.newaxis, :PARAMETERS]
    for term in posterior.terms:
        if term.kind is answers.kinds[0]:
            own[..., term.parameter] += kept[..., term.sd, np.newaxis] * kept[..., term.effects]
    shared = kept[..., : posterior.edge]
    shared[..., PARAMETERS:] = np.abs(shared[..., PARAMETERS:])
    return Sampled(
        fixed=shared[..., :PARAMETERS].reshape(-1, PARAMETERS),
        sds=shared[..., PARAMETERS:].reshape(-1, len(prior.scale)),
        people=own.reshape(-1, *own.shape[2:]),
        r_hat=float(r_hat(shared).max()),
        effective=min(effective(shared[..., column]) for column in range(posterior.edge)),
    )


def thresholds_px(parameters: Floats, core: Core) -> Floats:
    """Shifts at which "different" is as likely as "same", of parameters `(…, 4)`."""
    false_alarm, lapse = rates(parameters[..., FALSE_ALARM]), rates(parameters[..., LAPSE])
    share = (0.5 - false_alarm) / (1 - false_alarm - lapse)
    place = parameters[..., LOCATION] + np.exp(parameters[..., LOG_SPREAD]) * _quantiles(core, share)
    # Beyond the largest number nothing can be told apart.
    return np.asarray(np.exp(np.clip(place, -700.0, 700.0)), dtype=np.float64)


def _quantiles(core: Core, share: Floats) -> Floats:
    if core.name == "weibull":
        return np.asarray(np.log(-np.log1p(-share) / math.log(2)), dtype=np.float64)
    return np.asarray(logit(share) if core.name == "log-logistic" else ndtri(share), dtype=np.float64)


def _described(answers: StudyAnswers, core: Core, prior: Prior, found: Sampled, draws: int) -> HierarchicalFunction:
    method = f"median and central 95% interval of {CHAINS} chains of {draws:,} draws"
    numbers = [(f"{of}s", parameter) for of, parameter in _kinds_and_parameters(answers)]
    deviations = [
        _deviation(of, _NAMES[parameter], found.sds[:, index], float(prior.scale[index]), draws)
        for index, (of, parameter) in enumerate(numbers)
    ]
    totals = np.bincount(answers.kinds[0].codes, minlength=len(answers.participants))
    people = [
        Person(name, *_figures(found.people[:, index], core, method), answers=int(totals[index]))
        for index, name in enumerate(answers.participants)
    ]
    largest = float(answers.shift_px.max())
    beyond = [one.participant for one in people if (one.threshold_px.estimate or 0.0) > largest]
    notes = list(answers.notes)
    if beyond:
        notes.append(
            f"The threshold of {', '.join(beyond)} lies beyond the largest shift shown ({largest:g} px): a guess."
        )
    if found.r_hat > _HIGHEST_R_HAT:
        notes.append(
            f"The chains have not met (R̂ {found.r_hat:.2f}): take the figures with care, or draw more (--replicates)."
        )
    return HierarchicalFunction(
        core.name,
        *_figures(found.fixed, core, method),
        deviations=tuple(deviations),
        rows=tuple(sorted(people, key=lambda one: one.threshold_px.estimate or 0.0)),
        answers=len(answers.different),
        participants=len(people),
        photographs=answers.photographs,
        r_hat=found.r_hat,
        effective_draws=found.effective,
        notes=tuple(notes),
    )


def _kinds_and_parameters(answers: StudyAnswers) -> list[tuple[str, int]]:
    named = zip(("participant", "photograph"), answers.kinds, strict=False)
    return [(of, parameter) for of, kind in named for parameter in kind.parameters]


def _deviation(of: str, parameter: str, draws: Floats, scale: float, each: int) -> Deviation:
    odds = odds_of_none(draws, scale)
    low, high = shortest(draws)
    none = odds > 1
    method = f"{'0, which is likelier than another' if none else 'median'}; shortest 95% interval of {CHAINS} chains of "
    estimate = Estimate(
        0.0 if none else float(np.median(draws)), 0.0 if none else low, high, f"{method}{each:,} draws"
    )
    return Deviation(of, parameter, estimate, odds)


def _figures(parameters: Floats, core: Core, method: str) -> tuple[Estimate, ...]:
    """Of `(D, 4)` draws: threshold, median, spread, false-alarm rate, lapse rate."""
    columns = (
        thresholds_px(parameters, core),
        np.exp(parameters[:, LOCATION]),
        np.exp(parameters[:, LOG_SPREAD]),
        rates(parameters[:, FALSE_ALARM]),
        rates(parameters[:, LAPSE]),
    )
    found = [np.quantile(column, (0.5, 0.025, 0.975)) for column in columns]
    return tuple(Estimate(float(middle), float(low), float(high), method) for middle, low, high in found)
