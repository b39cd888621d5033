"""How much of a tidy response table is excluded, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.columns.participants import participant_codes, totals
from analysis.columns.rule_columns import Responses, is_true, numbered_texts, row_count
from analysis.exclusions.marking import DEFAULT_RULES, assessed


@dataclass(frozen=True)
class ExclusionReport:
    """How many participants and responses there are, are excluded by each reason, and are analysed.

    A participant counts as excluded by a reason where any of their responses has it, and as analysed where
    any of their responses is not excluded. A response with two reasons counts under both. `not_assessed`: to
    how many responses a rule could not be applied, because the source does not say what the rule needs.
    """

    participants: int
    participants_excluded: dict[str, int]
    participants_analysed: int
    responses: int
    responses_excluded: dict[str, int]
    responses_analysed: int
    not_assessed: dict[str, int]

    @classmethod
    def of(cls, responses: Responses, rules: Sequence[str] = DEFAULT_RULES) -> ExclusionReport:
        """The report of a tidy response table, from the marks that it has; `rules` are those that were applied."""
        having = by_reason(responses, rules)
        analysed = ~is_true(responses, "excluded")
        codes, count = participant_codes(responses)

        def participants(mask: NDArray[np.bool_]) -> int:
            if not mask.any():
                return 0
            return count if mask.all() else int(np.count_nonzero(totals(codes, count, mask)))

        return cls(
            participants=count,
            participants_excluded={name: participants(mask) for name, mask in having.items()},
            participants_analysed=participants(analysed),
            responses=row_count(responses),
            responses_excluded={name: int(mask.sum()) for name, mask in having.items()},
            responses_analysed=int(analysed.sum()),
            not_assessed={name: int((~assessed(responses, name)).sum()) for name in rules},
        )

    def to_json(self) -> dict[str, Any]:
        """`total`, `excluded` and `analysed` of `participants` and of `responses`; `not_assessed`."""
        return {
            "participants": {
                "total": self.participants,
                "excluded": self.participants_excluded,
                "analysed": self.participants_analysed,
            },
            "responses": {
                "total": self.responses,
                "excluded": self.responses_excluded,
                "analysed": self.responses_analysed,
            },
            "not_assessed": self.not_assessed,
        }

    def to_text(self) -> str:
        """What is excluded and, on further lines, which rules could not be applied to how many responses."""
        reasons = ", ".join(
            f"{name} {_count(count, 'participant')}"
            for name, count in self.participants_excluded.items()
            if self.responses_excluded[name]
        )
        lost = self.participants - self.participants_analysed
        people = f"{lost:,} of {_count(self.participants, 'participant')}, " if self.participants else ""
        lines = [
            f"Excluded: {people}{self.responses - self.responses_analysed:,} of "
            f"{_count(self.responses, 'response')}" + (f" ({reasons})." if reasons else ".")
        ]
        for count in sorted({count for count in self.not_assessed.values() if count}):
            rules = " and ".join(name for name, left in self.not_assessed.items() if left == count)
            lines.append(
                f"Not applied to {_count(count, 'response')}, for the source does not say enough about them: {rules}."
            )
        return "\n".join(lines)


def by_reason(responses: Responses, rules: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Which responses have each reason: first the rules, then what else the table has, in order of appearance."""
    excluded = np.flatnonzero(is_true(responses, "excluded"))
    codes, listed = numbered_texts(responses, "exclusion_reason", excluded)
    parts = [[name for name in reasons.split(";") if name] for reasons in listed]
    having = {}
    for name in dict.fromkeys([*rules, *(name for part in parts for name in part)]):
        having[name] = np.zeros(row_count(responses), dtype=np.bool_)
        having[name][excluded] = np.array([name in part for part in parts], dtype=np.bool_)[codes]
    return having


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
