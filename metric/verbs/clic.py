"""`shift-study clic`: metrics on the triplets of the Challenge on Learned Image Compression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metric.verbs.options import print_json
from metric.verbs.triplet_scoring import Pass, scoring_options, shifts_option, summary, summary_table


@click.group("clic")
def clic_group() -> None:
    """Metrics on the judged triplets of CLIC, the Challenge on Learned Image Compression."""


@clic_group.command("score")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="FILE.parquet, FILE.csv or FILE.csv.gz",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the images, where it is not that of the CSV file.",
)
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(min=16),
    metavar="N",
    help="Resize images to a shorter side of N pixels first; by default they stay as they are.",
)
@shifts_option
@scoring_options
@click.pass_context
def clic_score_verb(
    context: click.Context,
    /,
    data: Path,
    output: Path,
    images: Path | None,
    size_px: int | None,
    shifts: tuple[int, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Score the triplets of DATA, CLIC's CSV file of original, image A, image B and answer, under metrics.

    The table that is written has a row for each metric and triplet: distances of the whole images, and of the paper's
    crops moved by --shifts. `shift-study clic table` reads it. The same command goes on where a killed one was.

    \b
    Example: shift-study clic score clic2021/answers.csv --images clic2021/crops --metric stlpips-alex -o clic.parquet
    """
    from metric.extra import require_torch

    require_torch("`shift-study clic score`")
    from metric.triplets.clic_file import read_clic

    scoring = Pass(**options)
    found = scoring.score(
        context,
        lambda: read_clic(data, images, skip_bad=scoring.skip_bad),
        size_px=size_px,
        filter_="bicubic",
        shifts=shifts,
        output=output,
    )
    if found is None:
        return
    run, scores, arithmetic = found
    if as_json:
        print_json({"source": str(data), **summary(run, scores, arithmetic)})
    else:
        click.echo(summary_table(run, scores, f"clic table {run.output}"))
