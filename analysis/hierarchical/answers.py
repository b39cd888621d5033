"""The accepted answers of a study as the hierarchical psychometric function takes them: whose, of what, how far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.columns.participants import unknown_participants
from analysis.errors import AnalysisError
from analysis.exclusions.marking import accepted
from analysis.hierarchical.groups import Groups
from analysis.hierarchical.posterior import Varying
from analysis.hierarchical.seen_shift import FALSE_ALARM, LAPSE, LOCATION, LOG_SPREAD
from analysis.responses.displacement import displacement_px
from analysis.responses.photographs import photographs

FEWEST_GROUPS = 5
# A trajectory goes through all answers some eight times, and its metric holds each effect beside each other.
MOST_ANSWERS, MOST_EFFECTS = 50_000, 3_000

OF_PEOPLE = (LOCATION, LOG_SPREAD, FALSE_ALARM, LAPSE)
OF_PHOTOGRAPHS = (LOCATION, LOG_SPREAD)


@dataclass(frozen=True)
class StudyAnswers:
    """`(N,)` arrays, one value an answer. `kinds`: participants, and photographs where there are enough of them."""

    shift_px: NDArray[np.float64]
    different: NDArray[np.bool_]
    kinds: tuple[Varying, ...]
    participants: tuple[str, ...]
    photographs: int
    notes: tuple[str, ...]

    @classmethod
    def of(cls, responses: pd.DataFrame) -> StudyAnswers:
        """Of a tidy response table; what is excluded is left out.

        Raises: `AnalysisError` where no answer is left, they are of several studies, it is not known who gave them,
            there are fewer than five participants or fewer than two shifts above 0, or too many for the sampler.
        """
        kept = accepted(responses)
        unknown = unknown_participants(kept)
        if unknown is not None:
            raise AnalysisError(
                f"{unknown}, so that nothing can be said of single people; take a source that names participants."
            )
        who, people = pd.factorize(kept["participant"], sort=True)
        what, pictures = pd.factorize(photographs(kept), sort=True)
        if len(people) < FEWEST_GROUPS:
            raise AnalysisError(
                f"The answers are of {len(people)} participant{'s' if len(people) > 1 else ''}; to tell how people "
                f"differ takes {FEWEST_GROUPS} or more."
            )
        shift = displacement_px(kept)
        if len(np.unique(shift[shift > 0])) < 2:
            raise AnalysisError(
                "The answers are to fewer than two different shifts above 0 px; a threshold takes two or more."
            )
        different = (kept["response"] == "different").to_numpy(dtype=bool)
        if different.all() or not different.any():
            raise AnalysisError(
                f"All {len(kept):,} answers are “{'different' if different.all() else 'same'}”, of which no threshold "
                "follows; gather answers that differ."
            )
        kinds = [Varying(Groups(who.astype(np.int64), len(people)), OF_PEOPLE)]
        notes = []
        if len(pictures) < FEWEST_GROUPS:
            notes.append(f"There are too few photographs to tell how photographs differ ({len(pictures)}).")
        else:
            kinds.append(Varying(Groups(what.astype(np.int64), len(pictures)), OF_PHOTOGRAPHS))
        effects = sum(kind.groups.size * len(kind.parameters) for kind in kinds)
        if len(kept) > MOST_ANSWERS or effects > MOST_EFFECTS:
            raise AnalysisError(
                f"{len(kept):,} answers of {len(people):,} participants to {len(pictures):,} photographs are too many "
                f"for the hierarchical function ({MOST_ANSWERS:,} answers, and {MOST_EFFECTS:,} for four times the "
                "participants and twice the photographs); analyse a part of the participants."
            )
        named = tuple(str(name) for name in people)
        return cls(shift, different, tuple(kinds), named, len(pictures), tuple(notes))
