"""From where the likelihood of a psychometric function is climbed: it has several tops, the more the steeper it is.

Given the core the likelihood is concave in the two rates, so tops differ in the core alone. Two kinds of cores are
looked at: those that a table holds, spread over all shapes that the shifts can tell apart; and steps, of which one or
two shifts see the flank and all others only a rate, for whose place and rates the answers themselves are the guide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from analysis.psychometric.cores import CORES, Core, Floats
from analysis.psychometric.fisher_scoring import bounds
from analysis.psychometric.likelihood import LARGEST_RATE, TINY

Places = NDArray[np.int64]

# Of the table: factor from a spread to the next, places around each shift in spreads, and by how much the angle
# arcsin √F of two cores must differ at some shift for both to stay.
_SPREADS = 1.6
_PLACES = np.linspace(-2.4, 2.4, 7)
_ANGLE = 0.2
# Peaks of the table are as far apart as this, in angles over all shifts.
_APART = 0.5
# So often are the rates of the table's cores bettered.
_EM_STEPS = 30
# A shift sees the flank of a step where F is at least so far from 0 and 1; the next one sees nothing of it where F is
# as near as this to them.
_FLANK, _UNSEEN = 0.02, 1e-8


def starts(position: Floats, hits: Floats, answers: Floats, core: Core, *, peaks: int, steps: int) -> Floats:
    """`(S, 4, B)` parameters from which to climb, for each of B sets of answers; S is `peaks` + 2 `steps` at most.

    Args:
        position: `(K,)` positions t of shifts, ascending.
        hits: `(B, K)` number of answers "different".
        answers: `(B, K)` number of answers.
        core: of the function.
        peaks: how many of the table, for each set those that are likeliest and far from each other.
        steps: how many with one shift on their flank, and how many with two; the likeliest of each.
    """
    found = [*_peaks(position, hits, answers, core, peaks)]
    for width in (1, 2):
        found += _steps(position, hits, answers, core, width, steps)
    return np.stack(found)


@dataclass(frozen=True)
class _Table:
    """Cores that the shifts can tell apart: `(G,)` locations and logarithms of spreads; `far[g, h]`: no neighbours."""

    location: Floats
    log_spread: Floats
    far: NDArray[np.bool_]


@lru_cache(maxsize=32)
def _table(name: str, places: tuple[float, ...]) -> _Table:
    position, core = np.array(places), CORES[name]
    shown = position[np.isfinite(position)]
    (first, last), (narrowest, widest), _, _ = bounds(position)
    # For logarithms up to 4, which is level over any shifts; for shifts themselves up to three times their range.
    level = math.log(4 if core.logarithmic else 3 * max(shown[-1] - shown[0], 1.0))
    top = min(max(level, narrowest + 1), widest)
    log_spreads = np.linspace(narrowest + 0.1, top, math.ceil((top - narrowest) / math.log(_SPREADS)) + 1)
    around = shown[:, np.newaxis, np.newaxis] - np.exp(log_spreads)[:, np.newaxis] * _PLACES
    inside = ((around >= first) & (around <= last)).ravel()
    location = around.ravel()[inside]
    log_spread = np.broadcast_to(log_spreads[:, np.newaxis], around.shape).ravel()[inside]
    angle = np.arcsin(np.sqrt(core.below((position - location[:, np.newaxis]) / np.exp(log_spread)[:, np.newaxis])))
    _, kept = np.unique(np.round(angle / _ANGLE).astype(np.int8), axis=0, return_index=True)
    angle = angle[kept]
    square = (angle**2).sum(axis=1)
    far = square[:, np.newaxis] + square - 2 * angle @ angle.T > _APART**2
    return _Table(location[kept], log_spread[kept], far)


def _peaks(position: Floats, hits: Floats, answers: Floats, core: Core, number: int) -> list[Floats]:
    """`number` times `(4, B)`. The rates of a core are those of all sets together: a set's own are near enough."""
    table = _table(core.name, tuple(position.tolist()))
    z = (position - table.location[:, np.newaxis]) / np.exp(table.log_spread)[:, np.newaxis]
    guess, lapse, different, same = _likeliest_rates(
        core.below(z), core.above(z), hits.mean(axis=0), answers.mean(axis=0)
    )
    likely = hits @ np.log(np.maximum(different, TINY)).T + (answers - hits) @ np.log(np.maximum(same, TINY)).T
    found = []
    for _ in range(number):
        best = likely.argmax(axis=1)
        found.append(np.stack([table.location[best], table.log_spread[best], guess[best], lapse[best]]))
        likely = np.where(table.far[best], likely, -np.inf)
    return found


