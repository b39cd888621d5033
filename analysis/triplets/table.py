"""2AFC scores and rank flips of metrics on the same triplets, with what to hold them against: Tables 2, 3 and 4."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.results import Estimate, Result
from analysis.triplets.ceiling import VotesCeiling
from analysis.triplets.comparisons import PairedDifference
from analysis.triplets.paper import PaperRow

if TYPE_CHECKING:
    import pandas as pd

CHANCE_PERCENT = 50.0
"""2AFC score of answers at random."""

MACRO = "all"
"""What stands for the category of a mean over categories."""
LINE = ("source", "metric", "outcome", "shift_px", "category", "samples", "estimate", "low", "high", "method")

Line = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class CategoryScores(Result):
    """A metric's figures in % on the `samples` of one category; flips by shift in pixels."""

    category: str
    samples: int
    two_afc: float
    two_afc_interval: Estimate
    rank_flip_rate: dict[int, float]
    rank_flip_rate_interval: dict[int, Estimate]


@dataclass(frozen=True)
class MetricScores(Result):
    """A metric's figures, one row a category.

    `two_afc`: 2AFC score in %, the mean over categories of the means over their samples, a tie counting half; with one
    vote on each triplet that is the accuracy. `rank_flip_rate`: in %, averaged likewise, by shift in pixels.
    `rank_flips`: numbers of samples in all that flip. `ties`: samples whose two images are equally far from the
    reference.
    """

    name: str
    two_afc: float
    two_afc_interval: Estimate
    rank_flip_rate: dict[int, float]
    rank_flip_rate_interval: dict[int, Estimate]
    rank_flips: dict[int, int]
    rank_flips_interval: dict[int, Estimate]
    ties: int
    rows: tuple[CategoryScores, ...]


@dataclass(frozen=True)
class TripletTable(Result):
    """Metrics, comparisons of each with each, what people reach, and the paper's figures.

    `set`, `votes`, `size_px`, `size_stated`: as of `TripletScores`. `baseline`: against which flips are counted, `crop`
    (Eq. 1's crops without shift) or `whole` (where there are none). `clusters`: what is drawn anew, `references` or
    `samples`. `chance`: the 2AFC score of answers at random.
    `notes`: sentences on how the figures came about; `paper_notes`: on those of `paper`.
    """

    set: str
    votes: str
    size_px: int | None
    size_stated: bool
    samples: int
    categories: dict[str, int]
    clusters: str
    shifts_px: tuple[int, ...]
    baseline: str
    replicates: int
    seed: int
    metrics: tuple[MetricScores, ...]
    comparisons: tuple[PairedDifference, ...]
    ceiling: VotesCeiling
    chance: float
    paper: tuple[PaperRow, ...]
    paper_notes: tuple[str, ...]
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One line for each metric, outcome, shift and category, the macro average among them, in %."""
        import pandas as pd

        return pd.DataFrame(lines(self), columns=list(LINE))


def lines(table: TripletTable) -> list[Line]:
    """A line of the cells of `LINE` for each figure: of our metrics by category, of people and chance, of the paper."""
    return [*_ours(table), *_people(table), *_paper(table)]


def _ours(table: TripletTable) -> Iterator[Line]:
    for metric in table.metrics:
        yield from _figures(metric.name, MACRO, table.samples, metric)
        for row in metric.rows:
            yield from _figures(metric.name, row.category, row.samples, row)
        for shift, estimate in metric.rank_flips_interval.items():
            yield _line("here", metric.name, "rank_flips", shift, MACRO, table.samples, estimate)


def _figures(name: str, category: str, samples: int, row: MetricScores | CategoryScores) -> Iterator[Line]:
    yield _line("here", name, "two_afc", None, category, samples, row.two_afc_interval)
    for shift, estimate in row.rank_flip_rate_interval.items():
        yield _line("here", name, "rank_flip_rate", shift, category, samples, estimate)


def _people(table: TripletTable) -> Iterator[Line]:
    for name in ("best_answers", "majority_of_others", "one_person", "one_person_plug_in"):
        estimate = getattr(table.ceiling, name)
        if estimate is not None:
            yield _line("people", name, "two_afc", None, MACRO, table.samples, estimate)
    yield ("chance", "chance", "two_afc", None, MACRO, None, table.chance, None, None, "")


def _paper(table: TripletTable) -> Iterator[Line]:
    for row in table.paper:
        source = f"paper, Table {row.table}"
        yield (source, row.label, "two_afc", None, MACRO, None, row.two_afc, None, None, "")
        for outcome, figures in (("rank_flip_rate", row.rank_flip_rate), ("rank_flips", row.rank_flips)):
            for shift, value in figures.items():
                yield (source, row.label, outcome, shift, MACRO, None, value, None, None, "")


def _line(
    source: str, metric: str, outcome: str, shift: int | None, category: str, samples: int, estimate: Estimate
) -> Line:
    figures = (estimate.estimate, estimate.low, estimate.high, estimate.method)
    return (source, metric, outcome, shift, category, samples, *figures)
