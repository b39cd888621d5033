"""How often people flip where both distorted images are shifted, beside how often they do without a cause, and metrics.

Flips of a metric are Eq. 2 of Ghildyal & Liu 2022. A person's flip is another preferred image of the same triplet; the
floor is how often they prefer another one where the very same stimulus is asked twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import AnalysisError
from analysis.results import Estimate, Result
from analysis.triplets.comparisons import PairedDifference
from analysis.triplets.draws import draw_means
from analysis.triplets.estimates import percent
from analysis.two_alternative.answer_values import AnswerValues, TripletValues, flip_pairs, retest_pairs
from analysis.two_alternative.choices import Choices, Integers
from analysis.two_alternative.comparisons import PEOPLE, paired
from analysis.two_alternative.disagreement import disagreement
from analysis.two_alternative.drawn_means import DrawnMeans
from analysis.two_alternative.majorities import majority_changes
from analysis.two_alternative.score_files import MetricDistances

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PeopleFlips(Result):
    """What people do at one shift, in percent; every triplet counts the same.

    `pairs`: of answers of one person, on `triplets`. `flip_rate`: of these, how many prefer another image. `excess`:
    the flip rate less the retest rate, in points, and `excess_p`, two-sided, that there is none.
    `disagreement_across`, `disagreement_within`, `share_change`: see `Disagreement`. `majority_changes`: triplets of
    which the majority changed, half for a tie, and `majority_changes_by_chance`: how many would without a cause.
    """

    shift_px: int
    pairs: int
    triplets: int
    flip_rate: Estimate
    excess: Estimate
    excess_p: float | None
    disagreement_across: Estimate
    disagreement_within: Estimate
    share_change: Estimate
    majority_changes: Estimate
    majority_changes_by_chance: Estimate


@dataclass(frozen=True)
class MetricFlips(Result):
    """A metric's rank-flip rate in percent of `triplets`, those on which people's flips are known too."""

    name: str
    shift_px: int
    triplets: int
    rank_flips: int
    rank_flip_rate: Estimate


@dataclass(frozen=True)
class FlipTable(Result):
    """Flips of people and of metrics by shift.

    `retest_rate`: in percent of `retest_pairs` of answers to a stimulus asked twice; the floor of the flip rate.
    `comparisons`: of metrics with people, and of metrics with each other; fewer flips are better.
    """

    participants: int
    triplets: int
    photographs: int
    retest_pairs: int
    retest_rate: Estimate
    rows: tuple[PeopleFlips, ...]
    metrics: tuple[MetricFlips, ...]
    comparisons: tuple[PairedDifference, ...]
    replicates: int
    seed: int
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One line a figure, of people and of metrics, in percent."""
        import pandas as pd

        return pd.DataFrame(lines(self), columns=list(LINE))


LINE = ("source", "outcome", "shift_px", "triplets", "pairs", "estimate", "low", "high", "method")
Line = tuple[str | int | float | None, ...]
_FIGURES = (
    "flip_rate",
    "excess",
    "disagreement_across",
    "disagreement_within",
    "share_change",
    "majority_changes",
    "majority_changes_by_chance",
)


def lines(table: FlipTable) -> list[Line]:
    """A line of the cells of `LINE` for each figure."""

    def line(source: str, outcome: str, shift: int | None, of: tuple[int | None, int | None], e: Estimate) -> Line:
        return (source, outcome, shift, *of, e.estimate, e.low, e.high, e.method)

    found = [line(PEOPLE, "retest_rate", None, (None, table.retest_pairs), table.retest_rate)]
    for row in table.rows:
        for name in _FIGURES:
            found.append(line(PEOPLE, name, row.shift_px, (row.triplets, row.pairs), getattr(row, name)))
    found += [
        line(one.name, "rank_flip_rate", one.shift_px, (one.triplets, None), one.rank_flip_rate)
        for one in table.metrics
    ]
    return found


def beyond_retest(row: PeopleFlips) -> str:
    """Whether people flip more than where the same is asked again, at a level of 0.05: the middle of a sentence."""
    if row.excess_p is None or row.excess_p >= 0.05:
        return "cannot be told apart from"
    return "is more than" if (row.excess.estimate or 0) > 0 else "is less than"


