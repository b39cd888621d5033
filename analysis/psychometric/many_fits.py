"""Many fits at once: what a bootstrap needs, some hundred times as fast as fit after fit."""

from __future__ import annotations

import numpy as np

from analysis.psychometric.cores import Core, Floats
from analysis.psychometric.fisher_scoring import climb
from analysis.psychometric.starting_points import starts

# From so many starts of each kind is a likelihood climbed, besides the one that is given.
_PEAKS, _STEPS = 3, 2
# So many at once, that their arrays stay small.
_BATCH = 1024


def fit_many(near: Floats, shift: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    """The `(4, B)` likeliest parameters of B sets of answers.

    Args:
        near: `(4,)` parameters near which most of them lie, such as those of the answers that were resampled.
        shift: `(K,)` shifts in pixels, ascending, each once.
        hits: `(B, K)` number of answers "different"; need not be whole.
        answers: `(B, K)` number of answers; where it is 0 the shift says nothing.
        core: of the function.

    The likelihood of few answers, or steep ones, has several tops; each set has the highest that is found from `near`
    and from what the answers themselves suggest. `benchmarks.refits` measures how often there is a higher one.
    """
    batches = [slice(first, first + _BATCH) for first in range(0, len(hits), _BATCH)]
    return np.concatenate([_batch(near, shift, hits[part], answers[part], core) for part in batches], axis=1)


def _batch(near: Floats, shift: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    position = core.position(shift)
    suggested = starts(position, hits, answers, core, peaks=_PEAKS, steps=_STEPS)
    here = np.broadcast_to(near[:, np.newaxis], (1, 4, len(hits)))
    return highest(np.concatenate([here, suggested]), position, hits, answers, core)


def highest(start: Floats, position: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    """`(4, B)`: the highest top of each set of answers from its S starts, `(S, 4, B)`."""
    many, _, sets = start.shape
    rows = np.tile(np.arange(sets), many)
    parameters, likely = climb(np.concatenate(list(start), axis=1), position, hits[rows], answers[rows], core)
    best = likely.reshape(many, sets).argmax(axis=0)
    return parameters.reshape(4, many, sets)[:, best, np.arange(sets)]
