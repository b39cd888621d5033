"""How often the odd one is found: what a dashboard shows of an odd-one-out study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from study_server.tasks.charts import shares
from study_server.tasks.dashboard import SHIFTS, Answers, Cell, Counted, ResultsChart, ResultsTable, results
from study_server.tasks.odd_one_out.arrangements import PLACES, odd_place
from study_server.tasks.wilson import Share

CHANCE_PERCENT = 100 / len(PLACES)
"""Who guesses finds so many."""

LEAD = (
    "How often people found the one image of three that differs from the others, shift by shift. Who guesses finds a "
    "third of them."
)


@dataclass(frozen=True)
class ShiftCount:
    """The answers at one shift, how many of them are right, and to how many pairs they are."""

    shift_px: int
    right: Share
    pairs: int


def count_shifts(shown: Iterable[Counted], shifts: Iterable[int], *, accepted_only: bool) -> list[ShiftCount]:
    """The answers at each of the shifts. shown: pairs in their arrangements."""
    right: Counter[int] = Counter()
    answers: Counter[int] = Counter()
    pairs: dict[int, set[str]] = {}
    for each in shown:
        given = each.of(accepted_only=accepted_only)
        number = sum(given.values())
        answers[each.stratum] += number
        right[each.stratum] += given.get(odd_place(each.arrangement), 0)
        if number:
            pairs.setdefault(each.stratum, set()).add(each.stimulus)
    return [ShiftCount(shift, Share(right[shift], answers[shift]), len(pairs.get(shift, ()))) for shift in shifts]


def right_answers(answers: Answers) -> dict[str, Any]:
    """What the page of right answers shows."""
    shifts = [shift for shift in answers.settings.stimuli.all_shifts if shift]
    counts = count_shifts(answers.by_arrangement(), shifts, accepted_only=answers.accepted_only)
    chart = shares(
        [(each.shift_px, each.right) for each in counts],
        x_title=SHIFTS.axis, y_title="right, %", largest=max(shifts), levels=[(CHANCE_PERCENT, "chance")],
    )  # fmt: skip
    rows = [_row(each.shift_px, each.right, each.pairs) for each in counts]
    everything = sum((each.right for each in counts), Share(0, 0))
    rows.append(_row("all", everything, sum(each.pairs for each in counts)))
    head = (SHIFTS.column, "answers", "right", "right, %", "95 % interval", "pairs")
    about = "Share of right answers at each shift, with intervals, and a line at chance; the table says the same"
    return results(
        LEAD,
        [ResultsChart("right", "Right answers", about, chart)],
        [ResultsTable("by_shift", "Answers by shift", head, rows, total=True)],
    )


def _row(shift: Cell, right: Share, pairs: int) -> tuple[Cell, ...]:
    return shift, right.of, right.number, right.percent, right.interval, pairs
