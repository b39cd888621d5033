"""To the top of the likelihood of a psychometric function, for many sets of answers at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analysis.psychometric.cores import Core, Floats
from analysis.psychometric.likelihood import LARGEST_RATE, TINY, Evaluated, log_likelihood, probabilities

# Once a step betters the log-likelihood by no more than this, the next ones are Newton's: Fisher's information is less
# than the likelihood's curvature along a ridge, where its steps would all be too short.
_NEAR = 0.1
# A fit rests once a step betters its log-likelihood by less than this, far below what an interval shows, unless the
# step was short because it had to be; or once so many steps did not better it.
_GAIN = 1e-7
_SHORT, _VAIN = 0.1, 8
_FIRST_DAMPING = 1e-2
# What a core's location, in spreads, and the logarithm of its spread are known by at least, where they are damped: that
# of a single answer. Without it, a step along what hardly matters would be so long that none is taken at all.
_LEAST_KNOWN = 1.0


def bounds(position: Floats) -> list[tuple[float, float]]:
    """Bounds of location, logarithm of the spread, false-alarm rate and lapse rate, for positions t of shifts.

    They let the core be a step between two neighbouring shifts, lie beyond all of them, or be nearly level.
    """
    places = position[np.isfinite(position)]
    span, step = max(places[-1] - places[0], 1.0), max(np.diff(places).min(), 0.001)
    rate = (0.0, LARGEST_RATE)
    return [(places[0] - span, places[-1] + span), (math.log(step / 20), math.log(10 * span)), rate, rate]


def climb(
    start: Floats, position: Floats, hits: Floats, answers: Floats, core: Core, *, steps: int = 200
) -> tuple[Floats, Floats]:
    """The `(4, B)` likeliest parameters of B sets of answers near where each starts, and their `(B,)` log-likelihoods.

    Args:
        start: `(4, B)` parameters.
        position: `(K,)` positions t of shifts, ascending.
        hits: `(B, K)` number of answers "different"; need not be whole.
        answers: `(B, K)` number of answers; where it is 0 the shift says nothing.
        core: of the function.
        steps: after which a fit rests at the latest; most do so after ten.

    Levenberg's and Marquardt's damped Fisher scoring, near the top Newton's steps, with the rates and the core held
    inside `bounds`.
    """
    lowest, highest = (np.array(side)[:, np.newaxis] for side in zip(*bounds(position), strict=True))
    parameters = np.clip(start, lowest, highest)
    likely = _log_likelihood(parameters, position, hits, answers, core)
    damping = np.full(len(hits), _FIRST_DAMPING)
    vain = np.zeros(len(hits), dtype=np.int64)
    near = np.zeros(len(hits), dtype=np.bool_)
    active = np.arange(len(hits))
    for _ in range(steps):
        if not len(active):
            break
        here = parameters[:, active]
        step = _step(
            here, position, hits[active], answers[active], damping[active], near[active], lowest, highest, core
        )
        there = np.clip(here + step, lowest, highest)
        reached = _log_likelihood(there, position, hits[active], answers[active], core)
        gain = reached - likely[active]
        better = gain >= 0
        parameters[:, active[better]] = there[:, better]
        likely[active[better]] = reached[better]
        near[active] |= better & (gain < _NEAR)
        vain[active] = np.where(gain < _GAIN, vain[active] + 1, 0)
        resting = (better & (gain < _GAIN) & (damping[active] <= _SHORT)) | (vain[active] >= _VAIN)
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10)
        active = active[~resting]
    return parameters, likely


def _log_likelihood(parameters: Floats, position: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    different, same = probabilities(parameters[..., np.newaxis], position, core)
    return log_likelihood(different, same, hits, answers)


def _step(
    parameters: Floats,
    position: Floats,
    hits: Floats,
    answers: Floats,
    damping: Floats,
    near: NDArray[np.bool_],
    lowest: Floats,
    highest: Floats,
    core: Core,
) -> Floats:
    """`(4, B)`, towards a higher likelihood."""
    here = Evaluated.at(parameters[..., np.newaxis], position, core)
    different, same = here.probabilities()
    weight = 1 / np.maximum(different * same, TINY)
    slope = here.slopes()
    # The location in spreads, so that a step is as long whatever the unit.
    spread = np.exp(parameters[1])
    slope[0] *= spread[:, np.newaxis]
    gradient = (slope * ((hits - answers * different) * weight)).sum(axis=-1)
    information = np.einsum("pbk,qbk->bpq", slope * (answers * weight), slope)
    diagonal = np.arange(4)
    known = information[:, diagonal, diagonal]
    if near.any():
        information[near] = _observed(here.of(near), hits[near], answers[near])
    # What rests on a bound and is pressed against it stays out of the step.
    held = ((parameters <= lowest) & (gradient < 0)) | ((parameters >= highest) & (gradient > 0))
    gradient[held] = 0.0
    information[held.T[:, :, np.newaxis] | held.T[:, np.newaxis, :]] = 0.0
    least = np.array([_LEAST_KNOWN, _LEAST_KNOWN, 0.0, 0.0])
    # Also where nothing is known of a rate the matrix can be inverted.
    information[:, diagonal, diagonal] += damping[:, np.newaxis] * np.maximum(known, least) + np.where(
        held.T, 1.0, 1e-9
    )
    found: Floats = np.linalg.solve(information, gradient.T[..., np.newaxis])[..., 0].T
    found[0] *= spread
    return found


def _observed(there: Evaluated, hits: Floats, answers: Floats) -> Floats:
    """`(B, 4, 4)`: minus the second derivatives of the log-likelihood, with the location in spreads."""
    different, same = (np.maximum(p, TINY) for p in there.probabilities())
    slope = there.slopes()
    weight = hits / different**2 + (answers - hits) / same**2
    bent = there.curvature(hits / different - (answers - hits) / same)
    found: Floats = np.einsum("pbk,qbk->bpq", slope * weight, slope) - bent
    spread = np.exp(there.parameters[1])
    found[:, 0] *= spread
    found[:, :, 0] *= spread
    return found
