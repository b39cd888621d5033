"""Many fits at once: what a bootstrap needs, some hundred times as fast as fit after fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.psychometric.cores import Core, Floats
from analysis.psychometric.fisher_scoring import climb
from analysis.psychometric.starting_points import starts

# From so many starts of each kind is a likelihood climbed, besides the one that is given.
_PEAKS, _STEPS = 4, 3
# So many at once, that their arrays stay small.
_BATCH = 1024
# After so many steps, those go on that lie by no more below the highest, with a core unlike its own: in spreads.
_FIRST_STEPS, _HOPELESS, _SAME_CORE = 4, 3.0, 0.2
# Tops are alike, and their spreads are, where log-likelihoods and logarithms of spreads differ by no more.
_ALIKE, _AS_WIDE = 1e-5, 0.1


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
    begun, reached = climb(
        np.concatenate(list(start), axis=1), position, hits[rows], answers[rows], core, steps=_FIRST_STEPS
    )
    tops, likely = begun.reshape(4, many, sets), reached.reshape(many, sets)
    hopeful = _hopeful(tops, likely)
    rows = np.nonzero(hopeful)[1]
    tops[:, hopeful], likely[hopeful] = climb(tops[:, hopeful], position, hits[rows], answers[rows], core)
    best = preferred(tops, np.where(hopeful, likely, -np.inf))
    return tops[:, best, np.arange(sets)]


def _hopeful(tops: Floats, likely: Floats) -> NDArray[np.bool_]:
    """`(S, B)`: who may still become the highest: not far below it by now, nor on the way to where it is itself."""
    best = likely.argmax(axis=0)
    sets = np.arange(likely.shape[1])
    leader, height = tops[:, best, sets], likely[best, sets]
    apart = (tops - leader[:, np.newaxis]) / np.stack([np.exp(leader[1]), *[np.ones(len(sets))] * 3])[:, np.newaxis]
    alike = (np.abs(apart[0]) < _SAME_CORE) & (np.abs(apart[1]) < _SAME_CORE)
    found = (likely > height - _HOPELESS) & ~alike
    found[best, sets] = True
    return np.asarray(found, dtype=np.bool_)


def preferred(tops: Floats, likely: Floats) -> NDArray[np.int64]:
    """`(B,)`: which of the S tops, `(4, S, B)`, of log-likelihoods `(S, B)`, is that of each set.

    The highest. Where one shift alone sees the flank of a step, steps of many spreads are alike; of these the widest,
    which says no more than the answers do.
    """
    alike = likely >= likely.max(axis=0) - _ALIKE
    log_spread = tops[1]
    widest = np.where(alike, log_spread, -np.inf).max(axis=0)
    best = np.where(alike & (log_spread >= widest - _AS_WIDE), likely, -np.inf)
    return np.asarray(best.argmax(axis=0), dtype=np.int64)
