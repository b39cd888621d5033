"""How often somebody who guesses passes the validation test of a two-alternative study: computed."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

from study_server.tasks.two_afc.settings import TwoAfcAcceptance
from study_server.tasks.two_afc.validation import Checks, failed_rules, passes_validation


@dataclass(frozen=True)
class Chances:
    """Who passes the rules, as a share in [0, 1] of participants who answer each trial by a coin."""

    catches: int
    guessing: float

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return vars(self).copy()

    def to_text(self) -> str:
        """In a sentence."""
        return (
            f"With {self.catches or 'no'} catch triplets, {100 * self.guessing:.3g} % of those who guess pass the "
            "rules of [acceptance]."
        )


def chances(catches: int, retests: int, rules: TwoAfcAcceptance) -> Chances:
    """For so many catch trials and stimuli asked twice, and the rules of a study.

    >>> chances(4, 8, TwoAfcAcceptance()).guessing
    0.3125
    """
    passing = sum(
        _coin(catches, wrong) * _coin(retests, alike)
        for wrong in range(catches + 1)
        for alike in range(retests + 1)
        if _passes(Checks(catches, wrong, retests, alike), rules)
    )
    return Chances(catches, passing)


def _passes(checks: Checks, rules: TwoAfcAcceptance) -> bool:
    return passes_validation(checks) and not failed_rules(checks, rules)


def _coin(n: int, k: int) -> float:
    return float(comb(n, k) / 2**n)
