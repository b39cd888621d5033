"""Whose answers pass the validation test of a two-alternative study.

The rule `validation` of the analysis is the same. Whether people agree with themselves where they are asked twice is no
part of it: that is what the flips of a shift are held against, and would come out too low without who agrees least.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from study_server.tasks.task import Answered, Arrangement
from study_server.tasks.two_afc.settings import TwoAfcAcceptance


def preferred(arrangement: Arrangement, response: str) -> str:
    """The image, first or second, that stood where the answer says."""
    return arrangement[0 if response == "left" else -1]


@dataclass(frozen=True)
class Checks:
    """Numbers of a participant's catch trials, of those answered wrong, of retests, and of those answered as before."""

    catches: int
    wrong: int
    retests: int = 0
    alike: int = 0

    @classmethod
    def of(cls, answers: Iterable[Answered]) -> Checks:
        """Among all of a participant's answers."""
        given = list(answers)
        images = {(each.row.name, each.repetition): preferred(each.arrangement, each.response) for each in given}
        catches = [each for each in given if each.row.catch_answer]
        wrong = sum(preferred(each.arrangement, each.response) != each.row.catch_answer for each in catches)
        again = [name for name, repetition in images if repetition == 2 and (name, 1) in images]
        return cls(len(catches), wrong, len(again), sum(images[name, 1] == images[name, 2] for name in again))


FEWEST_RETESTS = 8
"""Of fewer, half can be answered otherwise by chance though somebody looks."""


def failed_rules(checks: Checks, rules: TwoAfcAcceptance) -> list[str]:
    """Names of the study's rules beside the validation test that these answers fail.

    The rule `retest_agreement` of the analysis is the same, with one half.
    """
    failed = []
    if 0 <= rules.most_catch_errors < checks.wrong:
        failed.append("catch_errors")
    least = rules.least_retest_agreement
    if least > 0 and checks.retests >= FEWEST_RETESTS and checks.alike <= least * checks.retests:
        failed.append("retest_agreement")
    return failed


def passes_validation(checks: Checks) -> bool:
    """A participant fails who answers more than a third of the catch trials wrong."""
    return 3 * checks.wrong <= checks.catches
