"""How much participants and images differ: a logistic model with an effect of each, by variational Bayes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.results import Estimate, Result

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

METHOD = "variational Bayes, whose intervals are too narrow"
# It goes over the answers some hundred times.
MOST_ANSWERS = 100_000
_SEARCH = {"maxiter": 5000, "maxfun": 20_000, "ftol": 1e-11, "gtol": 1e-4}
_Z = 1.959963984540054


@dataclass(frozen=True)
class RandomEffect(Result):
    """By how much the log odds of "different" are higher with this participant or image than with the average one.

    `effect` is shrunken: the fewer answers there are, the nearer to 0.
    """

    name: str
    effect: Estimate
    answers: int


@dataclass(frozen=True)
class RandomEffects:
    """Of one kind: standard deviation of the effects (log odds), and each of them, lowest first."""

    sd: Estimate
    rows: tuple[RandomEffect, ...]


def random_effects(
    predictors: Floats,
    outcome: NDArray[np.bool_],
    groups: Sequence[tuple[Integers, tuple[str, ...]]],
    start: Floats,
) -> list[RandomEffects]:
    """Effects of each kind of group, all in one model with the predictors.

    Args:
        predictors: `(N, K)`, with a column of ones.
        outcome: `(N,)`.
        groups: of each kind the number of the group, `(N,)`, and the names of the groups.
        start: `(K,)` log odds to begin with.

    Source: statsmodels' `BinomialBayesMixedGLM`; priors are normal (0, 2) for log odds and log-normal (0, 1) for
    standard deviations. A mean-field approximation: its intervals leave out that estimates hang together.
    """
    from scipy.sparse import csr_matrix
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    sizes = [len(names) for _, names in groups]
    offsets = np.cumsum([0, *sizes])
    rows = np.tile(np.arange(len(outcome)), len(groups))
    columns = np.concatenate([codes + offset for (codes, _), offset in zip(groups, offsets, strict=False)])
    design = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(outcome), int(offsets[-1])))
    kinds = np.repeat(np.arange(len(groups)), sizes)
    model = BinomialBayesMixedGLM(outcome.astype(np.float64), predictors, design, kinds, vcp_p=1, fe_p=2)
    bound = model.vb_elbo

    def told(*parameters: Floats) -> float:
        bar.update()
        return float(bound(*parameters))

    model.vb_elbo = told
    parameters = len(start) + len(groups) + design.shape[1]
    mean = np.zeros(parameters)
    mean[: len(start)] = start
    with (
        warnings.catch_warnings(record=True) as caught,
        tqdm(desc="effects of people and images", unit="step", delay=1, leave=False) as bar,
    ):
        warnings.simplefilter("always")
        # Its own start is random, and its own search keeps a matrix as wide as there are people and images.
        found = model.fit_vb(mean=mean, sd=np.full(parameters, 0.6), fit_method="L-BFGS-B", minim_opts=_SEARCH)
    unsure = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    method = f"{METHOD}; the search did not end, take it with care" if unsure else METHOD
    effects, errors = np.asarray(found.vc_mean), np.asarray(found.vc_sd)
    given = []
    for kind, (codes, names) in enumerate(groups):
        log_sd, error = float(found.vcp_mean[kind]), float(found.vcp_sd[kind])
        sd = Estimate(math.exp(log_sd), math.exp(log_sd - _Z * error), math.exp(log_sd + _Z * error), method)
        answers = np.bincount(codes, minlength=len(names))
        each = [
            RandomEffect(
                name,
                Estimate(value, value - _Z * error, value + _Z * error, method),
                int(answers[index]),
            )
            for index, name in enumerate(names)
            for value, error in [(float(effects[offsets[kind] + index]), float(errors[offsets[kind] + index]))]
        ]
        given.append(RandomEffects(sd, tuple(sorted(each, key=lambda one: one.effect.estimate or 0.0))))
    return given
