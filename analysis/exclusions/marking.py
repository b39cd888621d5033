"""Which responses are not analysed, and why. Rules mark; nothing is removed.

A rule takes the tidy response table and gives two boolean arrays, one value a response: whether the rule
marks it, and whether the rule could be applied to it at all. A rule looks at answers only, never at marks, so
the order of the rules and how often they are applied make no difference.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AnalysisError

Mask = NDArray[np.bool_]

# A participant's id belongs to one study.
PARTICIPANT = ["study", "participant"]


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
    totals = counts.groupby([responses[key] for key in PARTICIPANT], dropna=False).transform("sum")
    # In whole numbers: as a float, two of three could come out on either side of two thirds.
    fails = (3 * totals["zero_wrong"] > 2 * totals["zero"]) | (3 * totals["largest_wrong"] > 2 * totals["largest"])
    return fails.to_numpy(dtype=bool) & known, known


RULES: dict[str, Callable[[pd.DataFrame], tuple[Mask, Mask]]] = {
    "unfinished": unfinished,
    "validation": validation,
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
    """The responses that are not excluded, of one study.

    Raises: `AnalysisError` where none is left to analyse, and where they are of several studies.
    """
    if responses.empty:
        raise AnalysisError("There are no responses yet; analyse the study after the first participant answered.")
    studies = responses["study"].unique().tolist()
    if len(studies) > 1:
        # Studies name their pairs alike: pooled by name, answers to different photographs would mix.
        raise AnalysisError(
            f"The responses are of {len(studies)} studies ({', '.join(studies)}), whose pairs may share "
            "names; name one study's folder, or export them and keep the rows of one."
        )
    kept = responses[~responses["excluded"].to_numpy(dtype=bool)]
    if kept.empty:
        reasons = sorted({name for listed in responses["exclusion_reason"] for name in listed.split(";")})
        raise AnalysisError(
            f"All {len(responses)} responses are excluded ({', '.join(reasons)}), so none is left to "
            "analyse; wait for more participants, or clear the marks in an exported table."
        )
    return kept
