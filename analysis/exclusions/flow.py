"""The way from all responses to those that are analysed, reason by reason, as CONSORT asks of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.columns.participants import participant_codes, totals
from analysis.exclusions.exclusion_report import by_reason
from analysis.exclusions.marking import DEFAULT_RULES, RULES, assessed, known_rules, meaning
from analysis.results import Result
from analysis.tasks.registry import task_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ExclusionStep(Result):
    """What one reason takes away of what the reasons before it have left.

    `participants`, `responses`: lost at this step; a participant is lost with the last of their responses.
    `participants_in_all`, `responses_in_all`: how many have this reason, alone or with others; participants of whom
    a response has it. `not_assessed`: responses to which the rule could not be applied; None for a reason that is
    no rule. `participants_left`, `responses_left`: after this step.
    """

    reason: str
    meaning: str
    participants: int
    responses: int
    participants_in_all: int
    responses_in_all: int
    not_assessed: int | None
    participants_left: int
    responses_left: int


@dataclass(frozen=True)
class ExclusionFlow(Result):
    """Responses and known participants assessed, lost at each step, and analysed; the losses add up."""

    participants: int
    responses: int
    rows: tuple[ExclusionStep, ...]
    participants_analysed: int
    responses_analysed: int

    @property
    def not_applied(self) -> tuple[str, ...]:
        """Rules that could be applied to no response, because the source does not say what they need."""
        return tuple(row.reason for row in self.rows if self.responses and row.not_assessed == self.responses)


def exclusion_flow(responses: pd.DataFrame, rules: Sequence[str] = DEFAULT_RULES) -> ExclusionFlow:
    """The flow of a marked tidy response table: steps in the order of the rules, then of other reasons in it.

    Raises: `AnalysisError` where a name is no rule.

    Source: Schulz, Altman & Moher 2010, CONSORT, item 13.
    """
    rules = known_rules(rules)
    task = task_of(responses)
    codes, count = participant_codes(responses)

    def participants(mask: Mask) -> int:
        return int(np.count_nonzero(totals(codes, count, mask)))

    left = np.ones(len(responses), dtype=np.bool_)
    people_left = count
    steps = []
    for reason, having in by_reason(responses, rules).items():
        lost = left & having
        left &= ~having
        people_before, people_left = people_left, participants(left)
        steps.append(
            ExclusionStep(
                reason=reason,
                meaning=meaning(reason, task) if reason in RULES else "A mark that the table had.",
                participants=people_before - people_left,
                responses=int(lost.sum()),
                participants_in_all=participants(having),
                responses_in_all=int(having.sum()),
                not_assessed=int((~assessed(responses, reason)).sum()) if reason in rules else None,
                participants_left=people_left,
                responses_left=int(left.sum()),
            )
        )
    return ExclusionFlow(
        participants=count,
        responses=len(responses),
        rows=tuple(steps),
        participants_analysed=people_left,
        responses_analysed=int(left.sum()),
    )
