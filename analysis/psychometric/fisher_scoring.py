"""Many fits at once: what a bootstrap needs, some hundred times as fast as fit after fit."""

from __future__ import annotations

import math

import numpy as np

from analysis.psychometric.cores import Core, Floats
from analysis.psychometric.likelihood import LARGEST_RATE, TINY, log_likelihood, probabilities, slopes

# Steps of Fisher scoring; most fits rest after ten.
_STEPS = 100
# A fit rests once a step betters its log-likelihood by less than this, far below what an interval shows.
_GAIN = 1e-7
_FIRST_DAMPING, _MOST_DAMPING = 1e-3, 1e10


def bounds(position: Floats) -> list[tuple[float, float]]:
    """Bounds of location, logarithm of the spread, false-alarm rate and lapse rate, for positions t of shifts.

    They let the core be a step between two neighbouring shifts, lie beyond all of them, or be nearly level.
    """
    places = position[np.isfinite(position)]
    span, step = max(places[-1] - places[0], 1.0), max(np.diff(places).min(), 0.001)
    rate = (0.0, LARGEST_RATE)
    return [(places[0] - span, places[-1] + span), (math.log(step / 20), math.log(10 * span)), rate, rate]


def fit_many(start: Floats, shift: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    """The `(4, B)` likeliest parameters of B sets of answers, each at the top of the peak on which it starts.

    Args:
        start: `(4,)` parameters near which all of them lie, such as those of the answers that were resampled; or
            `(4, B)` of each.
        shift: `(K,)` shifts in pixels, ascending, each once.
        hits: `(B, K)` number of answers "different"; need not be whole.
        answers: `(B, K)` number of answers; where it is 0 the shift says nothing.
        core: of the function.

    Levenberg's and Marquardt's damped Fisher scoring, with the rates and the core held inside `bounds`.
    """
    position = core.position(shift)
    lowest, highest = (np.array(side)[:, np.newaxis] for side in zip(*bounds(position), strict=True))
    starts = np.broadcast_to(start[:, np.newaxis] if start.ndim == 1 else start, (4, len(hits)))
    parameters = np.clip(starts, lowest, highest)
    likely = _log_likelihood(parameters, position, hits, answers, core)
    damping = np.full(len(hits), _FIRST_DAMPING)
    active = np.arange(len(hits))
    for _ in range(_STEPS):
        if not len(active):
            break
        here = parameters[:, active]
        step = _step(here, position, hits[active], answers[active], damping[active], lowest, highest, core)
        there = np.clip(here + step, lowest, highest)
        reached = _log_likelihood(there, position, hits[active], answers[active], core)
        gain = reached - likely[active]
        better = gain >= 0
        parameters[:, active[better]] = there[:, better]
        likely[active[better]] = reached[better]
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10)
        resting = (better & (gain < _GAIN)) | (damping[active] > _MOST_DAMPING)
        active = active[~resting]
    return parameters


def _log_likelihood(parameters: Floats, position: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    different, same = probabilities(parameters[..., np.newaxis], position, core)
    return log_likelihood(different, same, hits, answers)


def _step(
    parameters: Floats,
    position: Floats,
    hits: Floats,
    answers: Floats,
    damping: Floats,
    lowest: Floats,
    highest: Floats,
    core: Core,
) -> Floats:
    """`(4, B)`, towards a higher likelihood."""
    different, same = probabilities(parameters[..., np.newaxis], position, core)
    weight = 1 / np.maximum(different * same, TINY)
    slope = slopes(parameters[..., np.newaxis], position, core)
    gradient = np.einsum("pbk,bk->bp", slope, (hits - answers * different) * weight)
    information = np.einsum("pbk,qbk,bk->bpq", slope, slope, answers * weight)
    # What rests on a bound and is pressed against it stays out of the step.
    held = ((parameters <= lowest) & (gradient.T < 0)) | ((parameters >= highest) & (gradient.T > 0))
    gradient[held.T] = 0.0
    information[held.T[:, :, np.newaxis] | held.T[:, np.newaxis, :]] = 0.0
    diagonal = np.arange(4)
    scale = information[:, diagonal, diagonal]
    # Also where nothing is known of a parameter the matrix can be inverted.
    information[:, diagonal, diagonal] = scale * (1 + damping[:, np.newaxis]) + np.where(held.T, 1.0, 1e-9)
    found: Floats = np.linalg.solve(information, gradient[..., np.newaxis])[..., 0].T
    return found
