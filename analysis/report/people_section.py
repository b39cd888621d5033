"""How small a shift single people see: the hierarchical psychometric function."""

from __future__ import annotations

import pandas as pd

from analysis.hierarchical.figure import plot_participants
from analysis.hierarchical.function import Deviation, HierarchicalFunction, hierarchical_function
from analysis.psychometric.cores import CORES
from analysis.report.content import Figure, Section, Table, counted, interval, listed, number, percent, sentence

_MEANING = {
    "log_median": "logarithm of the median",
    "log_spread": "logarithm of the spread",
    "false_alarm_logit": "false-alarm rate (logit of its double)",
    "lapse_logit": "lapse rate (logit of its double)",
}
# So many participants are printed from each end.
_SHOWN = 10


def people_section(responses: pd.DataFrame, *, core: str, replicates: int, seed: int) -> Section:
    """Thresholds of single people, and how much people and photographs differ.

    The core of the report is taken where it is one of logarithms, else the log-normal.
    """
    shape = core if CORES[core].logarithmic else "log-normal"
    found = hierarchical_function(responses, core=shape, draws=replicates // 2, seed=seed)
    text = (_thresholds(found), _differences(found.deviations), *found.notes)
    figure = Figure(
        "participant_thresholds",
        "Threshold of each participant (50% “different”, before a typical photograph) with its 95% interval, shrunken "
        "towards the typical participant's the more the fewer answers there are. "
        f"{sentence(found.threshold_px.method)}",
        _thresholds(found),
        lambda ax: plot_participants(found, ax),
        (6.6, 3.4),
    )
    items = (figure, _participants(found), _deviations(found))
    return Section("people", "Thresholds of single people", text, items, (), {"hierarchical": found.to_json()})


def _thresholds(found: HierarchicalFunction) -> str:
    """Single people are named only where people are seen to differ."""
    typical = (
        "A typical participant calls a typical photograph different half of the time at a shift of "
        f"{interval(found.threshold_px, 2, ' px')}"
    )
    if not any(one.sd.estimate for one in found.deviations if one.of == "participants"):
        return f"{typical}; the thresholds of {counted(found.participants, 'participant')} are not told apart."
    first, last = found.rows[0], found.rows[-1]
    return (
        f"{typical}; of {counted(found.participants, 'participant')} {first.participant} has the lowest threshold, "
        f"{interval(first.threshold_px, 2, ' px')}, and {last.participant} the highest, "
        f"{interval(last.threshold_px, 2, ' px')}."
    )


def _differences(deviations: tuple[Deviation, ...]) -> str:
    """In what people and photographs differ, in words."""
    said = []
    for of in dict.fromkeys(one.of for one in deviations):
        own = [one for one in deviations if one.of == of]
        some = [f"{_MEANING[one.parameter]} {interval(one.sd, 2)}" for one in own if one.sd.estimate]
        none = [_MEANING[one.parameter] for one in own if not one.sd.estimate]
        if some:
            said.append(f"The standard deviations between {of} are: {listed(some)}.")
        if none:
            said.append(f"{of.capitalize()} are not seen to differ in {listed(none)}.")
    return " ".join(said)


def _participants(found: HierarchicalFunction) -> Table:
    rows = found.rows
    shown = rows if len(rows) <= 2 * _SHOWN else (*rows[:_SHOWN], *rows[-_SHOWN:])
    some = "" if len(shown) == len(rows) else f" The {_SHOWN} lowest and highest; all are in the table's CSV file."
    return Table(
        "participant_thresholds",
        f"Thresholds, false-alarm and lapse rates of single participants, with 95% intervals.{some}",
        ("Participant", "Threshold (px)", "Spread", "False alarms", "Lapses", "Answers"),
        tuple(
            (
                row.participant,
                interval(row.threshold_px, 2),
                interval(row.spread, 2),
                percent(row.false_alarm_rate),
                percent(row.lapse_rate),
                f"{row.answers:,}",
            )
            for row in shown
        ),
        found.to_frame(),
    )


def _deviations(found: HierarchicalFunction) -> Table:
    first = found.deviations[0].sd.method.rpartition("; ")[2]
    return Table(
        "hierarchical_deviations",
        "How much participants and photographs differ: standard deviations of their effects. Odds: how many times "
        f"likelier the answers are where it is 0. {sentence(first)}",
        ("Of", "Parameter", "Standard deviation", "Odds of 0"),
        tuple(
            (one.of, _MEANING[one.parameter], interval(one.sd, 2), number(one.odds_of_none, 2))
            for one in found.deviations
        ),
        pd.concat([one.to_frame() for one in found.deviations], ignore_index=True),
        texts=(0, 1),
    )
