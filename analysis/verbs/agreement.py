"""The verb `jnd`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.options import FILE, RULES, StudyReader, rules_for

if TYPE_CHECKING:
    from analysis.agreement.tie_rules import Ties


@click.command()
@click.argument("source")
@click.option(
    "--distances",
    type=FILE,
    required=True,
    metavar="FILE",
    help="CSV with the columns pair and distance; smaller means more alike.",
)
@click.option(
    "--ties",
    type=click.Choice(["expected", "block", "paper"]),
    default="expected",
    show_default=True,
    help="Equal distances: the mean over all their orders, one step for all of them, "
    "or the order that the paper's program happened on.",
)
@click.option(
    "--min-responses",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Leave out pairs with fewer responses.",
)
@RULES
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def jnd(
    reader: StudyReader,
    source: str,
    distances: Path,
    ties: Ties,
    min_responses: int,
    rules: str | None,
    as_json: bool,
) -> None:
    """How well a metric's distances rank pairs as people judge them: JND mAP, as in Table 8.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study jnd my-study --distances distances.csv
              shift-study jnd ghildyal2022 --distances pim1.csv --ties paper --json
    """
    from analysis.agreement.distances import read_distances
    from analysis.agreement.jnd import Judgments
    from analysis.responses.sources import read_responses

    judgments = Judgments.from_responses(read_responses(source, reader.study_rows, rules_for(reader, source, rules)))
    result = judgments.jnd_map(read_distances(distances), ties=ties, min_responses=min_responses)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=2))
        return
    error = f"  (standard error {result.standard_error:.6f})" if result.standard_error else ""
    click.echo(f"JND mAP   {result.jnd_map:.4f}{error}")
    click.echo(f"Pairs     {result.n_pairs:,} with at least {result.min_responses} responses")
    click.echo(f"Ties      {result.ties}: {result.tied_pairs:,} pairs share a distance; {result.method}")
