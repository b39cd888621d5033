"""Whether one metric agrees better with people than another, on the same pairs and answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from analysis.agreement.conclusion import Outcome, sentence, too_few_draws, verdict
from analysis.agreement.judged_pairs import Integers, JudgedPairs
from analysis.agreement.photograph_draws import Spread
from analysis.agreement.precision_recall import Floats, interpolated_area
from analysis.results import Estimate, Result

# A true difference of so many standard errors beyond the test's own quantile is found in 80% of studies.
_POWER = float(ndtri(0.8))
# Random orders of ties over which a permutation test takes its mean, each followed by its reverse, which cancels most
# of what an order happens to do: of the variance between exchanges of the published pairs, a thousandth is left.
_TIE_ORDERS = 2
# Numbers that are held at once, of which a few copies are made.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Difference(Result):
    """By how much `first` agrees better with people than `second`, on the same pairs.

    `outcome`: `concordance` (γ within shifts, of which the shift itself has 0) or `jnd_map`. `p_value`: two-sided, from
    the paired bootstrap; `permutation_p`: of `jnd_map` from exchanging the two metrics' ranks photograph by photograph,
    of `concordance` from changing the signs of what photographs contribute. `…_holm`: corrected for all comparisons of
    the same outcome and `family`, which is `metrics` (each with each) or `baseline` (each with the pixel shift).
    `margin`: within which the two would count as equivalent; `equivalence_p`: of two one-sided tests of that.
    `equivalent_within`: the smallest margin of which these tests would say so at 5%, uncorrected. `resolvable`: the
    difference that four such studies out of five would find, uncorrected. `verdict`: of `first`, by corrected p-values
    below 0.05: `better`, `worse`, `equivalent` or `undecided`. None stands for what cannot be told.
    """

    outcome: str
    family: str
    first: str
    second: str
    difference: Estimate
    standard_error: float | None
    p_value: float | None
    p_holm: float | None
    permutation_p: float
    permutation_p_holm: float
    margin: float
    equivalence_p: float | None
    equivalence_p_holm: float | None
    equivalent_within: float | None
    resolvable: float | None
    verdict: str
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
    """Two-sided p-value for two metrics being interchangeable, photograph by photograph.

    Under the null hypothesis it makes no difference which of the two metrics gave the ranks of a photograph's pairs.
    Half of the photographs, at random, get the other metric's ranks. A metric with ties would not be interchangeable
    with one without, for positives that are spread over a tie score less: ties are put in a random order, the same for
    both metrics where both have them, and the differences are means over some such orders, with the same exchanges in
    each.

    Args:
        first, second: `(N,)`, distances; only their order counts.

    Source: Deutsch, Dror & Roth 2021 (permutation tests for metrics, scores standardised before they are exchanged).
    """
    number = len(first)
    share = pairs.same_share
    taken = generator.integers(0, 2, (permutations, pairs.n_photographs), dtype=np.int8).astype(bool)
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
        summed += _exchanged(share[pair], pairs.photograph[pair], ours, taken)
    differences = np.abs(summed)
    # Rounding must not make an exchange that changes nothing differ from what was observed.
    return float(np.count_nonzero(differences >= differences[0] - 1e-9)) / permutations


def _exchanged(positive: Floats, photograph: Integers, ours: NDArray[np.bool_], taken: NDArray[np.bool_]) -> Floats:
    """Difference of the areas of two rankings that have exchanged photographs, `(P,)`.

    Args:
        positive, photograph, ours: `(2 N,)` by rank of both metrics' pairs together; `ours`: of the first metric.
        taken: `(P, photographs)`, whether the first ranking has a photograph's ranks by the first metric.
    """
    portion = max(1, _AT_ONCE // len(positive))
    parts = []
    for start in range(0, len(taken), portion):
        own = taken[start : start + portion, photograph] == ours
        rows = np.broadcast_to(positive, own.shape)
        parts.append(interpolated_area(rows[own].reshape(len(own), -1)))
        parts[-1] -= interpolated_area(rows[~own].reshape(len(own), -1))
    return np.concatenate(parts)


def differences(
    outcome: Outcome,
    family: str,
    compared: list[tuple[str, str]],
    estimates: list[Estimate],
    spreads: list[Spread | None],
    permutation_p: list[float],
    *,
    margin: float,
    photographs: int,
) -> tuple[Difference, ...]:
    """The comparisons of one family, with p-values corrected for their number and a sentence for each."""
    told = [
        None if spread is None or estimate.estimate is None else (spread, estimate.estimate)
        for estimate, spread in zip(estimates, spreads, strict=True)
    ]
    p_values = [None if one is None else one[0].p_value(one[1]) for one in told]
    equivalence = [None if one is None else one[0].equivalence_p(one[1], margin) for one in told]
    corrected, equivalence_holm = _holm_of_known(p_values), _holm_of_known(equivalence)
    exchanged = holm(permutation_p)
    count = sum(p is not None for p in p_values)
    fewest = fewest_draws(count)
    found = []
    for index, (first, second) in enumerate(compared):
        one = told[index]
        error = None if one is None else one[0].standard_error
        quantile = float(stdtrit(photographs - 1, 0.975)) if photographs > 1 else math.nan
        resolvable = None if error is None else (quantile + _POWER) * error
        within = None if one is None else one[0].within(one[1])
        said = verdict(estimates[index].estimate or 0.0, corrected[index], equivalence_holm[index])
        text = sentence(
            first,
            None if outcome == "concordance" and family == "baseline" else second,
            outcome,
            said,
            estimates[index],
            margin=margin,
            within=within,
            resolvable=resolvable,
            permutation_p=exchanged[index],
            p_alone=p_values[index],
        )
        if one is not None and one[1] != 0 and len(one[0].deviations) < fewest:
            text = too_few_draws(first, second, count, len(one[0].deviations), fewest)
        found.append(
            Difference(
                outcome=outcome,
                family=family,
                first=first,
                second=second,
                difference=estimates[index],
                standard_error=error,
                p_value=p_values[index],
                p_holm=corrected[index],
                permutation_p=permutation_p[index],
                permutation_p_holm=exchanged[index],
                margin=margin,
                equivalence_p=equivalence[index],
                equivalence_p_holm=equivalence_holm[index],
                equivalent_within=within,
                resolvable=resolvable,
                verdict=said,
                sentence=text,
            )
        )
    return tuple(found)


def _holm_of_known(p_values: list[float | None]) -> list[float | None]:
    corrected: list[float | None] = [None] * len(p_values)
    known = [(index, p) for index, p in enumerate(p_values) if p is not None]
    for (index, _), p in zip(known, holm([p for _, p in known]), strict=True):
        corrected[index] = p
    return corrected


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
