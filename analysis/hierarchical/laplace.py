"""Laplace's approximation of the likelihood in which the effects of groups are integrated out, and its slope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.hierarchical.block_matrix import BlockMatrix
from analysis.hierarchical.model import ConcaveOutcome, Floats, Model

# Newton's steps to the likeliest effects; most rest after five.
_STEPS = 100
_HALVINGS = 40
# What a step would better in log-likelihood; far below what the slope needs.
_REST = 1e-13


@dataclass(frozen=True)
class Conditional:
    """The effects, given the rest: nearly normal around `effects`, with the inverse of `matrix` as covariance.

    `effects`: of each kind `(groups, T of it)`, in standard deviations. `eta`: the parameters they give each answer.
    `log_likelihood`: Laplace's, the effects integrated out.
    """

    fixed: Floats
    sds: Floats
    effects: list[Floats]
    matrix: BlockMatrix
    eta: Floats
    log_likelihood: float


def conditional(
    model: Model[ConcaveOutcome], fixed: Floats, sds: Floats, start: Sequence[Floats] | None = None
) -> Conditional:
    """The likeliest effects and Laplace's log-likelihood, at fixed effects `(K,)` and standard deviations `(T,)`.

    A standard deviation may be 0, and negative: the effects change sign with it, the likelihood does not.
    `start`: effects near which to begin.

    Source: Tierney & Kadane 1986; of the mixed model as in Bates et al. 2015, "lme4", with the effects in units of
    their standard deviation.
    """
    shapes = [(kind.size, len(kind.parameters)) for kind in model.kinds]
    effects = [np.zeros(shape) for shape in shapes] if start is None else list(start)
    loads = [kind.loads(sd) for kind, sd in zip(model.kinds, model.split(sds), strict=True)]
    level = model.design @ fixed
    eta = _added(level, model, loads, effects)
    joint = _joint(model, eta, effects)
    for _ in range(_STEPS):
        first = model.outcome.slopes(eta)[1]
        score = [
            kind.summed(first[:, kind.parameters] * load) - effect
            for kind, load, effect in zip(model.kinds, loads, effects, strict=True)
        ]
        step = BlockMatrix.of(model.kinds, loads, model.outcome.information(eta)).solve(score)
        gain = sum(float((one * two).sum()) for one, two in zip(score, step, strict=True))
        size = 1.0
        for _ in range(_HALVINGS):
            there = [effect + size * one for effect, one in zip(effects, step, strict=True)]
            eta_there = _added(level, model, loads, there)
            reached = _joint(model, eta_there, there)
            if reached >= joint - 1e-10 * max(1.0, abs(joint)):
                break
            size /= 2
        effects, eta, joint = there, eta_there, reached
        if gain < _REST:
            break
    matrix = BlockMatrix.of(model.kinds, loads, model.outcome.information(eta))
    return Conditional(fixed, sds, effects, matrix, eta, joint - 0.5 * matrix.log_determinant)


def _added(level: Floats, model: Model[ConcaveOutcome], loads: Sequence[Floats], effects: Sequence[Floats]) -> Floats:
    eta = level.copy()
    for kind, load, effect in zip(model.kinds, loads, effects, strict=True):
        eta[:, list(kind.parameters)] += load * effect[kind.codes]
    return eta


def _joint(model: Model[ConcaveOutcome], eta: Floats, effects: Sequence[Floats]) -> float:
    likely = float(model.outcome.log_likelihood(eta).sum())
    return likely - 0.5 * sum(float((one**2).sum()) for one in effects)


def slope(model: Model[ConcaveOutcome], at: Conditional) -> Floats:
    """`(K + T,)`, of Laplace's log-likelihood by fixed effects and standard deviations.

    The likeliest effects move along, and with them the determinant: both are in it.
    """
    codes = [kind.codes for kind in model.kinds]
    parameters = [parameter for kind in model.kinds for parameter in kind.parameters]
    ones = [kind.loads(np.ones(len(kind.parameters))) for kind in model.kinds]
    weights = np.concatenate(ones, axis=1)
    loads = weights * at.sds
    first, information = model.outcome.slopes(at.eta)[1], model.outcome.information(at.eta)
    place = np.eye(at.eta.shape[1])[parameters]  # (T, M)
    shared = at.matrix.covariances(codes) * loads[:, np.newaxis, :] @ place  # (N, T, M)
    spread = np.einsum("tm,ntk->nmk", place, loads[:, :, np.newaxis] * shared)
    bent = model.outcome.information_slope(at.eta, spread)
    # How much the determinant gains where an effect moves, and by how much each effect moves for that.
    sides = [
        kind.summed(bent[:, kind.parameters] * kind.loads(sd))
        for kind, sd in zip(model.kinds, model.split(at.sds), strict=True)
    ]
    moved = np.concatenate([one[code] for one, code in zip(at.matrix.solve(sides), codes, strict=True)], axis=1)
    pull = first - bent + np.einsum("nmk,nk->nm", information, (moved * loads) @ place)
    by_fixed = np.einsum("nmk,nm->k", model.design, pull)
    effect = np.concatenate([one[code] for one, code in zip(at.effects, codes, strict=True)], axis=1)
    straight = np.einsum("nt,nt->t", weights * effect, pull[:, parameters])
    turning = np.einsum("ntm,nmt,nt->t", shared, information[:, :, parameters], weights)
    lagging = np.einsum("nt,nt->t", moved * weights, first[:, parameters])
    return np.concatenate([by_fixed, straight - turning - lagging])
