"""How far people agree: with each other on a pair, in halves, and each participant with the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.observers.split_halves import halves
from analysis.results import Estimate, Result

Floats = NDArray[np.float64]

# What gives a value for each draw.
_Statistic = Callable[[Floats], Floats]

REPLICATES = 2000
SPLITS = 500
# An interval of fewer photographs says more about them than about photographs.
FEWEST_PHOTOGRAPHS = 5
# A correlation of fewer pairs is nearly ±1 whatever they are.
FEWEST_PAIRS = 5
_MOST_UNDEFINED = 0.01


@dataclass(frozen=True)
class ShiftAgreement(Result):
    """Agreement on the pairs of one shift. `answers`, `pairs`: of pairs with two answers or more."""

    shift_px: int
    alpha: Estimate
    answers: int
    pairs: int


@dataclass(frozen=True)
class ParticipantAgreement(Result):
    """`agreement`: share of other people's answers to the same pair that equal the participant's, mean over answers.

    In [0, 1]. `answers`: those to pairs that somebody else judged too.
    """

    participant: str
    agreement: Estimate
    answers: int


@dataclass(frozen=True)
class Reliability(Result):
    """How far people agree.

    `alpha`: Krippendorff's for nominal data: 1 − observed / expected disagreement, 1 where all answers to a pair are
    alike, 0 where they are as by chance from all answers. `alpha_within_shift`: with the disagreement that is expected
    of the answers to pairs of the same shift: what people agree on beyond the shift. `shifts`: it, shift by shift.

    `split_half`: correlation of the pairs' shares of "same" between random halves of the participants, or of each
    pair's answers where the participants are not known; mean over `splits`. `reliability`: what it says of all
    answers together (Spearman–Brown). `split_half_within_shift`, `reliability_within_shift`: of the shares less the
    mean of their shift. `rows`: one a participant; none where they are not known.
    `answers`, `pairs`, `photographs`: those that alpha rests on, of pairs with two answers or more.
    """

    alpha: Estimate
    alpha_within_shift: Estimate
    shifts: tuple[ShiftAgreement, ...]
    split_half: Estimate
    reliability: Estimate
    split_half_within_shift: Estimate
    reliability_within_shift: Estimate
    splits: int
    rows: tuple[ParticipantAgreement, ...]
    answers: int
    pairs: int
    photographs: int
    participants: int | None
    notes: tuple[str, ...] = ()


def reliability(
    responses: pd.DataFrame, *, replicates: int = REPLICATES, splits: int = SPLITS, seed: int = 0
) -> Reliability:
    """Reliability of the accepted answers of a tidy response table; intervals by drawing photographs with replacement.

    Args:
        responses: a tidy response table.
        replicates: number of draws.
        splits: number of random halves.
        seed: of both.

    Raises: `AnalysisError` where no response is left, where they are of several studies, and where no pair has two
        answers.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"; Spearman 1910; Brown 1910.
    """
    answers = AcceptedAnswers.of(responses)
    generator = np.random.default_rng(seed)
    total = np.bincount(answers.pair, minlength=len(answers.pairs)).astype(np.float64)
    different = np.bincount(answers.pair, answers.different, len(answers.pairs)).astype(np.float64)
    judged = total >= 2
    if not judged.any():
        raise AnalysisError("No pair has two answers, so that nobody can agree; wait for more participants.")
    photograph, shift = answers.of_pair(answers.photograph), answers.of_pair(answers.shift_px)
    photographs = np.unique(photograph[judged])
    weights = _drawn(len(photographs), replicates, generator) if len(photographs) >= FEWEST_PHOTOGRAPHS else None
    method = (
        f"95% bootstrap interval over {len(photographs)} photographs, {replicates:,} draws"
        if weights is not None
        else f"no interval: too few photographs to draw from ({len(photographs)})"
    )
    place = np.searchsorted(photographs, photograph[judged])
    shifts, level = np.unique(shift[judged], return_inverse=True)
    parts = _disagreement(place, level, different[judged], total[judged], len(photographs), len(shifts))
    found = halves(answers, splits, generator)
    correlations = [
        _split_half(found.sums(photographs, within_shift=within), weights, method) for within in (False, True)
    ]
    return Reliability(
        alpha=_interval(*_values(parts, weights, _alpha), method),
        alpha_within_shift=_interval(*_values(parts, weights, _alpha_within), method),
        shifts=tuple(
            ShiftAgreement(
                shift_px=int(shift_px),
                alpha=_interval(*_values(parts[:, [index]], weights, _alpha), method),
                answers=int(total[judged][level == index].sum()),
                pairs=int((level == index).sum()),
            )
            for index, shift_px in enumerate(shifts)
        ),
        split_half=correlations[0][0],
        reliability=correlations[0][1],
        split_half_within_shift=correlations[1][0],
        reliability_within_shift=correlations[1][1],
        splits=len(found.first),
        rows=_participants(answers, different, total),
        answers=int(total[judged].sum()),
        pairs=int(judged.sum()),
        photographs=len(photographs),
        participants=None if answers.participant is None else len(answers.participants),
        notes=_notes(answers, int((~judged).sum())),
    )


def _notes(answers: AcceptedAnswers, alone: int) -> tuple[str, ...]:
    notes = []
    if answers.participant is None:
        notes.append(
            "It is not known who gave the answers: halves are of each pair's answers, and there is no agreement of "
            "single participants with the rest."
        )
    elif len(answers.participants) < 2:
        notes.append("There is one participant, so that there are no halves and no rest to agree with.")
    else:
        notes.append(
            "The intervals are about other photographs; with other participants the figures would vary as well."
        )
    if alone:
        notes.append(f"{alone:,} pairs with a single answer are left out.")
    return tuple(notes)


def _drawn(number: int, replicates: int, generator: np.random.Generator) -> Floats:
    """How often each of `number` is in each of the draws with replacement; `(replicates, number)`."""
    drawn = generator.integers(0, number, (replicates, number)) + number * np.arange(replicates)[:, np.newaxis]
    times = np.bincount(drawn.ravel(), minlength=replicates * number)
    return np.asarray(times.reshape(replicates, number), dtype=np.float64)


def _disagreement(
    photograph: NDArray[np.int64],
    level: NDArray[np.int64],
    different: Floats,
    total: Floats,
    n_photographs: int,
    n_levels: int,
) -> Floats:
    """`(F, K, 3)` by photograph and shift, of which alpha is made: observed disagreement, "different", answers."""
    cell = photograph * n_levels + level
    observed = 2 * different * (total - different) / (total - 1)
    sums = [np.bincount(cell, part, n_photographs * n_levels) for part in (observed, different, total)]
    return np.stack(sums, axis=-1).reshape(n_photographs, n_levels, 3).astype(np.float64)


def _values(parts: Floats, weights: Floats | None, statistic: _Statistic) -> tuple[float | None, Floats | None]:
    value = float(statistic(parts.sum(axis=0)[np.newaxis])[0])
    drawn = None
    if weights is not None:
        drawn = statistic((weights @ parts.reshape(len(parts), -1)).reshape(len(weights), *parts.shape[1:]))
    return (value if np.isfinite(value) else None), drawn


def _alpha(sums: Floats) -> Floats:
    """Alpha of each draw, `(B, K, 3)` → `(B,)`; NaN where all answers are alike."""
    observed, different, total = np.moveaxis(sums.sum(axis=1), -1, 0)
    return _ratio(observed, 2 * different * (total - different), total - 1)


def _alpha_within(sums: Floats) -> Floats:
    observed, different, total = np.moveaxis(sums, -1, 0)
    expected = 2 * different * (total - different) / np.maximum(total - 1, 1)
    return _ratio(observed.sum(axis=1), expected.sum(axis=1), np.ones(len(sums)))


def _ratio(observed: Floats, pairs: Floats, per: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, 1 - observed * per / pairs, np.nan)


def _interval(value: float | None, drawn: Floats | None, method: str) -> Estimate:
    if value is None:
        return Estimate(None, None, None, "not determined: all answers are alike")
    if drawn is None:
        return Estimate(value, None, None, method)
    finite = drawn[np.isfinite(drawn)]
    if len(finite) < (1 - _MOST_UNDEFINED) * len(drawn):
        return Estimate(value, None, None, f"no interval: too many draws leave it undetermined ({method})")
    # A photograph that is drawn twice agrees with itself no more than its pairs did, but what is expected of all
    # answers comes of fewer photographs: the draws lie lower or higher as a whole, by what their median tells.
    low, high = np.quantile(finite, (0.025, 0.975)) - (np.median(finite) - value)
    return Estimate(value, min(float(low), value), min(max(float(high), value), 1.0), method)


def _split_half(sums: Floats | None, weights: Floats | None, method: str) -> tuple[Estimate, Estimate]:
    """The mean correlation of halves, and its Spearman–Brown; `sums` is `(S, I, 6)`."""
    if sums is None or sums[..., 0].sum(axis=1).min() < FEWEST_PAIRS:
        nothing = Estimate(
            None, None, None, f"not determined: fewer than {FEWEST_PAIRS} pairs have answers in both halves"
        )
        return nothing, nothing
    value = _mean_correlation(sums.sum(axis=1)[:, np.newaxis])[0]
    drawn = None
    if weights is not None:
        drawn = np.empty(len(weights))
        # In portions: draws times splits times six would be a large array.
        for begin in range(0, len(weights), 200):
            part = weights[begin : begin + 200]
            drawn[begin : begin + 200] = _mean_correlation(np.einsum("bi,sif->sbf", part, sums, optimize=True))
    known = float(value) if np.isfinite(value) else None
    if known is None:
        return _interval(None, None, method), _interval(None, None, method)
    both = None if drawn is None else _spearman_brown(drawn)
    together = float(_spearman_brown(value))
    reliable = _interval(together if np.isfinite(together) else None, both, method)
    return _interval(known, drawn, method), reliable


def _mean_correlation(sums: Floats) -> Floats:
    """`(S, B, 6)` sums of 1, x, y, x², y², xy → `(B,)`, mean over the splits."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (n * xx - x * x) * (n * yy - y * y)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.where(spread > 1e-12, (n * xy - x * y) / np.sqrt(np.maximum(spread, 1e-12)), np.nan)
    # A split in which all shares of a half are alike has none, and is passed over.
    defined = np.isfinite(correlations)
    number = defined.sum(axis=0)
    total = np.where(defined, correlations, 0.0).sum(axis=0)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), np.nan))


