"""By how much pairs of the same shift differ in how likely they are called different, beyond the scatter of answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.precision_recall import Floats

# Log odds from 0.0003 to 0.9997, and standard deviations of effects; a parabola finds what is between them.
_CENTRES = np.linspace(-8.0, 8.0, 65)
_DEVIATIONS = np.concatenate([np.linspace(0.0, 3.0, 31), np.linspace(3.25, 5.0, 8)])
# Standard normal effects over which is integrated.
_EFFECTS = np.linspace(-5.0, 5.0, 101)
# From the top of a log-likelihood to the ends of a 95% interval: half the quantile of χ² with one degree of freedom.
_DROP = 1.9207
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class PairEffects:
    """Fits of logit P("different") = centre of the shift + normal effect of the pair, in B draws of photographs.

    `centre`: `(B, K)`, of each of the K shifts. `deviation`: `(B,)`, standard deviation of the effects, in log odds,
    where half of the answers are "different"; 0 where pairs of a shift differ by no more than answers scatter.
    `scale`: `(K,)`, in [0, 1], what it is multiplied by at each shift. Lapses and false alarms owe nothing to what an
    image shows, so where nearly all answers are alike effects are smaller: √(4 p (1 − p)) of a share p; and without a
    shift the same image is seen twice, so that pairs cannot differ.
    """

    centre: Floats
    deviation: Floats
    scale: Floats
    centres: Floats
    """`(K, B, D)`: likeliest centres at each of the standard deviations of the table."""
    profile: Floats
    """`(B, D)`: log-likelihood at each of them, of the likeliest centres."""

    @classmethod
    def fit(cls, pairs: JudgedPairs, counts: NDArray[np.float32]) -> PairEffects:
        """The fits of the highest likelihood; `counts`: `(G, B)`, how often each photograph is drawn."""
        stratum = pairs.stratum
        kinds, kind = np.unique(np.stack([pairs.responses, pairs.same]), axis=1, return_inverse=True)
        likelihood = _log_likelihoods(kinds)
        profile = np.zeros((counts.shape[1], len(_DEVIATIONS)))
        best = np.empty((int(stratum.max()) + 1, *profile.shape))
        scale = np.empty(len(best))
        for number in range(len(best)):
            there = np.flatnonzero(stratum == number)
            said_same = float(pairs.same[there].sum() / pairs.responses[there].sum())
            scale[number] = np.sqrt(4 * said_same * (1 - said_same)) if pairs.shift_px[there[0]] > 0 else 0.0
            possible = _at(likelihood, scale[number] * _DEVIATIONS)
            table = np.zeros((pairs.n_photographs, kinds.shape[1]))
            np.add.at(table, (pairs.photograph[there], kind[there]), 1)
            drawn = counts.T.astype(np.float64) @ table
            portion = max(1, _AT_ONCE // (len(_CENTRES) * len(_DEVIATIONS)))
            for start in range(0, len(drawn), portion):
                rows = slice(start, start + portion)
                summed = np.einsum("bk,kcd->cbd", drawn[rows], possible, optimize=True)
                place, height = _peak(summed)
                best[number, rows] = np.interp(place, np.arange(len(_CENTRES)), _CENTRES)
                profile[rows] += height
        place, _ = _peak(profile.T)
        deviation = np.interp(place, np.arange(len(_DEVIATIONS)), _DEVIATIONS)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, len(_DEVIATIONS) - 1)
        draw = np.arange(len(place))
        share = place - below
        centre = (1 - share) * best[:, draw, below] + share * best[:, draw, above]
        return cls(centre.T, deviation, scale, best, profile)

    def deviation_interval(self, draw: int) -> tuple[float, float]:
        """The standard deviations whose profile likelihood is within that of a 95% interval of the highest."""
        fine = np.linspace(_DEVIATIONS[0], _DEVIATIONS[-1], 20 * len(_DEVIATIONS))
        height = np.interp(fine, _DEVIATIONS, self.profile[draw])
        within = fine[height >= self.profile[draw].max() - _DROP]
        return float(within[0]), float(within[-1])

    def at(self, draw: int, deviation: float) -> PairEffects:
        """The fit of one of the draws with this standard deviation in place of its likeliest."""
        centre = np.array([np.interp(deviation, _DEVIATIONS, row) for row in self.centres[:, draw]])
        return replace(self, centre=centre[np.newaxis], deviation=np.array([deviation]))

    def probabilities(self, draw: int, effects: Floats, stratum: Integers) -> Floats:
        """P("different") of pairs with standard normal `effects`, `(..., N)`, as one of the draws was fitted."""
        deviation = self.deviation[draw] * self.scale
        return np.asarray(expit(self.centre[draw][stratum] + deviation[stratum] * effects), dtype=np.float64)


def _log_likelihoods(kinds: Integers) -> Floats:
    """`(kinds, centres, deviations)`, of so many answers of which so many are "same"."""
    weights = -(_EFFECTS**2) / 2
    weights -= logsumexp(weights)
    found = np.empty((kinds.shape[1], len(_CENTRES), len(_DEVIATIONS)))
    for number, deviation in enumerate(_DEVIATIONS):
        odds = _CENTRES[:, np.newaxis] + deviation * _EFFECTS
        different, same = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
        for kind, (responses, said_same) in enumerate(kinds.T):
            found[kind, :, number] = logsumexp((responses - said_same) * different + said_same * same + weights, axis=1)
    return found


def _peak(values: Floats) -> tuple[Floats, Floats]:
    """Place along the first axis of the maximum, as that of a parabola through the three highest, and its height."""
    last = len(values) - 1
    at = np.argmax(values, axis=0)
    middle = np.clip(at, 1, last - 1)
    left, here, right = (np.take_along_axis(values, (middle + step)[np.newaxis], 0)[0] for step in (-1, 0, 1))
    bend = left - 2 * here + right
    move = np.where(bend < 0, (left - right) / np.where(bend < 0, 2 * bend, -1.0), 0.0)
    place = np.where(at == middle, middle + np.clip(move, -1, 1), at)
    height = np.where(at == middle, here - (left - right) * move / 4, np.take_along_axis(values, at[np.newaxis], 0)[0])
    return np.asarray(place, dtype=np.float64), np.asarray(height, dtype=np.float64)


def _at(likelihood: Floats, deviations: Floats) -> Floats:
    """Log-likelihoods at other deviations than those of the table, between which they are straight lines."""
    place = np.interp(deviations, _DEVIATIONS, np.arange(len(_DEVIATIONS)))
    below = np.minimum(place.astype(np.int64), len(_DEVIATIONS) - 2)
    share = place - below
    return np.asarray((1 - share) * likelihood[..., below] + share * likelihood[..., below + 1], dtype=np.float64)
