"""The 2AFC score of metrics on the answers of a study, with what people themselves reach, version by version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.results import Estimate, Result
from analysis.triplets.ceiling import best_answers, majority_of_others
from analysis.triplets.comparisons import PairedDifference
from analysis.two_alternative.answer_values import TripletValues, agreements, retest_pairs
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.comparisons import paired
from analysis.two_alternative.disagreement import disagreement
from analysis.two_alternative.drawn_means import DrawnMeans, in_percent
from analysis.two_alternative.flips import mean_of_triplets
from analysis.two_alternative.score_files import MetricDistances
from analysis.two_alternative.shares import StimulusShare, VersionShares, stimulus_shares

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

CHANCE_PERCENT = 50.0
"""Of answers at random: the floor."""


@dataclass(frozen=True)
class PeopleScores(Result):
    """What those who know people reach in 2AFC on one version, in percent; every triplet counts the same.

    `best_answers`: of who prefers in each triplet what most of its own judges do; no metric can score higher on these
    answers. `majority_of_others`: of the majority of all judges but one, scored by that one. `one_person`: of one more
    person, the chance that two people agree. The latter two are of triplets with two answers or more.
    """

    shift_px: int
    triplets: int
    answers: int
    best_answers: Estimate
    majority_of_others: Estimate
    one_person: Estimate


@dataclass(frozen=True)
class MetricScore(Result):
    """A metric's 2AFC score in percent on one version: the mean over triplets of the share of people who prefer the
    image that it finds nearer, half for a tie (Zhang et al. 2018, Section 3). `ties`: triplets with one."""

    name: str
    shift_px: int
    triplets: int
    ties: int
    two_afc: Estimate


@dataclass(frozen=True)
class TwoAfcTable(Result):
    """Shares of people, what people reach, and metrics.

    `same_again`: in percent, how often a person prefers the same image of a stimulus asked twice.
    `chance`: the floor. `comparisons`: of metrics with each other on the same answers.
    """

    participants: int
    triplets: int
    photographs: int
    shares: tuple[StimulusShare, ...]
    rows: tuple[PeopleScores, ...]
    same_again: Estimate
    chance: float
    metrics: tuple[MetricScore, ...]
    comparisons: tuple[PairedDifference, ...]
    replicates: int
    seed: int
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One line a figure, of people and of metrics, in percent."""
        import pandas as pd

        return pd.DataFrame(lines(self), columns=list(LINE))


LINE = ("source", "outcome", "shift_px", "stimulus", "triplets", "answers", "estimate", "low", "high", "method")
Line = tuple[str | int | float | None, ...]


def lines(table: TwoAfcTable) -> list[Line]:
    """A line of the cells of `LINE` for each figure, the shares of single stimuli among them; in percent."""

    def line(source: str, outcome: str, shift: int | None, of: tuple[str | int | None, ...], e: Estimate) -> Line:
        return (source, outcome, shift, *of, e.estimate, e.low, e.high, e.method)

    found = [
        line("people", name, row.shift_px, (None, row.triplets, row.answers), getattr(row, name))
        for row in table.rows
        for name in ("best_answers", "majority_of_others", "one_person")
    ]
    nothing = (None, None, None)
    found.append(line("people", "same_again", None, nothing, table.same_again))
    found.append(line("chance", "two_afc", None, nothing, Estimate(table.chance, None, None, "")))
    found += [line(one.name, "two_afc", one.shift_px, (None, one.triplets, None), one.two_afc) for one in table.metrics]
    return [
        *found,
        *(
            line("people", "share_second", one.shift_px, (one.stimulus, 1, one.answers), in_percent(one.share_second))
            for one in table.shares
        ),
    ]


def two_afc_table(
    choices: Choices, metrics: Sequence[MetricDistances] = (), *, replicates: int = 2000, seed: int = 0
) -> TwoAfcTable:
    """Scores on each version by people's first answers to it, with intervals for other people and photographs."""
    retest = retest_pairs(choices)
    keys = [(one.name, shift) for shift in choices.versions for one in metrics]
    columns = [agreements(choices, shift, one.prefers_second(shift)) for shift in choices.versions for one in metrics]
    means = DrawnMeans.of(choices, [retest, *columns], replicates, seed)
    comparisons: list[PairedDifference] = []
    for shift in choices.versions:
        places = {name: 1 + place for place, (name, version) in enumerate(keys) if version == shift}
        pairs = list(combinations(places, 2))
        if pairs:
            told = means.differences([(places[one], places[other]) for one, other in pairs])
            comparisons += paired("two_afc", shift, pairs, told, called=f"2AFC at {shift} px")
    flipped = DrawnMeans.of(choices, [retest], replicates, seed).mean(0)
    return TwoAfcTable(
        participants=choices.people,
        triplets=len(np.unique(choices.triplet)),
        photographs=choices.photographs,
        shares=stimulus_shares(choices),
        rows=tuple(_people(choices, shift, replicates, seed) for shift in choices.versions),
        same_again=remainder(flipped),
        chance=CHANCE_PERCENT,
        metrics=tuple(
            MetricScore(
                name=name,
                shift_px=shift,
                triplets=len(column.by_triplet.value),
                ties=_ties(metrics, name, shift, column.by_triplet),
                two_afc=means.mean(1 + place),
            )
            for place, ((name, shift), column) in enumerate(zip(keys, columns, strict=True))
        ),
        comparisons=tuple(comparisons),
        replicates=replicates,
        seed=seed,
        notes=choices.notes,
    )


def _people(choices: Choices, shift: int, replicates: int, seed: int) -> PeopleScores:
    shares = VersionShares.of(choices, shift)
    several = np.flatnonzero(shares.answers > 1)
    some = np.flatnonzero(shares.answers)
    votes = shares.answers[several]
    between = disagreement(choices, shift, before_px=shift, replicates=replicates, seed=seed)
    values = (
        TripletValues(best_answers(shares.share[some]), some),
        TripletValues(majority_of_others(shares.share[several], votes), several),
    )
    best, others = (mean_of_triplets(choices, one, replicates, seed) for one in values)
    return PeopleScores(
        shift_px=shift,
        triplets=len(some),
        answers=int(shares.answers.sum()),
        best_answers=best,
        majority_of_others=others,
        one_person=remainder(between.within),
    )


def remainder(estimate: Estimate) -> Estimate:
    """100% less an estimate."""
    if estimate.estimate is None:
        return estimate
    low, high = (None if end is None else 100 - end for end in (estimate.high, estimate.low))
    return Estimate(100 - estimate.estimate, low, high, estimate.method)


def _ties(metrics: Sequence[MetricDistances], name: str, shift: int, judged: TripletValues) -> int:
    told = next(one for one in metrics if one.name == name).prefers_second(shift)
    return int(np.count_nonzero(told[judged.triplet] == 0.5))
