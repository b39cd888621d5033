"""How often somebody who guesses passes a study's rules, and how often an honest observer fails them: computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

from study_server.tasks.same_different.observer import Observer
from study_server.tasks.same_different.settings import SameDifferentAcceptance
from study_server.tasks.same_different.validation import CatchTrials, failed_catch_rules, passes_validation


@dataclass(frozen=True)
class Chances:
    """Of a study's rules for catch trials: how many of these there are, and who passes, as shares in [0, 1].

    guessing: of participants who answer each trial by a coin. honest: of observers whose psychometric function is
    Table 1 of Ghildyal & Liu 2022, answers independent of each other.
    """

    zero: int
    largest: int
    guessing: float
    honest: float

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return vars(self).copy()

    def to_text(self) -> str:
        """In a sentence."""
        return (
            f"With {self.zero} pairs without a shift and {self.largest} with the largest, {percent(self.guessing)} of "
            f"those who guess pass the rules of [acceptance], and {percent(1 - self.honest)} of honest observers fail "
            "them."
        )


def chances(rules: SameDifferentAcceptance, n_zero: int, n_largest: int, max_shift: int) -> Chances:
    """For so many pairs without a shift and with the largest, and the rules of a study."""
    observer = Observer()
    return Chances(
        n_zero,
        n_largest,
        chance_to_pass(rules, n_zero, n_largest, 0.5, 0.5),
        chance_to_pass(rules, n_zero, n_largest, 1 - observer.p_same(0), observer.p_same(max_shift)),
    )


def chance_to_pass(
    rules: SameDifferentAcceptance, n_zero: int, n_largest: int, zero_wrong: float, largest_wrong: float
) -> float:
    """Probability that the answers to catch trials pass the paper's rule and these, each being wrong so often.

    n_zero, n_largest: numbers of pairs without a shift, and of those with the largest. Exact: the sum over all numbers
    of wrong answers, which are binomial.

    >>> round(chance_to_pass(SameDifferentAcceptance(), 5, 5, 0.5, 0.5), 4)
    0.6602
    """
    return sum(
        of_zero * of_largest
        for wrong, of_zero in _binomial(n_zero, zero_wrong)
        for wrong_largest, of_largest in _binomial(n_largest, largest_wrong)
        if passes(CatchTrials(n_zero, wrong, n_largest, wrong_largest), rules)
    )


def passes(catch: CatchTrials, rules: SameDifferentAcceptance) -> bool:
    """Whether answers to catch trials pass the paper's rule and the study's own."""
    return passes_validation(catch) and not failed_catch_rules(catch, rules)


def _binomial(n: int, p: float) -> Iterator[tuple[int, float]]:
    for k in range(n + 1):
        yield k, comb(n, k) * p**k * (1 - p) ** (n - k)


def percent(share: float) -> str:
    """A share in words that do not round a risk away: 66 %, 0.3 %, less than 0.01 %."""
    shown = 100 * share
    if 0 < shown < 0.01:
        return "less than 0.01 %"
    return f"{shown:.2g} %" if shown < 1 else f"{shown:.3g} %"
