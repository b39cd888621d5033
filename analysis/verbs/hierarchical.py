"""`psychometric --hierarchical`: thresholds of single people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.options import StudyReader, responses_for, rules_for, shown, store_figure
from analysis.verbs.who_answered import print_json

if TYPE_CHECKING:
    from analysis.hierarchical.function import HierarchicalFunction

HIERARCHICAL = click.option(
    "--hierarchical",
    is_flag=True,
    help="Single people's thresholds instead, and how much people and photographs differ; half as many draws as "
    "--replicates of each of four chains.",
)


def show_hierarchical(
    reader: StudyReader,
    source: str,
    core: str,
    replicates: int,
    seed: int,
    rules: str | None,
    figure: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print the hierarchical psychometric function of a source of responses, and draw its figure.

    Raises: `AnalysisError` where the source holds only numbers of answers, or answers of nobody known.
    """
    from analysis.errors import AnalysisError
    from analysis.hierarchical.figure import plot_participants
    from analysis.hierarchical.function import hierarchical_function
    from analysis.responses.sources import is_counts

    if is_counts(source):
        raise AnalysisError(
            f"{source} holds numbers of answers and not who gave them, so that nothing can be said of single people: "
            "leave --hierarchical out."
        )
    responses = responses_for(reader, source, rules_for(reader, source, rules))
    found = hierarchical_function(responses, core=core, draws=replicates // 2, seed=seed)
    store_figure(figure, lambda ax: plot_participants(found, ax), (7.2, 3.4))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(_text(found))


def _text(found: HierarchicalFunction) -> str:
    lines = [
        f"Core              {found.core}, of a typical participant and photograph",
        f"Threshold (50%)   {shown(found.threshold_px, 2, ' px')}",
        f"Median            {shown(found.median_px, 2, ' px')}",
        f"Spread            {shown(found.spread, 3)}",
        f"False-alarm rate  {shown(found.false_alarm_rate, 3)}",
        f"Lapse rate        {shown(found.lapse_rate, 3)}",
        f"Intervals         {found.threshold_px.method}",
        "",
        "Standard deviation between  of                 estimate                  odds of 0",
    ]
    lines += [
        f"{one.of:26}  {one.parameter:18} {shown(one.sd, 2):24} {one.odds_of_none:10.2g}" for one in found.deviations
    ]
    width = max(11, *(len(row.participant) for row in found.rows))
    lines += ["", f"{'Participant':{width}}  {'threshold':26} {'false alarms':24} {'lapses':24} answers"]
    lines += [
        f"{row.participant:{width}}  {shown(row.threshold_px, 2, ' px'):26} {shown(row.false_alarm_rate, 3):24} "
        f"{shown(row.lapse_rate, 3):24} {row.answers:>7,}"
        for row in found.rows
    ]
    lines += [
        "",
        f"{found.answers:,} answers of {found.participants:,} participants to {found.photographs:,} photographs; "
        f"R̂ {found.r_hat:.3f}, {found.effective_draws:,.0f} effective draws",
    ]
    return "\n".join([*lines, *found.notes])
