"""Whether one metric is better than another on the same triplets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.agreement.metric_comparison import fewest_draws, holm
from analysis.results import Estimate, Result
from analysis.triplets.draws import DrawnMeans, Floats, Integers
from analysis.triplets.estimates import points


@dataclass(frozen=True)
class PairedDifference(Result):
    """A figure of `first` less that of `second`, in points of percent, from the same draws.

    `outcome`: `two_afc`, or `rank_flip_rate` at `shift_px`. `p_value`: two-sided, from the draws; `p_holm`: corrected
    for all comparisons of the same outcome and shift. `verdict`, of `first`: `better` or `worse` where `p_holm` is
    below 0.05 (fewer flips are better), otherwise `undecided`; `alike` where the two differ on no sample.
    """

    outcome: str
    shift_px: int | None
    first: str
    second: str
    difference: Estimate
    p_value: float | None
    p_holm: float | None
    verdict: str
    sentence: str


_MOST_SAID = 12


def said(comparisons: Sequence[PairedDifference]) -> list[str]:
    """The comparisons in sentences for a terminal: all of a few, else those that are decided and how many are not."""
    if len(comparisons) <= _MOST_SAID:
        return [one.sentence for one in comparisons]
    decided = [one.sentence for one in comparisons if one.verdict in ("better", "worse")]
    left = len(comparisons) - len(decided)
    if not left:
        return decided
    none = f"The other {left} of {len(comparisons)} pairs cannot be told apart"
    if not decided:
        none = f"None of the {left} pairs can be told apart"
    return [*decided, f"{none}: --json says by how much each may differ."]


@dataclass(frozen=True)
class _Told:
    difference: Estimate
    p_value: float | None
    alike: bool


def compare(
    outcome: str,
    shift_px: int | None,
    columns: dict[str, Floats],
    drawn: DrawnMeans,
    places: list[int],
    cluster: Integers,
    *,
    how: str,
    called: str,
) -> tuple[PairedDifference, ...]:
    """Each metric with each, in one outcome.

    Args:
        columns: values of the samples, `(N,)`, under the name of each metric; `places`: where it has them in `drawn`.
        cluster: `(N,)`, numbers of what was drawn.
        how: the method of the intervals, in words.
        called: the outcome in words, such as "2AFC".
    """
    names, values = list(columns), list(columns.values())
    pairs = list(combinations(range(len(names)), 2))
    differing = [len(np.unique(cluster[values[first] != values[second]])) for first, second in pairs]
    told = [
        _told(drawn, places[first], places[second], how, number)
        for (first, second), number in zip(pairs, differing, strict=True)
    ]
    known = [one.p_value for one in told if one.p_value is not None]
    corrected = iter(holm(known))
    found = []
    for (first, second), one in zip(pairs, told, strict=True):
        p_holm = None if one.p_value is None else next(corrected)
        verdict = _verdict(outcome, one, p_holm)
        found.append(
            PairedDifference(
                outcome=outcome,
                shift_px=shift_px,
                first=names[first],
                second=names[second],
                difference=one.difference,
                p_value=one.p_value,
                p_holm=p_holm,
                verdict=verdict,
                sentence=_sentence(names[first], names[second], called, one, p_holm, verdict, len(known), drawn),
            )
        )
    return tuple(found)


def _told(drawn: DrawnMeans, first: int, second: int, how: str, differing: int) -> _Told:
    estimate = points(drawn, first, second, how, differing=differing)
    if estimate.low is None:
        return _Told(estimate, None, alike=not differing)
    deviations = drawn.drawn[:, first] - drawn.drawn[:, second]
    beyond = min(np.count_nonzero(deviations <= 0), np.count_nonzero(deviations >= 0))
    return _Told(estimate, min(1.0, 2 * (float(beyond) + 1) / (len(deviations) + 1)), alike=False)


def _verdict(outcome: str, one: _Told, p_holm: float | None) -> str:
    if one.alike:
        return "alike"
    if p_holm is None or p_holm >= 0.05 or one.difference.estimate is None:
        return "undecided"
    more = one.difference.estimate > 0
    return "better" if more == (outcome == "two_afc") else "worse"


def _sentence(
    first: str,
    second: str,
    called: str,
    one: _Told,
    p_holm: float | None,
    verdict: str,
    comparisons: int,
    drawn: DrawnMeans,
) -> str:
    if verdict == "alike":
        return f"{first} and {second} are alike in {called} on each sample."
    if p_holm is None or one.p_value is None:
        return (
            f"{first} and {second} cannot be told apart in {called} ({_signed(one.difference.estimate)} points; "
            f"{one.difference.method})."
        )
    fewest = fewest_draws(comparisons)
    if len(drawn.drawn) < fewest:
        return (
            f"{first} and {second} could not be told apart in {called} with any data: for {comparisons:,} comparisons, "
            f"{len(drawn.drawn):,} draws are too few; take {fewest:,} or more."
        )
    low, high = _signed(one.difference.low), _signed(one.difference.high)
    figures = f"{_signed(one.difference.estimate)} points, 95% interval {low} to {high}, p = {p_holm:.4f}"
    if verdict in ("better", "worse"):
        return f"{first} is {verdict} than {second} in {called} ({figures})."
    text = f"{first} and {second} cannot be told apart in {called} ({figures})."
    if one.p_value < 0.05:
        text += f" Alone it would be significant (p = {one.p_value:.4f}), but not among so many comparisons."
    return text


def _signed(value: float | None) -> str:
    return "—" if value is None else f"{value:+.2f}".replace("-", "−")