def flip_table(
    choices: Choices, metrics: Sequence[MetricDistances] = (), *, replicates: int = 2000, seed: int = 0
) -> FlipTable:
    """Flips at each shift that was asked about, with intervals for other people and other photographs.

    Raises: `AnalysisError` where the unshifted version, or any other, was not asked about.
    """
    if 0 not in choices.versions or not choices.shifts:
        raise AnalysisError(
            "Flips are told from answers to triplets both unshifted and shifted, but the answers are to versions of "
            f"{', '.join(map(str, choices.versions))} px alone."
        )
    shifts = choices.shifts
    flips = {shift: flip_pairs(choices, shift) for shift in shifts}
    retest = retest_pairs(choices)
    # The same triplets for metrics as for people, or all where nobody answered two versions.
    which = {shift: _triplets(choices, pairs.by_triplet.triplet, shift) for shift, pairs in flips.items()}
    of_metric = {(one.name, shift): one.flips(shift, which[shift]) for shift in shifts for one in metrics}
    columns: list[AnswerValues | TripletValues] = [*flips.values(), retest]
    # What is said of people does not depend on which metrics stand beside them.
    of_people = DrawnMeans.of(choices, columns, replicates, seed)
    means = DrawnMeans.of(choices, [*columns, *of_metric.values()], replicates, seed)
    floor = len(shifts)
    place = {key: floor + 1 + number for number, key in enumerate(of_metric)}
    rows: list[PeopleFlips] = []
    comparisons: list[PairedDifference] = []
    for number, shift in enumerate(shifts):
        excess, p_value = of_people.differences([(number, floor)])[0]
        between = disagreement(choices, shift, replicates=replicates, seed=seed)
        changed, chance = majority_changes(choices, shift)
        rows.append(
            PeopleFlips(
                shift_px=shift,
                pairs=len(flips[shift].value),
                triplets=len(flips[shift].by_triplet.value),
                flip_rate=of_people.mean(number),
                excess=excess,
                excess_p=p_value,
                disagreement_across=between.across,
                disagreement_within=between.within,
                share_change=between.share_change,
                majority_changes=mean_of_triplets(choices, changed, replicates, seed),
                majority_changes_by_chance=mean_of_triplets(choices, chance, replicates, seed),
            )
        )
        names = [one.name for one in metrics]
        pairs = [*((name, PEOPLE) for name in names if len(flips[shift].value)), *combinations(names, 2)]
        places = [(place[a, shift], number if b == PEOPLE else place[b, shift]) for a, b in pairs]
        if pairs:
            told = means.differences(places)
            comparisons += paired("rank_flip_rate", shift, pairs, told, called=f"flips at {shift} px")
    return FlipTable(
        participants=choices.people,
        triplets=len(np.unique(choices.triplet)),
        photographs=choices.photographs,
        retest_pairs=len(retest.value),
        retest_rate=of_people.mean(floor),
        rows=tuple(rows),
        metrics=tuple(
            MetricFlips(
                name=name,
                shift_px=shift,
                triplets=len(values.value),
                rank_flips=int(values.value.sum()),
                rank_flip_rate=mean_of_triplets(choices, values, replicates, seed, share=True),
            )
            for (name, shift), values in of_metric.items()
        ),
        comparisons=tuple(comparisons),
        replicates=replicates,
        seed=seed,
        notes=_notes(choices, len(retest.value), {shift: len(pairs.value) for shift, pairs in flips.items()}),
    )


def _triplets(choices: Choices, with_pairs: Integers, shift: int) -> Integers:
    if len(with_pairs):
        return with_pairs
    before, after = (choices.triplet[choices.first_asked(version)] for version in (0, shift))
    return np.asarray(np.intersect1d(before, after), dtype=np.int64)


def mean_of_triplets(
    choices: Choices, values: TripletValues, replicates: int, seed: int, *, share: bool = False
) -> Estimate:
    """The mean of triplets' values in percent, with an interval for other photographs."""
    if not len(values.value):
        return Estimate(None, None, None, "no triplet to tell it from")
    _, cluster = np.unique(choices.photograph[values.triplet], return_inverse=True)
    drawn, _ = draw_means(
        values.value[:, np.newaxis], np.zeros(len(cluster), np.int64), cluster, replicates=replicates, seed=seed
    )
    how = f"95% bootstrap interval over {drawn.clusters:,} photographs, {replicates:,} draws"
    return percent(drawn, 0, how, share=share)


def _notes(choices: Choices, retests: int, pairs: dict[int, int]) -> tuple[str, ...]:
    found = list(choices.notes)
    if not retests:
        found.append(
            "No stimulus was asked twice of anybody, so that the floor of the flip rate is not known: people flip "
            "without a cause too."
        )
    lacking = [shift for shift, count in pairs.items() if not count]
    if lacking:
        found.append(
            f"Nobody answered a triplet both unshifted and shifted by {', '.join(map(str, lacking))} px, so that flips "
            "of single people are not known there."
        )
    return tuple(found)
