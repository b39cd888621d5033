"""Laplace's approximation of the likelihood in which the effects of groups are integrated out, and its slope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.hierarchical.crossed_matrix import CrossedMatrix
from analysis.hierarchical.groups import Floats, Groups

# Newton's steps to the likeliest effects; most rest after five.
_STEPS = 100
_HALVINGS = 40
# What a step would better in log-likelihood; far below what the slope needs.
_REST = 1e-13


@dataclass(frozen=True)
class MixedLogistic:
    """Log odds of each answer: predictors × β + Σ weight × σ b, with standard normal effects b of groups.

    `answers`: `(N,)`. `predictors`: `(N, K)`. `kinds`: one or two kinds of groups, each with its standard deviation σ.
    `weights`: of each kind `(N,)`, by which its effects are multiplied.
    """

    answers: NDArray[np.bool_]
    predictors: Floats
    kinds: Sequence[Groups]
    weights: Sequence[Floats]

    def log_odds(self, level: Floats, loads: Sequence[Floats], effects: Sequence[Floats]) -> Floats:
        """`(N,)`."""
        parts = [load * effect[kind.codes] for kind, load, effect in zip(self.kinds, loads, effects, strict=True)]
        return np.asarray(level + sum(parts), dtype=np.float64)

    def joint(self, log_odds: Floats, effects: Sequence[Floats]) -> float:
        """Log-likelihood of the answers and, up to a constant, of the effects."""
        likely = -float(np.logaddexp(0.0, np.where(self.answers, -log_odds, log_odds)).sum())
        return likely - 0.5 * sum(float((one**2).sum()) for one in effects)


@dataclass(frozen=True)
class Conditional:
    """The effects, given the rest: nearly normal around `effects`, with the inverse of `matrix` as covariance.

    `effects`: of each kind `(groups,)`, in standard deviations. `log_odds`: `(N,)`, those they give.
    `log_likelihood`: Laplace's, the effects integrated out.
    """

    fixed: Floats
    sds: Floats
    effects: list[Floats]
    matrix: CrossedMatrix
    log_odds: Floats
    log_likelihood: float


def conditional(model: MixedLogistic, fixed: Floats, sds: Floats, start: Sequence[Floats] | None = None) -> Conditional:
    """The likeliest effects and Laplace's log-likelihood, at fixed effects `(K,)` and each kind's standard deviation.

    A standard deviation may be 0. `start`: effects near which to begin.

    Source: Tierney & Kadane 1986; of the mixed model as in Bates et al. 2015, "lme4", with the effects in units of
    their standard deviation.
    """
    effects = [np.zeros(kind.size) for kind in model.kinds] if start is None else list(start)
    loads = [weight * sd for weight, sd in zip(model.weights, sds, strict=True)]
    level = model.predictors @ fixed
    log_odds = model.log_odds(level, loads, effects)
    joint = model.joint(log_odds, effects)
    for _ in range(_STEPS):
        share = expit(log_odds)
        left = model.answers - share
        score = [
            kind.summed(left * load) - effect for kind, load, effect in zip(model.kinds, loads, effects, strict=True)
        ]
        step = CrossedMatrix.of(model.kinds, loads, share * expit(-log_odds)).solve(score)
        gain = sum(float(one @ two) for one, two in zip(score, step, strict=True))
        size = 1.0
        for _ in range(_HALVINGS):
            there = [effect + size * one for effect, one in zip(effects, step, strict=True)]
            odds_there = model.log_odds(level, loads, there)
            reached = model.joint(odds_there, there)
            if reached >= joint - 1e-10 * max(1.0, abs(joint)):
                break
            size /= 2
        effects, log_odds, joint = there, odds_there, reached
        if gain < _REST:
            break
    matrix = CrossedMatrix.of(model.kinds, loads, expit(log_odds) * expit(-log_odds))
    return Conditional(fixed, sds, effects, matrix, log_odds, joint - 0.5 * matrix.log_determinant)


def slope(model: MixedLogistic, at: Conditional) -> Floats:
    """`(K + kinds,)`, of Laplace's log-likelihood by fixed effects and standard deviations.

    The likeliest effects move along, and with them the determinant: both are in it.
    """
    share, other = expit(at.log_odds), expit(-at.log_odds)
    information = share * other
    left = model.answers - share
    loads = [weight * sd for weight, sd in zip(model.weights, at.sds, strict=True)]
    variance, covariances = at.matrix.variance(model.kinds, loads)
    bent = 0.5 * variance * information * (other - share)
    # How much the determinant gains where an effect moves, and by how much each effect moves for that.
    sides = [kind.summed(bent * load) for kind, load in zip(model.kinds, loads, strict=True)]
    moved = [one[kind.codes] for one, kind in zip(at.matrix.solve(sides), model.kinds, strict=True)]
    turned = sum(load * one for load, one in zip(loads, moved, strict=True))
    pull = left - bent + information * turned
    by_sds = [
        float((weight * (effect[kind.codes] * pull - covariance * information - one * left)).sum())
        for kind, weight, effect, covariance, one in zip(
            model.kinds, model.weights, at.effects, covariances, moved, strict=True
        )
    ]
    return np.concatenate([model.predictors.T @ pull, by_sds])