def _spearman_brown(correlation: Floats) -> Floats:
    """Reliability of both halves together; NaN where they say the opposite of each other throughout."""
    known = np.where(correlation > -1, correlation, 0.0)
    return np.where(correlation > -1, 2 * known / (1 + known), np.nan)


def _participants(answers: AcceptedAnswers, different: Floats, total: Floats) -> tuple[ParticipantAgreement, ...]:
    from scipy.special import stdtrit

    if answers.participant is None:
        return ()
    others = total[answers.pair] - 1
    alike = np.where(answers.different, different[answers.pair], (total - different)[answers.pair]) - 1
    judged = others > 0
    share = alike[judged] / others[judged]
    codes, count = answers.participant[judged], len(answers.participants)
    number = np.bincount(codes, minlength=count)
    mean = np.bincount(codes, share, count) / np.maximum(number, 1)
    squares = np.bincount(codes, (share - mean[codes]) ** 2, count)
    rows = []
    for index, name in enumerate(answers.participants):
        n, value = int(number[index]), float(mean[index])
        if n == 0:
            agreement = Estimate(None, None, None, "nobody else judged these pairs")
        elif n == 1:
            agreement = Estimate(value, None, None, "no interval: a single answer")
        else:
            half = float(stdtrit(n - 1, 0.975) * np.sqrt(squares[index] / (n - 1) / n))
            method = "95% t interval of the mean over the participant's answers"
            agreement = Estimate(value, max(0.0, value - half), min(1.0, value + half), method)
        rows.append(ParticipantAgreement(name, agreement, n))
    return tuple(rows)
