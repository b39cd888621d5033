"""Which responses are not analysed, and why. Rules mark; nothing is removed.

A rule takes the tidy response table and gives two boolean arrays, one value a response: whether the rule
marks it, and whether the rule could be applied to it at all. A rule looks at answers only, never at marks, so
the order of the rules and how often they are applied make no difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Mask = NDArray[np.bool_]

# A participant's id belongs to one study.
_PARTICIPANT = ["study", "participant"]


def unfinished(responses: pd.DataFrame) -> tuple[Mask, Mask]:
    """Responses of participants who did not reach the end of the study."""
    known = responses["participant_state"].notna().to_numpy(dtype=bool)
    marked = (responses["participant_state"] == "unfinished").fillna(False).to_numpy(dtype=bool)
    return marked, known


def validation(responses: pd.DataFrame) -> tuple[Mask, Mask]:
    """All responses of a participant who fails the paper's validation test (Ghildyal & Liu 2022, Section 3).

    A participant fails who called more than two thirds of their 0-pixel pairs different, or more than two
    thirds of their pairs with the largest shift the same. The largest shift is the largest in the study's
    responses (9 pixels in the paper); where no response is to a shifted pair, only the first half of the test
    is left. A participant who was shown no such pair cannot fail that half.
    """
    shift = responses["shift_px"].astype(np.int64)
    largest = shift.groupby(responses["study"]).transform("max")
    same = responses["response"] == "same"
    counts = pd.DataFrame(
        {
            "zero": shift == 0,
            "zero_wrong": (shift == 0) & ~same,
            "largest": (shift == largest) & (largest > 0),
            "largest_wrong": (shift == largest) & (largest > 0) & same,
        }
    ).astype(np.int64)
    known = responses["participant"].notna().to_numpy(dtype=bool)
    totals = counts.groupby([responses[key] for key in _PARTICIPANT], dropna=False).transform("sum")
    # In whole numbers: as a float, two of three could come out on either side of two thirds.
    fails = (3 * totals["zero_wrong"] > 2 * totals["zero"]) | (
        3 * totals["largest_wrong"] > 2 * totals["largest"]
    )
    return fails.to_numpy(dtype=bool) & known, known


RULES: dict[str, Callable[[pd.DataFrame], tuple[Mask, Mask]]] = {
    "unfinished": unfinished,
    "validation": validation,
}


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


def mark(responses: pd.DataFrame) -> pd.DataFrame:
    """The table with the marks of all rules added to `excluded` and `exclusion_reason`.

    Marks that are there already stay; marking twice is the same as marking once; `responses` stays as it is.
    """
    reasons = [[name for name in listed.split(";") if name] for listed in responses["exclusion_reason"]]
    for rule_name, rule in RULES.items():
        marked, _ = rule(responses)
        for index in np.flatnonzero(marked):
            if rule_name not in reasons[index]:
                reasons[index].append(rule_name)
    joined = [";".join(listed) for listed in reasons]
    return responses.assign(
        excluded=pd.array([bool(reason) for reason in joined], dtype="boolean"),
        exclusion_reason=pd.array(joined, dtype="string"),
    )


def accepted(responses: pd.DataFrame) -> pd.DataFrame:
    """The responses that are not excluded.

    Raises: `AnalysisError` where none is left to analyse.
    """
    if responses.empty:
        raise AnalysisError(
            "There are no responses yet; analyse the study after the first participant answered."
        )
    kept = responses[~responses["excluded"].to_numpy(dtype=bool)]
    if kept.empty:
        report = ExclusionReport.of(responses)
        by_reason = ", ".join(f"{name} {count}" for name, count in report.responses_excluded.items())
        raise AnalysisError(
            f"All {len(responses)} responses are excluded ({by_reason}), so none is left to analyse; "
            "wait for more participants, or clear `excluded` in an exported table."
        )
    return kept


def _participants(responses: pd.DataFrame) -> int:
    return len(responses[responses["participant"].notna()][_PARTICIPANT].drop_duplicates())
