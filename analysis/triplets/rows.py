"""The lines of a printed table of triplets: ours with the paper's beside, people and chance, the paper's others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.results import Estimate
from analysis.triplets.paper import PaperRow
from analysis.triplets.table import MetricScores, TripletTable

PEOPLE = (
    ("best_answers", "best answers to these votes"),
    ("majority_of_others", "majority of the other people"),
    ("one_person", "one more person"),
    ("one_person_plug_in", "the same, j² + (1 − j)²"),
)
"""Fields of the ceiling, and what they are called."""


@dataclass(frozen=True)
class Row:
    """A figure for each column, None where there is none; `beside`: of the metric in the line before."""

    label: str
    figures: tuple[Estimate | None, ...]
    beside: bool = False


@dataclass(frozen=True)
class Printed:
    """Headings and lines in parts, each under a title of its own or none; `digits`: decimals of each column."""

    score: str
    shifts: tuple[int, ...]
    counts: bool
    parts: tuple[tuple[str, tuple[Row, ...]], ...]

    @property
    def digits(self) -> tuple[int, ...]:
        """Decimals of the score and of the flips at each shift."""
        return (2, *((0 if self.counts else 2) for _ in self.shifts))


def printed(table: TripletTable) -> Printed:
    """The lines of a table: numbers of flips for CLIC, as in Table 4, otherwise their rates."""
    counts = table.set == "clic"
    shifts = sorted({*table.shifts_px, *(s for row in table.paper for s in (row.rank_flip_rate | row.rank_flips))})
    ours: list[Row] = []
    shown: set[tuple[int, str]] = set()
    for metric in table.metrics:
        ours.append(Row(metric.name, _ours(metric, tuple(shifts), counts)))
        for row in table.paper:
            if metric.name in row.metrics:
                ours.append(Row(f"paper, Table {row.table}", _paper(row, tuple(shifts), counts), beside=True))
                shown.add((row.table, row.label))
    parts = [("", tuple(ours)), ("", tuple(_people(table, len(shifts))))]
    for number in dict.fromkeys(row.table for row in table.paper):
        rows = [row for row in table.paper if row.table == number and (number, row.label) not in shown]
        title = f"{'Others in the' if any(known == number for known, _ in shown) else 'The'} paper's Table {number}"
        size = {2: " (64 px)", 3: " (256 px)"}.get(number, "")
        parts.append((title + size, tuple(Row(row.label, _paper(row, tuple(shifts), counts)) for row in rows)))
    return Printed("Accuracy, %" if counts else "2AFC, %", tuple(shifts), counts, tuple(parts))


def _ours(metric: MetricScores, shifts: tuple[int, ...], counts: bool) -> tuple[Estimate | None, ...]:
    flips = metric.rank_flips_interval if counts else metric.rank_flip_rate_interval
    return (metric.two_afc_interval, *(flips.get(shift) for shift in shifts))


def _paper(row: PaperRow, shifts: tuple[int, ...], counts: bool) -> tuple[Estimate | None, ...]:
    flips = row.rank_flips if counts else row.rank_flip_rate
    values = (row.two_afc, *(flips.get(shift) for shift in shifts))
    return tuple(None if value is None else Estimate(value, None, None, "paper") for value in values)


def _people(table: TripletTable, shifts: int) -> Iterator[Row]:
    for field, label in PEOPLE:
        estimate = getattr(table.ceiling, field)
        # Of one vote each the best answers are these votes, whatever people think.
        if estimate is not None and table.ceiling.votes_each != 1:
            yield Row(label, (estimate, *[None] * shifts))
    yield Row("chance", (Estimate(table.chance, None, None, "chance"), *[None] * shifts))
