"""The verb `opinions`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.options import FIGURE, FILE, REFERENCE_REPLICATES, SEED, store_figure

if TYPE_CHECKING:
    from analysis.opinions.opinion_agreement import OpinionAgreement


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--distances",
    "files",
    multiple=True,
    metavar="FILE",
    help="CSV with the columns reference, image and distance, of the metric that the column metric names, or else the "
    "file; FILE or NAME=FILE; repeatable.",
)
@click.option("--higher-is-worse", is_flag=True, help="Higher scores say that people saw more difference (DMOS).")
@REFERENCE_REPLICATES
@SEED
@FIGURE
@click.option("--json", "form", flag_value="json", help="Print JSON, with nothing rounded.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, a line a metric, with nothing rounded.")
@click.option("--latex", "form", flag_value="latex", help="Print a LaTeX table.")
def opinions(
    file: Path,
    files: tuple[str, ...],
    higher_is_worse: bool,
    replicates: int,
    seed: int,
    figure: Path | None,
    form: str | None,
) -> None:
    """How well metrics agree with mean opinion scores: SRCC, KRCC, PLCC and RMSE after a logistic.

    FILE is a CSV file with the columns reference, image and score, and its standard_error if it is known; or with
    votes, or with observer and score, a line a vote. Or it is the folder of TID2013, KADID-10k or PIPAL. Without
    --distances it says what a metric that knew everybody's opinion would reach.

    \b
    Example:  shift-study opinions scores.csv --distances ssim.csv --distances lpips=distances.csv
              shift-study score-images tid2013 --metric ssim -o ssim.csv
              shift-study opinions tid2013 --distances ssim.csv --json
    """
    from tqdm import tqdm

    from analysis.errors import AnalysisError
    from analysis.figure_style import check_figure
    from analysis.opinions.opinion_agreement import agree
    from analysis.opinions.reading import read_image_distances, read_opinions
    from analysis.report.opinions_section import plot_srcc

    if figure is not None:
        if not files:
            raise click.UsageError("--figure shows metrics, but none is given; add one with --distances.")
        check_figure(figure)
    given = read_opinions(file, higher_is_worse=True if higher_is_worse else None)
    distances, _ = read_image_distances(files)
    with tqdm(total=len(distances) + 1, desc="opinions", unit="metric", delay=1, leave=False) as bar:
        found = agree(given, distances, replicates=replicates, seed=seed, progress=bar.update)
    if found.metrics:
        store_figure(figure, lambda ax: plot_srcc(found, ax), (5.6, 1.6 + 0.32 * len(found.metrics)))
    click.echo(_printed(found, form), nl=form not in ("csv", "latex"))
    if files and not found.metrics:
        raise AnalysisError("None of the metrics could be used: " + " ".join(found.left_out.values()))


def _printed(found: OpinionAgreement, form: str | None) -> str:
    from analysis.opinions.opinion_layout import as_text
    from analysis.report.opinions_section import agreement_table
    from analysis.report.table_files import as_csv, as_latex

    if form == "json":
        return json.dumps(found.to_json(), indent=2, ensure_ascii=False)
    if form is None:
        return as_text(found)
    return as_csv(agreement_table(found)) if form == "csv" else as_latex(agreement_table(found))