def _likeliest_rates(below: Floats, above: Floats, hits: Floats, answers: Floats) -> tuple[Floats, ...]:
    """Of cores with the values `below` and `above`, `(G, K)`: γ and λ, `(G,)`; "different" and "same", `(G, K)`."""
    total = answers.sum()
    # A rate is not 0 for all sets because it is so for them together.
    least = 0.25 / (total + 1)
    guess = np.full((len(below), 1), 0.1)
    lapse = guess.copy()
    for _ in range(_EM_STEPS):
        # Expectation–maximisation: the share of the answers that each rate accounts for is its next value.
        different, same = guess * above + (1 - lapse) * below, lapse * below + (1 - guess) * above
        guess = guess * (hits / np.maximum(different, TINY)).sum(axis=1, keepdims=True) / total
        lapse = lapse * ((answers - hits) / np.maximum(same, TINY)).sum(axis=1, keepdims=True) / total
        guess, lapse = np.clip(guess, least, LARGEST_RATE), np.clip(lapse, least, LARGEST_RATE)
    return guess[:, 0], lapse[:, 0], guess * above + (1 - lapse) * below, lapse * below + (1 - guess) * above


def _steps(position: Floats, hits: Floats, answers: Floats, core: Core, width: int, number: int) -> list[Floats]:
    """`number` times `(4, B)`: `width` shifts see the flank, and the shares on either side of it are the rates."""
    first = int(np.sum(~np.isfinite(position)))
    places = np.arange(first, len(position) - width + 1)
    below, above = _before(hits, answers, places), _after(answers - hits, answers, places + width)
    guess, lapse = _rate(*below), _rate(*above)
    likely = _binomial(guess, *below) + _binomial(lapse, *above)
    flank = []
    for offset in range(width):
        met, shown = hits[:, places + offset], answers[:, places + offset]
        share = np.clip(met / np.maximum(shown, 1), guess, 1 - lapse)
        likely = likely + _binomial(share, met, shown)
        flank.append(np.clip((share - guess) / np.maximum(1 - guess - lapse, TINY), _FLANK, 1 - _FLANK))
    order = np.argsort(-likely, axis=1, kind="stable")[:, :number]
    gaps = _gaps(position[first:])
    found = []
    for best in order.T:
        row = np.arange(len(hits))
        at = position[places[best]]
        z = [core.quantile(share[row, best]) for share in flank]
        if width == 1:
            # The widest that its neighbours see nothing of: any narrower one is as likely.
            before, after = gaps[0][best], gaps[1][best]
            spread = np.minimum(before / (z[0] - core.quantile(_UNSEEN)), after / (core.quantile(1 - _UNSEEN) - z[0]))
        else:
            # Where the shares do not rise the flank is level.
            spread = (position[places[best] + 1] - at) / np.maximum(z[1] - z[0], _FLANK)
        found.append(np.stack([at - spread * z[0], np.log(spread), guess[row, best], lapse[row, best]]))
    return found


def _before(counts: Floats, answers: Floats, places: Places) -> tuple[Floats, Floats]:
    """Of both, the sums over all shifts before each of the places, `(B, places)`."""
    counted, shown = (np.pad(np.cumsum(what, axis=1), ((0, 0), (1, 0))) for what in (counts, answers))
    return counted[:, places], shown[:, places]


def _after(counts: Floats, answers: Floats, places: Places) -> tuple[Floats, Floats]:
    """Of both, the sums over all shifts from each of the places on, `(B, places)`."""
    counted, shown = (np.pad(np.cumsum(what[:, ::-1], axis=1), ((0, 0), (1, 0)))[:, ::-1] for what in (counts, answers))
    return counted[:, places], shown[:, places]


def _rate(counts: Floats, answers: Floats) -> Floats:
    return np.asarray(np.minimum(counts / np.maximum(answers, 1), LARGEST_RATE), dtype=np.float64)


def _binomial(share: Floats, counts: Floats, answers: Floats) -> Floats:
    return np.asarray(xlogy(counts, share) + xlogy(answers - counts, 1 - share), dtype=np.float64)


def _gaps(shown: Floats) -> tuple[Floats, Floats]:
    """From each position to the one before and the one after; at the ends as far as to the other side."""
    between = np.diff(shown)
    return np.insert(between, 0, between[0]), np.append(between, between[-1])
