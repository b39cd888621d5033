"""Whose response each row is, as numbers: rules and counts of participants work on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.columns.rule_columns import NumberedResponses, Responses, Texts, integers, is_text

if TYPE_CHECKING:
    import pandas as pd

# A participant's id belongs to one study.
PARTICIPANT = ["study", "participant"]

Codes = NDArray[np.int64]


def codes_of(column: pd.Series | Texts) -> tuple[Codes, int]:
    """A number from 0 for each value of a column, in order of first appearance, -1 for unknown; and how many."""
    if isinstance(column, Texts):
        return column.codes.astype(np.int64), len(column.texts)
    import pandas as pd

    # One study is the rule, and to compare with its name is quicker than to number the names.
    ends = column.iloc[[0, -1]] if len(column) else column
    if ends.nunique(dropna=False) == 1 and bool((column == ends.iloc[0]).fillna(False).all()):
        return np.zeros(len(column), dtype=np.int64), 1
    codes, values = pd.factorize(column)
    return codes.astype(np.int64, copy=False), len(values)


def _codes(responses: Responses, name: str) -> tuple[Codes, int]:
    return codes_of(responses.texts(name) if isinstance(responses, NumberedResponses) else responses[name])


def participant_codes(responses: Responses) -> tuple[Codes, int]:
    """A number from 0 for each response's participant, -1 where the participant is unknown; and how many."""
    participants, count = _codes(responses, "participant")
    studies, n_studies = _codes(responses, "study")
    if n_studies <= 1:
        return participants, count
    joint = np.where(participants < 0, -1, participants * n_studies + studies)
    numbers, codes = np.unique(joint, return_inverse=True)
    unknown = int(numbers[0] == -1)
    return codes.astype(np.int64, copy=False) - unknown, len(numbers) - unknown


def largest_shifts(responses: Responses) -> NDArray[np.int64]:
    """For each response the largest shift, in pixels, in the responses of its study."""
    shift = integers(responses, "shift_px")
    studies, count = _codes(responses, "study")
    largest = np.zeros(count, dtype=np.int64)
    np.maximum.at(largest, studies, shift)
    return largest[studies]


def answered(responses: Responses, response: str) -> NDArray[np.bool_]:
    """Whether each response is `same` or `different`, whichever is asked for."""
    return is_text(responses, "response", response)


def of_each(participants: NDArray[np.bool_], codes: Codes) -> NDArray[np.bool_]:
    """What is so of a participant, for each of their responses; False where the participant is unknown."""
    return np.append(participants, False)[codes]


def totals(codes: Codes, count: int, which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of the responses in `which` each participant gave; `(count,)`."""
    return np.bincount(codes[which & (codes >= 0)], minlength=count)


def unknown_participants(responses: pd.DataFrame) -> str | None:
    """Of how many responses the participant is not known, as the beginning of a sentence; None where it is of all."""
    unknown = int(responses["participant"].isna().sum())
    if not unknown:
        return None
    which = "the answers" if unknown == len(responses) else f"{unknown:,} of {len(responses):,} answers"
    return f"It is not known who gave {which}"


def named(participants: Sequence[str]) -> str:
    """Ids in a sentence, the first ten of them.

    >>> named(["p0001", "p0002"])
    'p0001, p0002'
    """
    return ", ".join(participants[:10]) + (f" and {len(participants) - 10} more" if len(participants) > 10 else "")
