"""Judged triplets to be trained on, each with the weight of its votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from metric.triplets.triplet import Triplet


@dataclass(frozen=True)
class JudgedSet:
    """Triplets in a fixed order.

    Attributes:
        origin: where they come from, as the user named it.
        triplets: each with a known judgment.
        weights: number of votes behind each judgment, over their mean; 1 where nobody says it.
        votes: `human`, or the rule by which the votes were made.
        sha256: changes when an image's content, a judgment, a weight or the order does.
        notes: what the user should know, one sentence each.
    """

    origin: str
    triplets: Sequence[Triplet]
    weights: Sequence[float]
    votes: str
    sha256: str
    notes: Sequence[str] = field(default=())
