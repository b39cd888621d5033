"""Differences of metrics among each other, and from people, on the same triplets and in the same draws."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.agreement.metric_comparison import holm
from analysis.results import Estimate
from analysis.triplets.comparisons import PairedDifference
from analysis.two_alternative.drawn_means import ALIKE

PEOPLE = "people"
Told = tuple[Estimate, float | None]


def paired(
    outcome: str, shift_px: int | None, pairs: Sequence[tuple[str, str]], told: Sequence[Told], *, called: str
) -> tuple[PairedDifference, ...]:
    """A comparison for each two names, its p-value corrected for all of these.

    Args:
        outcome: `two_afc`, or `rank_flip_rate`, of which less is better.
        shift_px: at which.
        pairs: names of the first and the second.
        told: difference in points of percent and two-sided p-value, of each.
        called: the outcome in words, such as "2AFC".
    """
    corrected = iter(holm([p for _, p in told if p is not None]))
    found = []
    for (first, second), (difference, p_value) in zip(pairs, told, strict=True):
        p_holm = None if p_value is None else next(corrected)
        verdict = _verdict(outcome, difference, p_holm)
        found.append(
            PairedDifference(
                outcome=outcome,
                shift_px=shift_px,
                first=first,
                second=second,
                difference=difference,
                p_value=p_value,
                p_holm=p_holm,
                verdict=verdict,
                sentence=_sentence(first, second, called, difference, p_holm, verdict),
            )
        )
    return tuple(found)


def _verdict(outcome: str, difference: Estimate, p_holm: float | None) -> str:
    if difference.method == ALIKE:
        return "alike"
    if p_holm is None or p_holm >= 0.05 or not difference.estimate:
        return "undecided"
    return "better" if (difference.estimate > 0) == (outcome == "two_afc") else "worse"


def _sentence(first: str, second: str, called: str, difference: Estimate, p_holm: float | None, verdict: str) -> str:
    if verdict == "alike":
        return f"{first} and {second} are alike in {called} on each triplet."
    size = signed(difference.estimate)
    if p_holm is None:
        return f"{first} and {second} cannot be told apart in {called} ({size} points; {difference.method})."
    figures = f"{size} points, 95% interval {signed(difference.low)} to {signed(difference.high)}, p = {p_holm:.4f}"
    if verdict == "undecided":
        return f"{first} and {second} cannot be told apart in {called} ({figures})."
    return f"{first} is {verdict} than {second} in {called} ({figures})."


def signed(value: float | None) -> str:
    """A difference with its sign; a dash where there is none."""
    return "—" if value is None else f"{value:+.2f}".replace("-", "−")
