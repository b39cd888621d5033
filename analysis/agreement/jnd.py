"""Just noticeable differences: how well a metric's distances rank pairs as people tell them apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.agreement.tie_rules import Ties, jnd_map
from analysis.columns.simulated import WhoAnswered
from analysis.errors import AnalysisError
from analysis.exclusions.marking import accepted


@dataclass(frozen=True)
class JndResult:
    """JND mAP in [0, 1] of `n_pairs` pairs with at least `min_responses` accepted responses each.

    `ties` is the rule for equal distances, which `tied_pairs` of the pairs have; `method` says how it was
    followed. `standard_error` is that of `jnd_map` as a mean over random orders of tied pairs; 0 where it is
    exact. It says nothing about the sampling of participants and pairs.
    """

    jnd_map: float
    n_pairs: int
    ties: Ties
    min_responses: int
    tied_pairs: int
    method: str
    standard_error: float

    def to_json(self) -> dict[str, Any]:
        """The fields under their names."""
        return asdict(self)


@dataclass(frozen=True)
class Judgments:
    """Accepted responses, pair by pair: `same[i]` of `responses[i]` called `pairs[i]` the same.

    Pairs stand in order of first appearance, and each has at least one response. `who`: whether people gave them.
    """

    pairs: list[str]
    same: list[int]
    responses: list[int]
    who: WhoAnswered | None = field(default=None, compare=False)

    @property
    def note(self) -> str:
        """What has to be said of who answered; empty where all are people."""
        return "" if self.who is None else self.who.sentence

    @property
    def simulated(self) -> dict[str, Any] | None:
        """Of how many responses simulated observers are the source, in JSON form; None where it is not known at all."""
        return None if self.who is None else self.who.to_json()

    @classmethod
    def from_responses(cls, responses: pd.DataFrame) -> Judgments:
        """The judgments in a tidy response table; excluded responses are left out.

        Raises: `AnalysisError` where no response is left.
        """
        kept = accepted(responses)
        grouped = (kept["response"] == "same").groupby(kept["pair"], sort=False)
        counts = grouped.agg(["sum", "count"])
        return cls(
            pairs=[str(pair) for pair in counts.index],
            same=[int(count) for count in counts["sum"]],
            responses=[int(count) for count in counts["count"]],
            who=WhoAnswered.of(responses),
        )

    def jnd_map(self, distances: Mapping[str, float], *, ties: Ties = "expected", min_responses: int = 3) -> JndResult:
        """JND mAP of the distances of a metric; smaller means more alike.

        Args:
            distances: pair id → finite distance; may hold more pairs than were judged.
            ties: `expected`, `block` or `paper`, as for `analysis.agreement.tie_rules.jnd_map`.
            min_responses: pairs with fewer accepted responses are left out; at least 1.

        Raises: `AnalysisError` where no pair has enough responses, and where the distance of one that has is
            missing or not finite.

        Source: Ghildyal & Liu 2022, Section 6, "Just noticeable differences", and Table 8.
        """
        judged = [index for index, count in enumerate(self.responses) if count >= min_responses]
        if not judged:
            raise AnalysisError(
                f"None of the {len(self.pairs)} pairs has {min_responses} accepted responses; the most that "
                f"one has is {max(self.responses, default=0)}. Gather more, or lower --min-responses."
            )
        chosen = self._distances(judged, distances)
        share = np.array([self.same[index] / self.responses[index] for index in judged])
        score = jnd_map(share, chosen, ties)
        _, repeats = np.unique(chosen, return_counts=True)
        return JndResult(
            jnd_map=score.value,
            n_pairs=len(judged),
            ties=ties,
            min_responses=min_responses,
            tied_pairs=int(repeats[repeats > 1].sum()),
            method=score.method,
            standard_error=score.standard_error,
        )

    def _distances(self, judged: list[int], distances: Mapping[str, float]) -> np.ndarray[Any, Any]:
        names = [self.pairs[index] for index in judged]
        missing = [name for name in names if name not in distances]
        if len(missing) == len(names):
            raise AnalysisError(
                f"The distances name none of the {len(names)} judged pairs, such as {names[0]}; "
                "give the distances of the study's own pairs."
            )
        if missing:
            raise AnalysisError(
                f"The distance of pair {missing[0]} is missing ({len(missing)} of {len(names)} judged pairs "
                "lack one); add it."
            )
        for name in names:
            if not math.isfinite(distances[name]):
                raise AnalysisError(
                    f"The distance of pair {name} is {distances[name]}, not a finite number; correct it."
                )
        return np.array([distances[name] for name in names], dtype=np.float64)
