"""Laplace's approximation of the likelihood in which the effects of groups are integrated out, and its slope."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.hierarchical.block_matrix import BlockMatrix
from analysis.hierarchical.model import Floats, Model, Slopes

# Newton's steps to the likeliest effects; most rest after five.
_STEPS = 100
_MOST_HALVINGS = 40
# What a step would better in log-likelihood; far below what the slope needs.
_REST = 1e-13


@dataclass(frozen=True)
class Conditional:
    """The effects, given the rest: nearly normal around `effects`, with the inverse of `matrix` as covariance.

    `effects`: of each kind `(groups, terms)`, in standard deviations. `log_likelihood`: Laplace's, the effects
    integrated out; minus infinity where the matrix is not positive definite at the top.
    """

    fixed: Floats
    sds: Floats
    effects: list[Floats]
    matrix: BlockMatrix
    eta: Floats
    slopes: Slopes
    log_likelihood: float


def conditional(model: Model, fixed: Floats, sds: Floats, start: Sequence[Floats] | None = None) -> Conditional:
    """The likeliest effects and Laplace's log-likelihood, at fixed effects `(K,)` and standard deviations `(T,)`.

    A standard deviation may be 0, and negative: the effects change sign with it, the likelihood does not.
    `start`: effects near which to begin.

    Source: Tierney & Kadane 1986; of the mixed model as in Bates et al. 2015, "lme4", with the effects in units of
    their standard deviation.
    """
    effects = [np.zeros((kind.size, len(kind.parameters))) for kind in model.kinds]
    if start is not None:
        effects = [np.array(one) for one in start]
    scaled = [kind.loads * sd for kind, sd in zip(model.kinds, model.split(sds), strict=True)]
    eta = model.eta(fixed, sds, effects)
    slopes = model.outcome.slopes(eta)
    joint = _joint(slopes.log_likelihood, effects)
    for _ in range(_STEPS):
        score = [
            kind.summed(slopes.first[:, kind.parameters] * load) - effect
            for kind, load, effect in zip(model.kinds, scaled, effects, strict=True)
        ]
        matrix = BlockMatrix.of(model.kinds, scaled, slopes.curvature)
        if not matrix.definite:
            matrix = BlockMatrix.of(model.kinds, scaled, slopes.expected)
        step = matrix.solve(score)
        gain = sum(float((one * two).sum()) for one, two in zip(score, step, strict=True))
        size = 1.0
        for _ in range(_MOST_HALVINGS):
            there = [effect + size * one for effect, one in zip(effects, step, strict=True)]
            eta_there = model.eta(fixed, sds, there)
            joint_there = _joint(model.outcome.log_likelihood(eta_there), there)
            if joint_there >= joint - 1e-10 * max(1.0, abs(joint)):
                break
            size /= 2
        effects, eta, joint = there, eta_there, joint_there
        slopes = model.outcome.slopes(eta)
        if gain < _REST:
            break
    matrix = BlockMatrix.of(model.kinds, scaled, slopes.curvature)
    likely = joint - 0.5 * matrix.log_determinant if matrix.definite else -math.inf
    return Conditional(fixed, sds, effects, matrix, eta, slopes, likely)


def _joint(log_likelihood: float, effects: Sequence[Floats]) -> float:
    return log_likelihood - 0.5 * sum(float((one**2).sum()) for one in effects)


def slope(model: Model, at: Conditional) -> Floats:
    """`(K + T,)`, of Laplace's log-likelihood by fixed effects and standard deviations.

    The likeliest effects move along, and with them the determinant: both are in it.
    """
    codes = [kind.codes for kind in model.kinds]
    parameters = [parameter for kind in model.kinds for parameter in kind.parameters]
    loads = np.concatenate([kind.loads for kind in model.kinds], axis=1)
    scaled = loads * at.sds
    place = np.eye(at.eta.shape[1])[parameters]  # (T, M)
    shared = at.matrix.covariances(codes) * scaled[:, np.newaxis, :] @ place  # (N, T, M)
    spread = np.einsum("tm,ntk->nmk", place, scaled[:, :, np.newaxis] * shared)
    bent = model.outcome.curvature_slope(at.eta, spread)
    # How much the determinant gains where an effect moves, and by how much each effect moves for that.
    sides = [
        kind.summed(bent[:, kind.parameters] * kind.loads * sd)
        for kind, sd in zip(model.kinds, model.split(at.sds), strict=True)
    ]
    moved = np.concatenate([one[code] for one, code in zip(at.matrix.solve(sides), codes, strict=True)], axis=1)
    turned = np.einsum("nmk,nk->nm", at.slopes.curvature, (moved * scaled) @ place)
    pull = at.slopes.first - bent + turned
    by_fixed = np.einsum("nmk,nm->k", model.design, pull)
    effect = np.concatenate([one[code] for one, code in zip(at.effects, codes, strict=True)], axis=1)
    straight = np.einsum("nt,nt->t", loads * effect, pull[:, parameters])
    turning = np.einsum("ntm,nmt,nt->t", shared, at.slopes.curvature[:, :, parameters], loads)
    lagging = np.einsum("nt,nt->t", moved * loads, at.slopes.first[:, parameters])
    return np.concatenate([by_fixed, straight - turning - lagging])
