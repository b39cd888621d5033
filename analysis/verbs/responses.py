"""The verbs `export` and `table1`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from analysis.verbs.options import FILE, RULES, StudyReader, responses_for, rules_for
from analysis.verbs.who_answered import Verb, label, note_who_answered, print_json


@click.command(cls=Verb)
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=FILE,
    required=True,
    metavar="FILE",
    help="Ends in .csv, .jsonl, .parquet, or .json for the form of the paper's user_jnd.json.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@RULES
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_obj
def export(reader: StudyReader, source: str, output: Path, force: bool, rules: str | None, as_json: bool) -> None:
    """Write the responses of SOURCE to a file, with the marks of the exclusion rules.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study export my-study -o responses.csv
    """
    # Arrow's own allocator keeps what many small tables have needed, one after the other.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from analysis.exclusions.exclusion_report import ExclusionReport
    from analysis.responses.response_files import check_output
    from analysis.responses.sources import export_responses

    check_output(output, overwrite=force)
    applied = rules_for(reader, source, rules)
    responses = export_responses(source, reader.study_rows, output, applied, overwrite=force)
    note_who_answered(responses, err=True)
    report = ExclusionReport.of(responses, applied)
    written = report.responses_analysed if output.suffix == ".json" else report.responses
    click.echo(f"Wrote {written:,} responses to {output}.\n{report.to_text()}", err=True)
    if as_json:
        print_json({"file": str(output), "written": written} | report.to_json())


@click.command(cls=Verb)
@click.argument("source")
@click.option("--json", "json_", is_flag=True, help="Print JSON, with nothing rounded.")
@click.option("--csv", "csv_", is_flag=True, help="Print CSV, one line a shift.")
@click.option("--latex", "latex_", is_flag=True, help="Print a LaTeX tabular.")
@click.option(
    "--figure",
    type=FILE,
    metavar="FILE",
    help="Draw the share of 'same' answers by shift; FILE ends in .png, .svg or .pdf.",
)
@RULES
@click.pass_obj
def table1(
    reader: StudyReader, source: str, json_: bool, csv_: bool, latex_: bool, figure: Path | None, rules: str | None
) -> None:
    """How often pairs were called the same, by shift: Table 1 of the paper.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper.

    \b
    Example:  shift-study table1 my-study
              shift-study table1 responses.csv --json --figure table1.svg
    """
    from analysis.figure_style import check_figure
    from analysis.observers.table1 import TABLE1_COLUMNS
    from analysis.observers.table1 import table1 as compute
    from analysis.observers.table1_figure import save_figure
    from analysis.observers.table1_layouts import as_csv, as_latex, as_text

    if sum((json_, csv_, latex_)) > 1:
        raise click.UsageError("--json, --csv and --latex are three layouts of one table: give one of them.")
    if figure is not None:
        check_figure(figure)
    applied = rules_for(reader, source, rules)
    table = compute(responses_for(reader, source, applied, TABLE1_COLUMNS), applied)
    if json_:
        print_json(table.to_json())
    else:
        click.echo((as_csv if csv_ else as_latex if latex_ else as_text)(table))
    if figure is not None:
        save_figure(table, figure, label())
        click.echo(f"Wrote {figure}.", err=True)
