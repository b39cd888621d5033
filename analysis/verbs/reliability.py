"""The verb `reliability`."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.verbs.options import (
    FIGURE,
    REPLICATES,
    RULES,
    SEED,
    StudyReader,
    responses_for,
    rules_for,
    shown,
    store_figure,
)
from analysis.verbs.who_answered import Verb, print_json


@click.command(cls=Verb)
@click.argument("source")
@click.option(
    "--splits",
    type=click.IntRange(1, 10_000),
    default=500,
    show_default=True,
    metavar="N",
    help="Number of random halves.",
)
@REPLICATES
@SEED
@RULES
@FIGURE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def reliability(
    reader: StudyReader,
    source: str,
    splits: int,
    replicates: int,
    seed: int,
    rules: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """How far people agree: Krippendorff's alpha, split-half reliability, each participant with the rest.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper. The figure shows alpha by shift.

    \b
    Example:  shift-study reliability my-study
              shift-study reliability ghildyal2022 --json
    """
    from analysis.figure_style import check_figure
    from analysis.observers.accepted_answers import ANSWER_COLUMNS
    from analysis.observers.reliability import reliability as compute
    from analysis.observers.reliability_figure import plot_alpha_by_shift

    if figure is not None:
        check_figure(figure)
    responses = responses_for(reader, source, rules_for(reader, source, rules), ANSWER_COLUMNS)
    found = compute(responses, replicates=replicates, splits=splits, seed=seed)
    store_figure(figure, lambda ax: plot_alpha_by_shift(found, ax))
    if as_json:
        print_json(found.to_json())
        return
    click.echo(f"Krippendorff's α          {shown(found.alpha, 3)}")
    click.echo(f"  within shifts           {shown(found.alpha_within_shift, 3)}")
    click.echo(f"Split-half correlation    {shown(found.split_half, 3)}")
    click.echo(f"  within shifts           {shown(found.split_half_within_shift, 3)}")
    click.echo(f"Reliability of the shares {shown(found.reliability, 3)}")
    click.echo(f"  within shifts           {shown(found.reliability_within_shift, 3)}")
    click.echo(
        f"Answers                   {found.answers:,} to {found.pairs:,} pairs of {found.photographs:,} photographs"
    )
    click.echo(f"Intervals                 {found.alpha.method}")
    click.echo("\n shift   answers   pairs   α")
    for row in found.shifts:
        click.echo(f"{row.shift_px:>6} {row.answers:>9,} {row.pairs:>7,}   {shown(row.alpha, 3)}")
    if found.rows:
        click.echo("\nparticipant   answers   agreement with the rest")
        for participant in sorted(found.rows, key=lambda row: (row.agreement.estimate is None, row.agreement.estimate)):
            click.echo(f"{participant.participant:13} {participant.answers:>7}   {shown(participant.agreement, 3)}")
    for note in found.notes:
        click.echo(note)
