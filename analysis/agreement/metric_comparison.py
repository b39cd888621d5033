"""Whether one metric agrees better with people than another, on the same pairs and answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from analysis.agreement.image_draws import Spread
from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.precision_recall import Floats, interpolated_area
from analysis.results import Estimate, Result

# A true difference of so many standard errors is found in 80% of studies with a two-sided test at 5%.
_RESOLVED = float(ndtri(0.975) + ndtri(0.8))
# Random orders of ties over which a permutation test takes its mean, each followed by its reverse, which cancels most
# of what an order happens to do: of the variance between exchanges of the published pairs, a thousandth is left.
_TIE_ORDERS = 2
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 1_000_000
# Beyond this, how many pairs it would take is no longer worth a number.
_MOST_TIMES = 10_000


@dataclass(frozen=True)
class Difference(Result):
    """JND mAP of `first` less that of `second`, on the same pairs.

    `p_value`: two-sided, from the paired bootstrap; `permutation_p`: from exchanging the two metrics' ranks image by
    image. `p_holm`, `permutation_p_holm`: corrected for all comparisons of the same `family`, which is `metrics`
    (each with each) or `baseline` (each with the pixel shift). None where they cannot be told.
    `verdict`: of `first`, by `p_holm` below 0.05. `pairs_needed`: how many pairs, with as many answers each, would
    resolve a difference of this size (80% power, two-sided 5%), `times_needed` times as many as there are.
    """

    family: str
    first: str
    second: str
    difference: Estimate
    standard_error: float | None
    p_value: float | None
    p_holm: float | None
    permutation_p: float
    permutation_p_holm: float
    verdict: str
    pairs_needed: int | None
    times_needed: float | None
    sentence: str


def holm(p_values: list[float]) -> list[float]:
    """p-values corrected for there being several, in the same order (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def permutation_p_value(
    first: Floats, second: Floats, pairs: JudgedPairs, permutations: int, generator: np.random.Generator
) -> float:
    """Two-sided p-value for two metrics being interchangeable, image by image.

    Under the null hypothesis it makes no difference which of the two metrics gave the ranks of an image's pairs. Half
    of the images, at random, get the other metric's ranks. A metric with ties would not be interchangeable with one
    without, for positives that are spread over a tie score less: ties are put in a random order, the same for both
    metrics where both have them, and the differences are means over some such orders, with the same exchanges in each.

    Args:
        first, second: `(N,)`, distances; only their order counts.

    Source: Deutsch, Dror & Roth 2021 (permutation tests for metrics, scores standardised before they are exchanged).
    """
    number = len(first)
    share = pairs.same_share
    taken = generator.integers(0, 2, (permutations, pairs.n_images), dtype=np.int8).astype(bool)
    taken[0] = True
    tied = any(len(np.unique(distances)) < number for distances in (first, second))
    summed = np.zeros(permutations)
    lots = generator.random((_TIE_ORDERS if tied else 1, number))
    for lot in np.concatenate([lots, -lots]) if tied else lots:
        ranks = np.empty((2, number))
        for rank, distances in zip(ranks, (first, second), strict=True):
            rank[np.lexsort((lot, distances))] = np.arange(number)
        # Two pairs to which the metrics give the same rank: a lot says which comes first.
        pooled = np.argsort((ranks + generator.random(number)).ravel(), kind="stable")
        pair = pooled % number
        ours = pooled < number
        summed += _exchanged(share[pair], pairs.image[pair], ours, taken)
    differences = np.abs(summed)
    # Rounding must not make an exchange that changes nothing differ from what was observed.
    return float(np.count_nonzero(differences >= differences[0] - 1e-9)) / permutations


def _exchanged(positive: Floats, image: Integers, ours: NDArray[np.bool_], taken: NDArray[np.bool_]) -> Floats:
    """Difference of the areas of two rankings that have exchanged images, `(P,)`.

    Args:
        positive, image, ours: `(2 N,)` by rank of both metrics' pairs together; `ours`: of the first metric.
        taken: `(P, images)`, whether the first ranking has the first metric's ranks of an image, or the second's.
    """
    portion = max(1, _AT_ONCE // len(positive))
    parts = []
    for start in range(0, len(taken), portion):
        own = taken[start : start + portion, image] == ours
        rows = np.broadcast_to(positive, own.shape)
        parts.append(interpolated_area(rows[own].reshape(len(own), -1)))
        parts[-1] -= interpolated_area(rows[~own].reshape(len(own), -1))
    return np.concatenate(parts)


def differences(
    family: str,
    compared: list[tuple[str, str]],
    estimates: list[Estimate],
    spreads: list[Spread | None],
    permutation_p: list[float],
    pairs: JudgedPairs,
) -> tuple[Difference, ...]:
    """The comparisons of one family, with p-values corrected for their number and a sentence for each."""
    p_values = [
        None if spread is None or estimate.estimate is None else spread.p_value(estimate.estimate)
        for estimate, spread in zip(estimates, spreads, strict=True)
    ]
    known = [index for index, p in enumerate(p_values) if p is not None]
    corrected: list[float | None] = [None] * len(p_values)
    for index, p in zip(known, holm([p for p in p_values if p is not None]), strict=True):
        corrected[index] = p
    exchanged = holm(permutation_p)
    fewest = fewest_draws(len(known))
    found = []
    for index, (first, second) in enumerate(compared):
        spread, value = spreads[index], estimates[index].estimate or 0.0
        error = None if spread is None else spread.standard_error
        times = None if error is None or value == 0 else (_RESOLVED * error / abs(value)) ** 2
        needed = None if times is None or times > _MOST_TIMES else math.ceil(times * len(pairs.names))
        verdict = _verdict(value, corrected[index])
        sentence = _sentence(first, second, verdict, value, estimates[index], needed, times)
        if spread is not None and value != 0 and len(spread.deviations) < fewest:
            sentence = (
                f"{first} and {second} could not be told apart with any data: for {len(known):,} comparisons, "
                f"{len(spread.deviations):,} draws are too few; take {fewest:,} or more."
            )
        found.append(
            Difference(
                family=family,
                first=first,
                second=second,
                difference=estimates[index],
                standard_error=error,
                p_value=p_values[index],
                p_holm=corrected[index],
                permutation_p=permutation_p[index],
                permutation_p_holm=exchanged[index],
                verdict=verdict,
                pairs_needed=needed,
                times_needed=times,
                sentence=sentence,
            )
        )
    return tuple(found)


def fewest_draws(comparisons: int) -> int:
    """Draws without which no p-value of so many comparisons can be below 0.05 after Holm's correction.

    >>> fewest_draws(45)
    1800
    """
    # The smallest p-value is 2 / (draws + 1), and the smallest of a family is multiplied by their number.
    return 40 * comparisons


def fewest_permutations(comparisons: int) -> int:
    """Exchanges without which the same holds of their p-values, of which 1 / exchanges is the smallest."""
    return 20 * comparisons + 1


def _verdict(difference: float, p: float | None) -> str:
    if p is None or p >= 0.05:
        return "undecided"
    return "better" if difference > 0 else "worse"


def _sentence(
    first: str, second: str, verdict: str, value: float, difference: Estimate, needed: int | None, times: float | None
) -> str:
    if verdict != "undecided":
        low, high = difference.low or 0.0, difference.high or 0.0
        return f"{first} is {verdict} than {second} ({_signed(value)}, 95% interval {_signed(low)} to {_signed(high)})."
    start = f"{first} and {second} cannot be told apart with these data"
    if value == 0:
        return f"{start}; there is no difference to resolve."
    if difference.low is None:
        return f"{start}; there is {difference.method.rpartition('; ')[2]}."
    if needed is None or times is None:
        size = np.format_float_positional(abs(value), precision=1, fractional=False, trim="-")
        return (
            f"{start}; to resolve a difference as small as {size} would take more than {_MOST_TIMES:,} times as many "
            "pairs."
        )
    if times <= 1:
        # Resolved alone, but not among so many comparisons.
        return f"{start}; alone, a difference of this size would be resolved, but not among so many comparisons."
    as_many = "a few more than there are" if times < 1.05 else f"{_two_figures(times)} times as many"
    return (
        f"{start}; about {_two_figures(needed)} pairs ({as_many}) would be needed to resolve a difference of this size."
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _two_figures(value: float) -> str:
    """For a reader: a standard error does not say more."""
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{float(f'{value:.2g}'):,.{digits}f}"
