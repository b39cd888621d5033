"""Metrics against every set of judgments that is at hand: one column a figure, one row a metric."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.agreement.comparison import Comparison
from analysis.opinions.metric_draws import Outcome
from analysis.opinions.opinion_agreement import OpinionAgreement
from analysis.results import Estimate, Result
from analysis.triplets.table import TripletTable

NOT_HUMAN = "votes not human"
"""What the judgments of a column are said to be where nobody made them."""


@dataclass(frozen=True)
class ScoreColumn(Result):
    """One figure of all metrics on one set of judgments.

    `judgments`: their kind and set, in words. `figure`: what is measured; `digits`: decimals that are shown.
    `higher_is_better`: of the figure. `values`: name of a metric → its figure; metrics that were not scored on the set
    are missing. `ceiling`: what can be reached at most with so many votes, from `ceiling_low` to `ceiling_high`, which
    are the same but for 2AFC; None where it is not known. `chance`: what no knowledge of the images reaches.
    """

    judgments: str
    figure: str
    digits: int
    higher_is_better: bool
    values: dict[str, Estimate]
    ceiling_low: float | None
    ceiling_high: float | None
    chance: float | None


@dataclass(frozen=True)
class Scorecard(Result):
    """All columns; `metrics`: names of the rows, in the order in which they come up."""

    metrics: tuple[str, ...]
    columns: tuple[ScoreColumn, ...]

    @classmethod
    def of(cls, *columns: ScoreColumn) -> Scorecard:
        """The columns side by side."""
        names = dict.fromkeys(name for column in columns for name in column.values)
        return cls(tuple(names), columns)

    def to_frame(self) -> pd.DataFrame:
        """One line a metric and column, with nothing rounded."""
        return pd.DataFrame(
            [
                {
                    "metric": name,
                    "judgments": column.judgments,
                    "figure": column.figure,
                    "estimate": one.estimate,
                    "low": one.low,
                    "high": one.high,
                    "ceiling_low": column.ceiling_low,
                    "ceiling_high": column.ceiling_high,
                    "chance": column.chance,
                    "method": one.method,
                }
                for name in self.metrics
                for column in self.columns
                if (one := column.values.get(name)) is not None
            ]
        )


def same_different_columns(found: Comparison, *, human: bool = True) -> tuple[ScoreColumn, ...]:
    """γ within shifts and JND mAP; chance is what the pixel shift alone has. human: whether people alone answered."""
    ceiling = found.ceiling
    judgments = "Same–different" if human else f"Same–different ({NOT_HUMAN})"
    return (
        _column(
            judgments,
            "γ within shifts",
            3,
            {one.name: one.concordance for one in found.metrics},
            ceiling.concordance,
            0.0,
        ),
        _column(
            judgments,
            "JND mAP",
            3,
            {one.name: one.jnd_map for one in found.metrics},
            ceiling.jnd_map,
            found.shift_baseline.estimate,
        ),
    )


def triplet_columns(found: TripletTable) -> tuple[ScoreColumn, ...]:
    """The 2AFC score, or accuracy, and the rate of rank flips at the smallest shift."""
    judgments = f"Triplets, {triplet_set(found)}"
    others = found.ceiling.majority_of_others
    best = None if others is None else found.ceiling.best_answers.estimate
    columns = [
        ScoreColumn(
            judgments,
            "accuracy, %" if found.set == "clic" else "2AFC, %",
            1,
            True,
            {one.name: one.two_afc_interval for one in found.metrics},
            None if others is None else others.estimate,
            best,
            found.chance,
        )
    ]
    shift = next((shift for shift in found.shifts_px if shift > 0), None)
    if shift is not None:
        values = {one.name: one.rank_flip_rate_interval[shift] for one in found.metrics}
        columns.append(ScoreColumn(judgments, f"flips at {shift} px, %", 1, False, values, None, None, None))
    return tuple(columns)


def triplet_set(found: TripletTable) -> str:
    """The set of triplets in words: `BAPPS 64 px`."""
    size = "" if found.size_px is None else f" {found.size_px} px"
    return f"{found.set.upper()}{size}" + ("" if found.votes == "human" else f" ({NOT_HUMAN})")


_CORRELATIONS: tuple[tuple[Outcome, str], ...] = (("srcc", "SRCC"), ("plcc", "PLCC"))


def opinion_columns(found: OpinionAgreement) -> tuple[ScoreColumn, ...]:
    """SRCC and PLCC; chance is 0."""
    return tuple(
        _column(
            f"Opinions, {found.set}",
            figure,
            3,
            {one.name: one.of(outcome) for one in found.metrics},
            None if found.ceiling is None else found.ceiling.of(outcome),
            0.0,
        )
        for outcome, figure in _CORRELATIONS
    )


def _column(
    judgments: str,
    figure: str,
    digits: int,
    values: dict[str, Estimate],
    ceiling: Estimate | None,
    chance: float | None,
) -> ScoreColumn:
    most = None if ceiling is None else ceiling.estimate
    return ScoreColumn(judgments, figure, digits, True, values, most, most, chance)
