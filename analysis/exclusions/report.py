"""How much of a tidy response table is excluded, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.exclusions.marking import PARTICIPANT, RULES


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
    def of(cls, responses: pd.DataFrame) -> ExclusionReport:
        """The report of a tidy response table, from the marks that it has."""
        reasons = responses["exclusion_reason"].str.split(";")
        names = dict.fromkeys([*RULES, *(name for listed in reasons for name in listed if name)])
        having = {name: np.array([name in listed for listed in reasons], dtype=np.bool_) for name in names}
        analysed = ~responses["excluded"].to_numpy(dtype=bool)
        return cls(
            participants=_participants(responses),
            participants_excluded={name: _participants(responses[mask]) for name, mask in having.items()},
            participants_analysed=_participants(responses[analysed]),
            responses=len(responses),
            responses_excluded={name: int(mask.sum()) for name, mask in having.items()},
            responses_analysed=int(analysed.sum()),
            not_assessed={name: int((~rule(responses)[1]).sum()) for name, rule in RULES.items()},
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
        by_reason = ", ".join(
            f"{name} {_count(count, 'participant')}"
            for name, count in self.participants_excluded.items()
            if self.responses_excluded[name]
        )
        lost = self.participants - self.participants_analysed
        people = f"{lost:,} of {_count(self.participants, 'participant')}, " if self.participants else ""
        lines = [
            f"Excluded: {people}{self.responses - self.responses_analysed:,} of "
            f"{_count(self.responses, 'response')}" + (f" ({by_reason})." if by_reason else ".")
        ]
        for count in sorted({count for count in self.not_assessed.values() if count}):
            rules = " and ".join(name for name, left in self.not_assessed.items() if left == count)
            lines.append(
                f"Not applied to {_count(count, 'response')}, for the source does not say enough about the "
                f"participants: {rules}."
            )
        return "\n".join(lines)


def _participants(responses: pd.DataFrame) -> int:
    return len(responses[responses["participant"].notna()][PARTICIPANT].drop_duplicates())


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
