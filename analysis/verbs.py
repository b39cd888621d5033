"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from analysis.tie_rules import Ties


class StudyReader(Protocol):
    """What the composed command lends these verbs in the context's `obj`."""

    def study_rows(self, source: str) -> list[dict[str, Any]] | None:
        """Rows of the tidy response table of a study folder or a database URL; None for any other source."""


_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="Ends in .csv, .jsonl, .parquet, or .json for the form of the paper's user_jnd.json.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_obj
def export(reader: StudyReader, source: str, output: Path, force: bool, as_json: bool) -> None:
    """Write the responses of SOURCE to a file, with the marks of the exclusion rules.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study export my-study -o responses.csv
    """
    from analysis.exclusion_report import ExclusionReport
    from analysis.response_files import check_output, write_file
    from analysis.sources import read_responses

    check_output(output, overwrite=force)
    responses = read_responses(source, reader.study_rows)
    write_file(responses, output, overwrite=force)
    report = ExclusionReport.of(responses)
    written = report.responses_analysed if output.suffix == ".json" else report.responses
    click.echo(f"Wrote {written:,} responses to {output}.\n{report.to_text()}", err=True)
    if as_json:
        click.echo(json.dumps({"file": str(output), "written": written} | report.to_json(), indent=2))


@click.command()
@click.argument("source")
@click.option("--json", "json_", is_flag=True, help="Print JSON, with nothing rounded.")
@click.option("--csv", "csv_", is_flag=True, help="Print CSV, one line a shift.")
@click.option("--latex", "latex_", is_flag=True, help="Print a LaTeX tabular.")
@click.option(
    "--figure",
    type=_FILE,
    metavar="FILE",
    help="Draw the share of 'same' answers by shift; FILE ends in .png, .svg or .pdf.",
)
@click.pass_obj
def table1(reader: StudyReader, source: str, json_: bool, csv_: bool, latex_: bool, figure: Path | None) -> None:
    """How often pairs were called the same, by shift: Table 1 of the paper.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study table1 my-study
              shift-study table1 responses.csv --json --figure table1.svg
    """
    from analysis.sources import read_responses
    from analysis.table1 import table1 as compute
    from analysis.table1_figure import check_figure, save_figure
    from analysis.table1_layouts import as_csv, as_latex, as_text

    if sum((json_, csv_, latex_)) > 1:
        raise click.UsageError("--json, --csv and --latex are three layouts of one table: give one of them.")
    if figure is not None:
        check_figure(figure)
    table = compute(read_responses(source, reader.study_rows))
    if json_:
        click.echo(json.dumps(table.to_json(), indent=2))
    else:
        click.echo((as_csv if csv_ else as_latex if latex_ else as_text)(table))
    if figure is not None:
        save_figure(table, figure)
        click.echo(f"Wrote {figure}.", err=True)


@click.command()
@click.argument("source")
@click.option(
    "--distances",
    type=_FILE,
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def jnd(reader: StudyReader, source: str, distances: Path, ties: Ties, min_responses: int, as_json: bool) -> None:
    """How well a metric's distances rank pairs as people judge them: JND mAP, as in Table 8.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study jnd my-study --distances distances.csv
              shift-study jnd ghildyal2022 --distances pim1.csv --ties paper --json
    """
    from analysis.distances import read_distances
    from analysis.jnd import Judgments
    from analysis.sources import read_responses

    judgments = Judgments.from_responses(read_responses(source, reader.study_rows))
    result = judgments.jnd_map(read_distances(distances), ties=ties, min_responses=min_responses)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=2))
        return
    error = f"  (standard error {result.standard_error:.6f})" if result.standard_error else ""
    click.echo(f"JND mAP   {result.jnd_map:.4f}{error}")
    click.echo(f"Pairs     {result.n_pairs:,} with at least {result.min_responses} responses")
    click.echo(f"Ties      {result.ties}: {result.tied_pairs:,} pairs share a distance; {result.method}")


VERBS: list[click.Command] = [export, table1, jnd]
