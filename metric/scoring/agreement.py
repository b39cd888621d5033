"""How well a metric's distances agree with what people saw: the JND mAP of the paper's Table 8.

The judgments come from outside; here is only what this package needs of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from metric.scoring.score import Scores

MIN_RESPONSES = 3
"""Pairs with fewer accepted responses are not ranked (Ghildyal & Liu 2022, Section 6, "JND")."""


class JndMap(Protocol):
    """Area under the precision-recall curve of pairs ranked by distance."""

    @property
    def jnd_map(self) -> float: ...
    @property
    def n_pairs(self) -> int: ...
    @property
    def ties(self) -> str: ...


class Judgments(Protocol):
    """The accepted responses of a study; `pairs` are those with at least one."""

    @property
    def pairs(self) -> list[str]: ...
    @property
    def note(self) -> str:
        """What has to be said of who gave them, such as that no people did; empty where there is nothing."""

    @property
    def simulated(self) -> Mapping[str, object] | None:
        """The same as figures."""

    def jnd_map(
        self, distances: Mapping[str, float], *, ties: str = "expected", min_responses: int = MIN_RESPONSES
    ) -> JndMap: ...


class JudgmentDoor(Protocol):
    """Where the command line gives the judgments of a source; an unreadable source raises a `ValueError`."""

    def judgments(self, source: str) -> Judgments: ...


@dataclass(frozen=True)
class Agreement:
    """One line of the table that `shift-study score` prints.

    `jnd_map`, `n_pairs` (pairs ranked) and `ties` are None where there are no judgments; `n_scored` is the
    number of distances. `seconds` is the time that the `n_computed` of them took which were not taken from an
    earlier run, without reading images and loading weights.
    """

    metric: str
    jnd_map: float | None
    n_pairs: int | None
    ties: str | None
    n_scored: int
    n_computed: int
    seconds: float

    @property
    def pairs_per_second(self) -> float | None:
        """None where there was nothing to time."""
        return self.n_computed / self.seconds if self.seconds > 0 else None


def agree(
    scores: Scores, judgments: Judgments | None, n_computed: int, min_responses: int = MIN_RESPONSES
) -> list[Agreement]:
    """One `Agreement` a metric, of pairs with `min_responses` accepted responses or more.

    An error of the judgments, such as too few responses, goes through.
    """
    agreements = []
    for metric, distances in scores.distances.items():
        found = judgments.jnd_map(distances, ties="expected", min_responses=min_responses) if judgments else None
        agreements.append(
            Agreement(
                metric=metric,
                jnd_map=found.jnd_map if found else None,
                n_pairs=found.n_pairs if found else None,
                ties=found.ties if found else None,
                n_scored=len(distances),
                n_computed=n_computed,
                seconds=scores.seconds[metric],
            )
        )
    return agreements
