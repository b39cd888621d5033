"""Draws of the parameters of each participant, and the thresholds that they give."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logit, ndtri

from analysis.hierarchical.answers import StudyAnswers
from analysis.hierarchical.convergence import effective, r_hat
from analysis.hierarchical.posterior import Posterior, Prior
from analysis.hierarchical.sampler import sample
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
from analysis.psychometric.cores import Core, Floats

CHAINS = 4

# What is believed before any answer: 95% of medians within a factor of 7 of the middle of the shifts, of spreads of
# the logarithm from 0.2 to 3, of rates from 0.3 to 35%; people may differ as much again.
_LOG_SPREAD, _RATE = -0.3, 0.05
_SPREAD = np.array([1.0, 0.7, 1.5, 1.5])
_SCALE = np.array([0.7, 0.5, 1.0, 1.0])


@dataclass(frozen=True)
class Sampled:
    """Draws of all chains. `fixed`: `(D, 4)`; `sds`: `(D, T)`; `people`: `(D, P, 4)`, parameters of each participant.

    `r_hat`: the highest, `effective`: the fewest, of the fixed effects and standard deviations.
    """

    fixed: Floats
    sds: Floats
    people: Floats
    r_hat: float
    effective: float


def prior_of(answers: StudyAnswers) -> Prior:
    """Weak knowledge, which of the answers takes only which shifts were shown."""
    shown = np.unique(answers.shift_px[answers.shift_px > 0])
    rate = float(logits(_RATE))
    scale = np.concatenate([_SCALE[list(kind.parameters)] for kind in answers.kinds])
    return Prior(np.array([float(np.log(shown).mean()), _LOG_SPREAD, rate, rate]), _SPREAD, scale)


def sampled(
    answers: StudyAnswers, core: Core, prior: Prior, *, draws: int, seed: int, step: Callable[[], object] = lambda: None
) -> Sampled:
    """`draws` of each chain, which begin near what the prior expects. `step` is called after each trajectory."""
    posterior = Posterior(SeenShift(answers.different, core.position(answers.shift_px), core), answers.kinds, prior)
    generator = np.random.default_rng(seed)
    start = 0.3 * generator.standard_normal((CHAINS, posterior.size))
    start[:, :PARAMETERS] = prior.mean + prior.spread * start[:, :PARAMETERS]
    start[:, PARAMETERS : posterior.edge] = prior.scale * generator.uniform(0.2, 0.8, (CHAINS, len(prior.scale)))
    kept = sample(posterior, start, draws=draws, generator=generator, step=step)
    own = np.zeros((CHAINS, draws, len(answers.participants), PARAMETERS))
    own += kept[:, :, np.newaxis, :PARAMETERS]
    for term in posterior.terms:
        if term.groups is answers.kinds[0].groups:
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
