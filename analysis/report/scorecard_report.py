"""The page that shows metrics against every set of judgments that is at hand."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.report.content import Figure, Report, Section, Table, counted, interval, listed, number
from analysis.report.scorecard import NOT_HUMAN, Scorecard, ScoreColumn
from analysis.report.scorecard_figure import plot_scorecard, scorecard_size
from analysis.results import Estimate

CEILING = "noise ceiling"
CHANCE = "chance, or shift alone"


def scorecard_report(card: Scorecard, sections: Sequence[Section], footer: tuple[tuple[str, str], ...]) -> Report:
    """All columns in one table and figure, then each set of judgments, and how each figure was computed."""
    sets = list(dict.fromkeys(column.judgments for column in card.columns))
    not_human = [name for name in sets if NOT_HUMAN in name]
    of = "" if not_human else " of people"
    # Before all figures, as in the report of one study.
    warning = (
        f"{counted(len(not_human), 'set')} of judgments {'is' if len(not_human) == 1 else 'are'} not of people: what "
        "stands there says nothing about them."
    )
    summary = (
        *([warning] if not_human else []),
        f"{counted(len(card.metrics), 'metric')} against {counted(len(sets), 'set')} of judgments{of}: "
        f"{listed(sets)}. Each figure is beside what can be reached at most, for people differ and votes are few, and "
        "what takes no look at the images.",
    )
    title = "Metrics against people's judgments" if of else "Metrics against judgments"
    label = "Judgments that are not of people" if not_human else ""
    return Report(title, summary, (_overview(card), *sections, _methods(card)), footer, label)


def _overview(card: Scorecard) -> Section:
    rows = [
        (name, *(_cell(column.values.get(name, _NOTHING), column.digits) for column in card.columns))
        for name in card.metrics
    ]
    rows.append((CEILING, *map(_ceiling, card.columns)))
    rows.append((CHANCE, *(number(column.chance, column.digits) for column in card.columns)))
    table = Table(
        "scorecard",
        "Each metric on each set of judgments, with 95% intervals. A dash: not scored on this set, or no such figure.",
        ("Metric", *(f"{column.judgments}: {column.figure}" for column in card.columns)),
        tuple(rows),
        card.to_frame(),
    )
    figure = Figure(
        "scorecard",
        "The same with intervals: what takes no look at the images as a dashed line, the noise ceiling as a line of "
        "dashes and dots, or a band where it is known within limits.",
        "; ".join(
            f"{column.figure} of {name}: {interval(one, column.digits)}"
            for column in card.columns
            for name, one in column.values.items()
        ),
        lambda ax: plot_scorecard(card, ax),
        scorecard_size(card),
    )
    return Section("overview", "Overview", (), (table, figure), results={"scorecard": card.to_json()})


def _methods(card: Scorecard) -> Section:
    lines = []
    for column in card.columns:
        methods = dict.fromkeys(one.method for one in column.values.values())
        lines.append(f"{column.judgments}, {column.figure}: {'; or '.join(methods) or 'no metric was scored'}.")
    lines.append(
        "Intervals are for other images of the kind: they draw photographs, triplets or references anew. Figures of "
        "different columns have different scales and cannot be compared with each other; metrics in one column can."
    )
    return Section("methods", "How each figure was computed", tuple(lines))


def _cell(estimate: Estimate, digits: int) -> str:
    """A figure and its interval, which may stand below it but stays in one piece."""
    return interval(estimate, digits).replace(", ", ",\N{NO-BREAK SPACE}")


def _ceiling(column: ScoreColumn) -> str:
    low, high = column.ceiling_low, column.ceiling_high
    if low is None or high is None or low == high:
        return number(high, column.digits)
    return f"{number(low, column.digits)} to {number(high, column.digits)}"


_NOTHING = Estimate(None, None, None, "not scored on this set")
