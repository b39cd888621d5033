"""Judged pairs as arrays: of which photograph, how far shifted, who answered what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.agreement.precision_recall import Floats
from analysis.errors import AnalysisError
from analysis.exclusions.marking import accepted
from analysis.responses.displacement import displacement_px
from analysis.responses.photographs import photographs

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class JudgedPairs:
    """The pairs with enough accepted responses, in order of first appearance, and their answers.

    `photograph`: `(N,)`, number of each pair's photograph, from 0 to `n_photographs` − 1; an image stands for its
    photograph where that is unknown. `shift_px`: `(N,)`, how far the window was moved, on a diagonal along both axes.
    `same`, `responses`: `(N,)`, how many answers were "same", and how many there are.
    `answer_pair`, `answer_same`: `(T,)`, number of the pair of each answer, and whether it was "same".
    `answer_participant`: `(T,)`, number of the participant; None where it is not known of each answer.
    `n_images`: number of images, several of which may be of one photograph.
    `without_participant`, `without_photograph`: of how many answers it is not known.
    """

    names: tuple[str, ...]
    photograph: Integers
    shift_px: Floats
    same: Integers
    responses: Integers
    answer_pair: Integers
    answer_same: NDArray[np.bool_]
    answer_participant: Integers | None
    n_images: int
    without_participant: int = 0
    without_photograph: int = 0

    @classmethod
    def from_responses(cls, responses: pd.DataFrame, min_responses: int = 3) -> JudgedPairs:
        """The judged pairs of a tidy response table; excluded responses are left out.

        Raises: `AnalysisError` where no response is left, no pair has `min_responses`, or nobody said "same".
        """
        kept = accepted(responses)
        number, names = pd.factorize(kept["pair"])
        counts = np.bincount(number, minlength=len(names))
        enough = counts >= min_responses
        if not enough.any():
            raise AnalysisError(
                f"None of the {len(names)} pairs has {min_responses} accepted responses; the most that one has is "
                f"{counts.max()}. Gather more, or lower --min-responses."
            )
        chosen = kept[enough[number]]
        answer_pair, left = pd.factorize(chosen["pair"])
        same = (chosen["response"] == "same").to_numpy(dtype=bool)
        if not same.any():
            raise AnalysisError(
                "Nobody called any of the pairs the same, so there is no recall to compute; gather more answers."
            )
        first = chosen.drop_duplicates("pair")
        unknown = int(chosen["participant"].isna().sum())
        return cls(
            names=tuple(str(name) for name in left),
            photograph=_numbers(photographs(first)),
            shift_px=displacement_px(first),
            same=np.bincount(answer_pair, weights=same, minlength=len(left)).astype(np.int64),
            responses=np.bincount(answer_pair, minlength=len(left)).astype(np.int64),
            answer_pair=answer_pair.astype(np.int64),
            answer_same=same,
            answer_participant=None if unknown else _numbers(chosen["participant"]),
            n_images=first["image"].nunique(),
            without_participant=unknown,
            without_photograph=int(chosen["photograph"].isna().sum()) if "photograph" in chosen else len(chosen),
        )

    @property
    def n_photographs(self) -> int:
        """Number of photographs of which a pair was judged often enough."""
        return int(self.photograph.max()) + 1

    @property
    def stratum(self) -> Integers:
        """`(N,)`, number of each pair's shift among those that there are, from 0."""
        return np.asarray(np.unique(self.shift_px, return_inverse=True)[1], dtype=np.int64)

    @property
    def same_share(self) -> Floats:
        """`(N,)`, share of the answers to each pair that were "same", in [0, 1]."""
        return np.asarray(self.same / self.responses, dtype=np.float64)


def _numbers(values: pd.Series[Any]) -> Integers:
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)
