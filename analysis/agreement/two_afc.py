"""Two-alternative forced choice: how often a metric prefers what people prefer, and whether a shift changes that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.agreement.precision_recall import Floats
from analysis.errors import AnalysisError
from analysis.results import Estimate, Result

Choice = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True)
class CategoryMean(Result):
    """Mean over the `samples` of one category, in [0, 1]; of a difference, in [−1, 1]."""

    category: str
    samples: int
    mean: Estimate


@dataclass(frozen=True)
class MacroAverage(Result):
    """Mean over categories of the means over their samples, all categories alike; one row a category.

    `statistic`: `two_afc_score` or `rank_flip_rate`.
    """

    statistic: str
    macro: Estimate
    samples: int
    rows: tuple[CategoryMean, ...]


@dataclass(frozen=True)
class PairedAverage(Result):
    """A macro average of one metric less that of another on the same samples; one row a category.

    `p_value`: two-sided, from the paired bootstrap; None where it cannot be told.
    """

    statistic: str
    difference: Estimate
    p_value: float | None
    samples: int
    rows: tuple[CategoryMean, ...]


def two_afc_score(
    category: Sequence[str], judge: ArrayLike, d0: ArrayLike, d1: ArrayLike, *, replicates: int = 2_000, seed: int = 0
) -> MacroAverage:
    """2AFC score: share of people who prefer the image that the metric finds nearer to the reference; half for a tie.

    Args:
        category: `(N,)`, of each sample.
        judge: `(N,)`, share of people who preferred the second image, in [0, 1].
        d0, d1: `(N,)`, finite distances of the first and the second image from the reference.
        replicates: bootstrap draws of the samples within their categories; at least 100.
        seed: of the draws.

    Raises: `AnalysisError` where there is no sample, lengths differ, or a value is out of range.

    Source: Zhang et al. 2018, Section 3; averaged as in Ghildyal & Liu 2022, Section 4.
    """
    values = _choices(judge, d0, d1)
    return _average("two_afc_score", category, values, replicates, seed)


def rank_flip_rate(
    category: Sequence[str], before: Choice, after: Choice, *, replicates: int = 2_000, seed: int = 0
) -> MacroAverage:
    """Share of samples in which a shift changes which of two images the metric finds nearer to the reference.

    Args:
        category: `(N,)`, of each sample.
        before: the distances of the two images, `(N,)` each, finite.
        after: the same where both are shifted.
        replicates: bootstrap draws of the samples within their categories; at least 100.
        seed: of the draws.

    Raises: `AnalysisError` where there is no sample, lengths differ, or a distance is not finite.

    Source: Ghildyal & Liu 2022, Eq. 2.
    """
    return _average("rank_flip_rate", category, _flips(before, after), replicates, seed)


def compare_two_afc(
    category: Sequence[str], judge: ArrayLike, first: Choice, second: Choice, *, replicates: int = 2_000, seed: int = 0
) -> PairedAverage:
    """2AFC score of a metric less that of another; `first` and `second` are their distances (d0, d1).

    Args and raises: otherwise as of `two_afc_score`.
    """
    values = _choices(judge, *first), _choices(judge, *second)
    return _difference("two_afc_score", category, *values, replicates, seed)


def compare_rank_flip(
    category: Sequence[str],
    first: tuple[Choice, Choice],
    second: tuple[Choice, Choice],
    *,
    replicates: int = 2_000,
    seed: int = 0,
) -> PairedAverage:
    """Rank-flip rate of a metric less that of another; `first` and `second` are their distances (before, after).

    Args and raises: otherwise as of `rank_flip_rate`.
    """
    return _difference("rank_flip_rate", category, _flips(*first), _flips(*second), replicates, seed)


def _choices(judge: ArrayLike, d0: ArrayLike, d1: ArrayLike) -> Floats:
    preferred, left, right = _arrays(judge=judge, d0=d0, d1=d1)
    if np.any((preferred < 0) | (preferred > 1)):
        raise AnalysisError("A judge is a share of people, but one is not between 0 and 1; correct it.")
    return np.where(left < right, 1 - preferred, np.where(right < left, preferred, 0.5))


def _flips(before: Choice, after: Choice) -> Floats:
    d0, d1, shifted_d0, shifted_d1 = _arrays(d0=before[0], d1=before[1], shifted_d0=after[0], shifted_d1=after[1])
    return np.asarray((d0 < d1) != (shifted_d0 < shifted_d1), dtype=np.float64)


def _arrays(**named: ArrayLike) -> list[Floats]:
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in named.items()}
    lengths = {name: values.shape for name, values in arrays.items()}
    first, *others = lengths.items()
    for name, shape in others:
        if shape != first[1]:
            raise AnalysisError(f"{name} has the shape {shape}, but {first[0]} {first[1]}; give one value a sample.")
    for name, values in arrays.items():
        if values.ndim != 1 or not len(values):
            raise AnalysisError(f"{name} has the shape {values.shape}; give one value a sample, at least one.")
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            raise AnalysisError(f"{name} of sample {place} is {values[place]}, not a finite number; correct it.")
    return list(arrays.values())


def _average(statistic: str, category: Sequence[str], values: Floats, replicates: int, seed: int) -> MacroAverage:
    rows, drawn, macro = _by_category(category, values, replicates, seed)
    return MacroAverage(statistic, _estimate(macro, drawn, len(values), (0.0, 1.0)), len(values), rows)


def _difference(
    statistic: str, category: Sequence[str], first: Floats, second: Floats, replicates: int, seed: int
) -> PairedAverage:
    if len(first) != len(second):
        raise AnalysisError(f"One metric has {len(first)} samples, the other {len(second)}; score the same ones.")
    rows, drawn, macro = _by_category(category, first - second, replicates, seed, (-1.0, 1.0))
    estimate = _estimate(macro, drawn, len(first), (-1.0, 1.0))
    p_value = None
    if estimate.low is not None:
        beyond = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
        p_value = min(1.0, 2 * (float(beyond) + 1) / (replicates + 1))
    return PairedAverage(statistic, estimate, p_value, len(first), rows)


def _by_category(
    category: Sequence[str], values: Floats, replicates: int, seed: int, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[tuple[CategoryMean, ...], Floats, float]:
    """Mean of each category, and the macro average: in draws, `(replicates,)`, and as it is."""
    if len(category) != len(values):
        raise AnalysisError(f"There are {len(category)} categories for {len(values)} samples; give one a sample.")
    if replicates < 100:
        raise AnalysisError(f"replicates is {replicates}; give 100 or more.")
    generator = np.random.default_rng(seed)
    labels, of_category = np.unique(np.asarray(category, dtype=str), return_inverse=True)
    rows, drawn, means = [], np.zeros(replicates), []
    for number, label in enumerate(labels.tolist()):
        # To draw samples with replacement is to draw how often each value comes up.
        distinct, times = np.unique(values[of_category == number], return_counts=True)
        total = int(times.sum())
        means.append(float(distinct @ times) / total)
        here = generator.multinomial(total, times / total, size=replicates) @ distinct / total
        drawn += here / len(labels)
        rows.append(CategoryMean(label, total, _estimate(means[-1], here, total, limits)))
    return tuple(rows), drawn, float(np.mean(means))


def _estimate(value: float, drawn: Floats, samples: int, limits: tuple[float, float]) -> Estimate:
    if np.ptp(drawn) < 1e-12:
        return Estimate(value, None, None, "no interval: the samples are all alike, or there is one only")
    low, high = np.quantile(drawn, (0.025, 0.975))
    method = f"95% bootstrap interval over {samples:,} samples within their categories, {len(drawn):,} draws"
    return Estimate(value, max(float(low), limits[0]), min(float(high), limits[1]), method)
