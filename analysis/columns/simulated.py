"""Whether people answered, or simulated observers: what stands with every figure that is made of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from analysis.columns.rule_columns import NumberedResponses, Responses, is_true, known
from analysis.results import Result

_IDS = r"s[0-9]{4,}"
"""Ids that simulated observers have in tables of all versions; others may begin so, such as `subject1`."""


@dataclass(frozen=True)
class WhoAnswered(Result):
    """How many responses there are, how many are of simulated observers, and of how many that is not known.

    The others are of people.
    """

    responses: int
    simulated: int
    not_known: int

    @classmethod
    def of(cls, responses: Responses) -> Self:
        """Of the responses that are analysed; of all, where none of them is.

        Where the table does not say (versions 1 and 2, and what other programs wrote), those are simulated whose
        participants have ids as only simulated observers of a study have them; of the rest it is not known.
        """
        said, simulated = known(responses, "simulated"), is_true(responses, "simulated")
        by_id = np.zeros(len(said), dtype=bool) if said.all() else _have_their_ids(responses)
        analysed = ~is_true(responses, "excluded")
        if not analysed.any():
            analysed[:] = True
        simulated = simulated | (~said & by_id)
        return cls(int(analysed.sum()), int((simulated & analysed).sum()), int((~said & ~simulated & analysed).sum()))

    @property
    def label(self) -> str:
        """What figures and titles carry; empty where no simulated observer is known of."""
        if not self.simulated:
            return ""
        if self.simulated == self.responses:
            return "Simulated observers"
        return f"{self.simulated:,} of {self.responses:,} responses are of simulated observers"

    @property
    def sentence(self) -> str:
        """What has to be said, in one sentence or two; empty where all who answered are people."""
        said = []
        if self.simulated and self.simulated == self.responses:
            said.append("Simulated observers answered: what stands here says nothing about people.")
        elif self.simulated:
            said.append(f"{self.label}: what stands here is not of people alone.")
        if self.not_known:
            which = "the" if self.not_known == self.responses else f"{self.not_known:,} of the {self.responses:,}"
            said.append(f"Whether people or simulated observers gave {which} responses is not known.")
        return " ".join(said)


def _have_their_ids(responses: Responses) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    import re

    if isinstance(responses, NumberedResponses):
        ids = responses.texts("participant")
        theirs = np.array([*(bool(re.fullmatch(_IDS, text)) for text in ids.texts), False], dtype=bool)
        return theirs[ids.codes]
    return responses["participant"].str.fullmatch(_IDS).fillna(False).to_numpy(dtype=bool)
