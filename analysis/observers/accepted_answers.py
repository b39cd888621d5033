"""The accepted answers of a study as arrays: who answered what to which pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.exclusions.marking import accepted
from analysis.responses.photographs import photographs

Integers = NDArray[np.int64]


ANSWER_COLUMNS = ("pair", "image", "shift_px", "response")
"""What is looked at, for readers that need not read more."""


@dataclass(frozen=True)
class AcceptedAnswers:
    """`(N,)` arrays, one value an answer; `participant`, `photograph` and `pair` are places in the lists of names.

    `participant` is None where it is not known of each answer who gave it. `responses`: the rows themselves.
    """

    responses: pd.DataFrame
    participant: Integers | None
    participants: tuple[str, ...]
    photograph: Integers
    photographs: tuple[str, ...]
    pair: Integers
    pairs: tuple[str, ...]
    shift_px: Integers
    different: NDArray[np.bool_]

    @classmethod
    def of(cls, responses: pd.DataFrame) -> AcceptedAnswers:
        """Of a tidy response table; what is excluded is left out.

        Raises: `AnalysisError` where none is left, or they are of several studies.
        """
        kept = accepted(responses)
        known = bool(kept["participant"].notna().all())
        participant, participants = _coded(kept["participant"]) if known else (None, ())
        photograph, of_photographs = _coded(photographs(kept))
        pair, pairs = _coded(kept["pair"])
        return cls(
            responses=kept,
            participant=participant,
            participants=participants,
            photograph=photograph,
            photographs=of_photographs,
            pair=pair,
            pairs=pairs,
            shift_px=kept["shift_px"].to_numpy(dtype=np.int64),
            different=(kept["response"] == "different").to_numpy(dtype=bool),
        )

    def of_pair(self, values: Integers) -> Integers:
        """`(N,)` values that all answers to a pair share → one value a pair."""
        found = np.zeros(len(self.pairs), dtype=np.int64)
        found[self.pair] = values
        return found


def _coded(column: pd.Series) -> tuple[Integers, tuple[str, ...]]:
    codes, names = pd.factorize(column, sort=True)
    return codes.astype(np.int64), tuple(str(name) for name in names)
