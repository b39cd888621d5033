"""Whether one metric agrees better with people than another, on the same pairs and answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.image_draws import Spread
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.precision_recall import Floats
from analysis.results import Estimate, Result

# A true difference of so many standard errors is found in 80% of studies with a two-sided test at 5%.
_RESOLVED = 1.959963984540054 + 0.8416212335729143
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
    of the images, at random, get the other metric's ranks.

    Args:
        first, second: `(N,)`, distances; only their order counts.

    Source: Deutsch, Dror & Roth 2021 (permutation tests for metrics, scores standardised before they are exchanged).
    """
    from scipy.stats import rankdata

    images = pairs.n_images
    pooled = Ranking.of(np.concatenate([rankdata(first), rankdata(second)]))
    positive = np.tile(pairs.same_share, 2)
    # What the first metric says of an image is one cluster, what the second says of it another; one of them is taken.
    cluster = np.concatenate([pairs.image, pairs.image + images])
    taken = generator.integers(0, 2, (images, permutations), dtype=np.int8).astype(np.float32)
    taken[:, 0] = 1.0
    ours = drawn_areas(pooled, positive, cluster, np.concatenate([taken, 1 - taken]))
    theirs = drawn_areas(pooled, positive, cluster, np.concatenate([1 - taken, taken]))
    differences = np.abs(ours - theirs)
    # Rounding must not make an exchange that changes nothing differ from what was observed.
    return float(np.count_nonzero(differences >= differences[0] - 1e-6)) / permutations


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
    found = []
    for index, (first, second) in enumerate(compared):
        spread, value = spreads[index], estimates[index].estimate or 0.0
        error = None if spread is None else spread.standard_error
        times = None if error is None or value == 0 else (_RESOLVED * error / abs(value)) ** 2
        needed = None if times is None or times > _MOST_TIMES else math.ceil(times * len(pairs.names))
        verdict = _verdict(value, corrected[index])
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
                sentence=_sentence(first, second, verdict, value, estimates[index], needed, times),
            )
        )
    return tuple(found)


def _verdict(difference: float, p: float | None) -> str:
    if p is None or p >= 0.05:
        return "undecided"
    return "better" if difference > 0 else "worse"


def _sentence(
    first: str, second: str, verdict: str, value: float, difference: Estimate, needed: int | None, times: float | None
) -> str:
    if verdict != "undecided":
        interval = f"{value:+.3f}, 95% interval {difference.low:+.3f} to {difference.high:+.3f}"
        return f"{first} is {verdict} than {second} ({interval})."
    start = f"{first} and {second} cannot be told apart with these data"
    if difference.low is None:
        return f"{start}: {difference.method.rpartition('; ')[2]}."
    if value == 0:
        return f"{start}; there is no difference to resolve."
    if needed is None or times is None:
        return (
            f"{start}; to resolve a difference as small as {abs(value):.1g} would need more than {_MOST_TIMES:,} times "
            "as many pairs."
        )
    if times <= 1:
        # Resolved alone, but not among so many comparisons.
        return f"{start}; alone, a difference of this size would be resolved, but not among so many."
    return (
        f"{start}; about {_two_figures(needed)} pairs ({_two_figures(times)} times as many) would be needed to resolve "
        "a difference of this size."
    )


def _two_figures(value: float) -> str:
    """For a reader: a standard error does not say more."""
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{float(f'{value:.2g}'):,.{digits}f}"
