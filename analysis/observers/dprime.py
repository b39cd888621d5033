"""Signal detection for same–different judgments: how far apart a shifted pair is from an unshifted one, d′."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from analysis.errors import AnalysisError
from analysis.resampling import REPLICATES, Spread, draw, estimate, spreads
from analysis.results import Estimate, Result
from analysis.trial_counts import TrialCounts

Floats = NDArray[np.float64]
Model = Literal["differencing", "independent-observation"]
Correction = Literal["log-linear", "none"]

MODELS: tuple[Model, ...] = ("differencing", "independent-observation")

_BISECTIONS = 60
_LARGEST = 40.0  # beyond, every share is 0 or 1 in double precision


def d_prime_differencing(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> Floats:
    """d′ of observers who answer "different" where the two images' sensations differ by more than a criterion.

    Right where the images change from trial to trial (a roving design), as in this study.

    Args:
        hit_rate: share of "different" among pairs that are, in [0, 1]; any shape.
        false_alarm_rate: share of "different" among pairs that are not, in [0, 1]; of a shape that broadcasts.

    Returns: d′ ≥ 0; 0 where there are no more hits than false alarms; infinite where one rate is 0 or the other 1;
        NaN where a rate is.

    Raises: `AnalysisError` where a rate is not in [0, 1].

    Source: Macmillan & Creelman 2005, "Detection Theory", Chapter 9, Eqs. 9.6 and 9.7.

    >>> round(float(d_prime_differencing(0.79, 0.73)), 3)
    1.023
    """
    hits, alarms = _rates(hit_rate, false_alarm_rate)
    criterion = criterion_differencing(alarms)
    low, high = np.zeros(hits.shape), np.full(hits.shape, _LARGEST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        enough = _hit_rate(middle, criterion) >= hits
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found = np.where(hits > alarms, (low + high) / 2, 0.0)
    found = np.where((hits > alarms) & ((hits == 1) | (alarms == 0)), np.inf, found)
    return np.where(np.isnan(hits) | np.isnan(alarms), np.nan, found)


def criterion_differencing(false_alarm_rate: ArrayLike) -> Floats:
    """The difference beyond which such an observer says "different", in standard deviations of one sensation."""
    return np.asarray(-math.sqrt(2) * ndtri(np.asarray(false_alarm_rate, dtype=np.float64) / 2), dtype=np.float64)


def _hit_rate(d_prime: Floats, criterion: Floats) -> Floats:
    root = math.sqrt(2)
    return np.asarray(ndtr((d_prime - criterion) / root) + ndtr((-d_prime - criterion) / root), dtype=np.float64)


def d_prime_independent(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> Floats:
    """d′ of observers who classify each of the two images on its own and compare the classes.

    Arguments, values and errors as for `d_prime_differencing`.

    Source: Macmillan & Creelman 2005, "Detection Theory", Chapter 9, Eqs. 9.3 and 9.4.
    """
    hits, alarms = _rates(hit_rate, false_alarm_rate)
    with np.errstate(invalid="ignore"):
        correct = ndtr((ndtri(hits) - ndtri(alarms)) / 2)
    usable = np.where(hits <= alarms, 0.5, correct)
    return np.asarray(2 * ndtri((1 + np.sqrt(np.maximum(2 * usable - 1, 0))) / 2), dtype=np.float64)


def criterion_independent(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> Floats:
    """−(z(H) + z(F)) / 2: above 0 where an observer tends to say "same"."""
    hits, alarms = _rates(hit_rate, false_alarm_rate)
    with np.errstate(invalid="ignore"):
        return np.asarray(-(ndtri(hits) + ndtri(alarms)) / 2, dtype=np.float64)


def _rates(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> tuple[Floats, Floats]:
    hits, alarms = np.broadcast_arrays(*(np.asarray(r, dtype=np.float64) for r in (hit_rate, false_alarm_rate)))
    if np.any((hits < 0) | (hits > 1) | (alarms < 0) | (alarms > 1)):
        raise AnalysisError("A rate of hits or false alarms is not a number from 0 to 1; correct it.")
    return hits, alarms


@dataclass(frozen=True)
class ShiftDPrime(Result):
    """d′ and criterion at one shift under one model.

    `hit_rate`, `false_alarm_rate`: shares of "different" among pairs of this shift and of none, as they were used.
    `criterion`: in standard deviations of one sensation; of the difference of two under the differencing model.
    """

    shift_px: float
    model: Model
    d_prime: Estimate
    criterion: Estimate
    hit_rate: float
    false_alarm_rate: float


@dataclass(frozen=True)
class DPrime(Result):
    """d′ at every shift above 0; one row a shift and model."""

    rows: tuple[ShiftDPrime, ...]
    correction: Correction
    answers: int
    participants: int | None
    photographs: int | None
    notes: tuple[str, ...]


def d_prime(
    counts: TrialCounts,
    *,
    models: tuple[Model, ...] = MODELS,
    correction: Correction = "log-linear",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> DPrime:
    """d′ and criterion by shift, with bootstrap intervals over participants and photographs.

    Args:
        counts: of a study, `TrialCounts.of(responses)`, or bare numbers; with answers at a shift of 0.
        models: which of `MODELS`, in the order of the rows.
        correction: `log-linear` adds half an answer to each count and one to each total (Hautus 1995), so that no
            rate is 0 or 1; `none` takes the rates as they are.
        replicates: how often participants, photographs and answers are each drawn anew.
        seed: of the draws.

    Raises: `AnalysisError` where no pair without a shift, or none with one, has answers.
    """
    zero = np.flatnonzero(counts.shift_px == 0)
    if not len(zero):
        raise AnalysisError("d′ needs answers to pairs without a shift, and there are none; show such pairs.")
    shifted = np.flatnonzero(counts.shift_px > 0)
    if not len(shifted):
        raise AnalysisError("d′ needs answers to pairs with a shift, and there are none; show such pairs.")
    half = 0.5 if correction == "log-linear" else 0.0

    def rates(different: Floats, total: Floats) -> tuple[Floats, Floats]:
        # A draw that holds no answer at a shift says nothing of it.
        answered = np.where(total > 0, total, np.nan)
        share = (different + half) / (answered + 2 * half)
        return share[:, shifted].T, share[:, zero[0]]

    def statistics(different: Floats, total: Floats) -> Floats:
        hits, alarms = rates(different, total)
        return np.vstack([part for model in models for part in _figures(model, hits, alarms)])

    drawn = draw(counts, replicates, np.random.default_rng(seed))
    spread = list(spreads(drawn, statistics))
    hits, alarms = rates(counts.different[np.newaxis], counts.total[np.newaxis])
    values = statistics(counts.different[np.newaxis], counts.total[np.newaxis])[:, 0]
    rows = []
    for number, model in enumerate(models):
        for index, level in enumerate(shifted):
            at = 2 * number * len(shifted) + index
            to = at + len(shifted)
            rows.append(
                ShiftDPrime(
                    shift_px=float(counts.shift_px[level]),
                    model=model,
                    d_prime=_estimate(values[at], spread[at], drawn.method, lowest=0.0),
                    criterion=_estimate(values[to], spread[to], drawn.method),
                    hit_rate=float(hits[index, 0]),
                    false_alarm_rate=float(alarms[0]),
                )
            )
    return DPrime(
        rows=tuple(rows),
        correction=correction,
        answers=int(counts.total.sum()),
        participants=None if counts.by_participant is None else len(counts.by_participant),
        photographs=None if counts.by_photograph is None else len(counts.by_photograph),
        notes=(*counts.notes, *_notes(counts.shift_px[shifted], hits[:, 0], alarms[0])),
    )


def _notes(shift: Floats, hits: Floats, alarms: float) -> list[str]:
    fewer = ", ".join(f"{px:g}" for px in shift[hits < alarms])
    if not fewer:
        return []
    return [f"At a shift of {fewer} px fewer pairs were called different than without a shift: d′ is 0 there."]


def _figures(model: Model, hits: Floats, alarms: Floats) -> tuple[Floats, Floats]:
    """`(S, B)` d′ and `(S, B)` criterion from `(S, B)` rates of hits and `(B,)` of false alarms."""
    if model == "differencing":
        criterion = np.broadcast_to(criterion_differencing(alarms), hits.shape)
        return d_prime_differencing(hits, alarms), criterion
    return d_prime_independent(hits, alarms), criterion_independent(hits, alarms)


def _estimate(value: float, spread: Spread, method: str, *, lowest: float = -math.inf) -> Estimate:
    if not math.isfinite(value):
        return Estimate(None, None, None, "infinite: a rate is 0 or 1; correct the counts log-linearly")
    return estimate(float(value), spread, method, limits=(lowest, math.inf))
