"""Steps that leave all answers as likely as they are: fixed effects and standard deviations, given the groups' own.

Beside steps in which the effects stay, counted in standard deviations, these are what lets well-determined ones move.
"""

from __future__ import annotations

import numpy as np

from analysis.hierarchical.posterior import Posterior
from analysis.psychometric.cores import Floats

_TRIES = 4


def centred_step(posterior: Posterior, state: Floats, generator: np.random.Generator) -> Floats:
    """States `(C, size)` → new ones, of which every group has the parameters it had.

    Source: Yu & Meng 2011, "To center or not to center" (both in turn); Gelfand, Sahu & Carlin 1995.
    """
    moved = state.copy()
    prior = posterior.prior
    for term in posterior.terms:
        group_size = term.groups.size
        fixed, sd = moved[:, term.parameter], moved[:, term.sd]
        own = moved[:, term.effects] * sd[:, np.newaxis]
        # The fixed effect given the groups' parameters is normal.
        others = own + fixed[:, np.newaxis]
        spread = prior.spread[term.parameter]
        precision = group_size / sd**2 + spread**-2.0
        mean = (others.sum(axis=1) / sd**2 + prior.mean[term.parameter] / spread**2) / precision
        drawn = mean + generator.standard_normal(len(state)) / np.sqrt(precision)
        own = others - drawn[:, np.newaxis]
        # The standard deviation given them, by Metropolis steps of its logarithm.
        squares = (own**2).sum(axis=1)
        scale = prior.scale[term.sd - 4]

        def density(log_sd: Floats, squares: Floats = squares, size: int = group_size, scale: float = scale) -> Floats:
            sd2 = np.exp(2 * log_sd)
            return -(size - 1) * log_sd - 0.5 * squares / sd2 - 0.5 * sd2 / scale**2

        log_sd = np.log(np.abs(sd))
        for _ in range(_TRIES):
            tried = log_sd + 2.4 / np.sqrt(2 * group_size) * generator.standard_normal(len(state))
            go = np.log(generator.random(len(state))) < density(tried) - density(log_sd)
            log_sd = np.where(go, tried, log_sd)
        new = np.exp(log_sd) * np.sign(sd)
        moved[:, term.parameter], moved[:, term.sd] = drawn, new
        moved[:, term.effects] = own / new[:, np.newaxis]
    return moved
