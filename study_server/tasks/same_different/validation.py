"""Whose answers pass the validation test of the paper, and a study's own rules for catch trials."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from study_server.tasks.same_different.settings import SameDifferentAcceptance

_NORMAL = statistics.NormalDist()


@dataclass(frozen=True)
class CatchTrials:
    """Numbers of a participant's pairs of which everybody sees what they are, and how many were answered wrong.

    zero: pairs without a shift, which are wrong where they are called different; largest: pairs of the largest shift,
    which are wrong where they are called the same.
    """

    zero: int
    zero_wrong: int
    largest: int
    largest_wrong: int

    @classmethod
    def of(cls, answers: Iterable[tuple[int, str]], max_shift: int) -> CatchTrials:
        """Among all of a participant's (shift_px, response)."""
        given = list(answers)
        zero = [response for shift, response in given if shift == 0]
        largest = [response for shift, response in given if shift == max_shift]
        return cls(len(zero), zero.count("different"), len(largest), largest.count("same"))


def passes_validation(catch: CatchTrials) -> bool:
    """The paper's validation test (Ghildyal & Liu 2022, Section 3).

    A participant fails who called more than two thirds of their 0-pixel pairs different, or more than two thirds of
    their pairs with the largest shift the same. The rule `validation` of the analysis is the same.
    """
    # In whole numbers: as a float, two of three could come out on either side of two thirds.
    return 3 * catch.zero_wrong <= 2 * catch.zero and 3 * catch.largest_wrong <= 2 * catch.largest


def failed_catch_rules(catch: CatchTrials, rules: SameDifferentAcceptance) -> list[str]:
    """Names of the study's rules beside the paper's that these answers to catch trials fail."""
    failed_ = []
    if 0 <= rules.most_catch_errors < catch.zero_wrong + catch.largest_wrong:
        failed_.append("catch_errors")
    if rules.least_catch_dprime > 0 and not reaches_dprime(catch, rules.least_catch_dprime):
        failed_.append("catch_sensitivity")
    return failed_


def reaches_dprime(catch: CatchTrials, least: float) -> bool:
    """Whether d′ between pairs without a shift and those of the largest is `least` or more; True where one is lacking.

    That of the differencing model, after a half was added to each number of answers and one to each number of trials.
    The rule `catch_dprime` of the analysis is the same.

    Source: Macmillan & Creelman 2005, "Detection Theory", Chapter 9; the correction: Hautus 1995.
    """
    if not catch.zero or not catch.largest:
        return True
    false_alarms = (catch.zero_wrong + 0.5) / (catch.zero + 1)
    hits = (catch.largest - catch.largest_wrong + 0.5) / (catch.largest + 1)
    criterion = -math.sqrt(2) * _NORMAL.inv_cdf(false_alarms / 2)
    # d′ grows with the share of hits.
    return hits >= sum(_NORMAL.cdf((sign * least - criterion) / math.sqrt(2)) for sign in (1, -1))
