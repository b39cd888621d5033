"""How well distances rank pairs that people called the same before those that they told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from metric.text_table import align
from metric.triplets.run import TripletScores

ALL = "all"
"""Stands for the mean over categories, as Zhang et al. 2018 give it."""
RULES = ("expected", "block", "paper")
"""What is done where distances are equal: the mean over all orders; one step; the order that NumPy 1.24 leaves, as the
code of Zhang et al. 2018 sorted them."""


class AveragePrecision(Protocol):
    """A mean average precision in [0, 1]."""

    @property
    def value(self) -> float: ...


class SameShareDoor(Protocol):
    """Where the command line gives average precision under a rule for ties."""

    def same_share_map(
        self, same_share: NDArray[np.float64], distances: NDArray[np.float64], ties: str
    ) -> AveragePrecision: ...


@dataclass(frozen=True)
class JndAgreement:
    """JND mAP of a metric over the pairs of a category, or its mean over categories.

    `jnd_map` has a value in [0, 1] for each of `RULES`; `tied_pairs` of the `n_pairs` share their distance.
    """

    metric: str
    category: str
    n_pairs: int
    tied_pairs: int
    jnd_map: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The fields under their names."""
        return asdict(self)


def jnd_agreement(scores: TripletScores, door: SameShareDoor) -> list[JndAgreement]:
    """By metric: of each category, then the mean over them.

    Source: Zhang et al. 2018, Section 4.2 and Table 6 (mean of both sets); Ghildyal & Liu 2022, Section 6.
    """
    found: list[JndAgreement] = []
    categories = list(dict.fromkeys(pair.category for pair in scores.triplets))
    for metric, distances in scores.distances.items():
        of_metric = []
        for category in categories:
            pairs = [pair for pair in scores.triplets if pair.category == category]
            same = np.array([pair.judge for pair in pairs])
            values = np.array([distances[pair.key][0] for pair in pairs])
            repeats = Counter(values.tolist()).values()
            of_metric.append(
                JndAgreement(
                    metric,
                    category,
                    len(pairs),
                    sum(number for number in repeats if number > 1),
                    {rule: float(door.same_share_map(same, values, rule).value) for rule in RULES},
                )
            )
        means = {rule: fmean(each.jnd_map[rule] for each in of_metric) for rule in RULES}
        n_pairs, tied = (sum(getattr(each, name) for each in of_metric) for name in ("n_pairs", "tied_pairs"))
        found += [*of_metric, JndAgreement(metric, ALL, n_pairs, tied, means)]
    return found


def jnd_table(agreements: Sequence[JndAgreement]) -> str:
    """The same for a terminal."""
    rows: list[tuple[str, ...]] = [("metric", "category", "pairs", "tied", "JND mAP", "block", "paper")]
    for each in agreements:
        values = (f"{each.jnd_map[rule]:.4f}" for rule in RULES)
        rows.append((each.metric, each.category, f"{each.n_pairs:,}", f"{each.tied_pairs:,}", *values))
    return (
        f"{align(rows)}\n\nTies: JND mAP is the mean over all orders of pairs of one distance; block takes them as one "
        'step; paper is the order that NumPy 1.24 leaves.\n"all" is the mean over categories.'
    )
