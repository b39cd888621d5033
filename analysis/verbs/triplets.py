"""The verbs `bapps table` and `clic table`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from analysis.verbs.options import SEED
from analysis.verbs.two_alternative import bapps_export

_METRIC = click.option(
    "--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric of the files; repeatable."
)
_SHIFTS = click.option(
    "--shifts", metavar="1,…", help="Only flips at these shifts in pixels; all that the files have if left out."
)
_SIZE = click.option(
    "--size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Side in pixels to which images were resized, of files that do not say it: 64 and 256 have a table in the "
    "paper.",
)
_VOTES = click.option(
    "--votes-each",
    type=click.IntRange(min=1),
    metavar="N",
    help="Votes on each triplet, for what people reach; found from their shares if left out.",
)
_REPLICATES = click.option(
    "--replicates",
    type=click.IntRange(100, 100_000),
    default=10_000,
    show_default=True,
    metavar="B",
    help="How often triplets, or references that they share, are drawn anew for the intervals.",
)
_LAYOUTS: list[Callable[[Any], Any]] = [
    click.option("--json", "json_", is_flag=True, help="Print JSON, with nothing rounded."),
    click.option("--csv", "csv_", is_flag=True, help="Print CSV, one line a figure, with nothing rounded."),
    click.option("--latex", "latex_", is_flag=True, help="Print a LaTeX tabular for the booktabs package."),
]


def _options(verb: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options that both verbs have."""
    arguments = click.argument("files", nargs=-1, required=True, metavar="FILES...")
    for option in reversed([arguments, _METRIC, _SHIFTS, _SIZE, _VOTES, _REPLICATES, SEED, *_LAYOUTS]):
        verb = option(verb)
    return verb


@click.command("table")
@_options
def bapps_table(**given: Any) -> None:
    """Tables 2 and 3: 2AFC scores and rank-flip rates of metrics, with intervals, beside the paper's.

    FILES are triplet scores as shift-study bapps score writes them (.parquet, .csv, .csv.gz), or such with the columns
    category, sample, judge, d0, d1, d0_n0, d1_n0, d0_n1, d1_n1, …, one metric each; FILE or NAME=FILE.

    \b
    Example:  shift-study bapps table scores.parquet
              shift-study bapps table scores.parquet mine=mine.csv.gz --shifts 1 --latex
    """
    _table("bapps", **given)


@click.command("table")
@_options
def clic_table(**given: Any) -> None:
    """Table 4: accuracy of metrics and numbers of rank flips, with intervals, beside the paper's.

    FILES are triplet scores as shift-study clic score writes them (.parquet, .csv, .csv.gz); FILE or NAME=FILE.

    \b
    Example:  shift-study clic table scores.parquet
              shift-study clic table scores.parquet mine=mine.csv --csv
    """
    _table("clic", **given)


def _table(
    layout: str,
    files: tuple[str, ...],
    metrics: tuple[str, ...],
    shifts: str | None,
    size: int | None,
    votes_each: int | None,
    replicates: int,
    seed: int,
    json_: bool,
    csv_: bool,
    latex_: bool,
) -> None:
    from tqdm import tqdm

    from analysis.triplets.evaluation import triplet_table
    from analysis.triplets.scores import read_triplet_scores
    from analysis.triplets.table_layouts import as_csv, as_latex, as_text

    if sum((json_, csv_, latex_)) > 1:
        raise click.UsageError("--json, --csv and --latex are three layouts of one table: give one of them.")
    kept = _shifts(shifts)
    with tqdm(total=2, desc="reading scores", unit="step", delay=1, leave=False) as bar:
        scores = read_triplet_scores(files, metrics=metrics, shifts=kept, size_px=size, layout=layout)
        bar.update()
        bar.set_description("drawing samples", refresh=False)
        table = triplet_table(scores, replicates=replicates, seed=seed, votes_each=votes_each)
    if json_:
        click.echo(json.dumps(table.to_json(), indent=2, ensure_ascii=False))
    else:
        click.echo((as_csv if csv_ else as_latex if latex_ else as_text)(table))


def _shifts(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise click.UsageError(f"--shifts is {text!r}; give whole pixels from 1, such as 1,2,3.")
    return tuple(dict.fromkeys(found))


_BAPPS = """The BAPPS data set (Zhang et al. 2018): 2AFC scores and rank flips of metrics.

\b
Examples: shift-study bapps score BAPPS --metric stlpips-alex --metric l2 --size 64 -o scores.parquet
          shift-study bapps table scores.parquet
"""
_CLIC = """The perceptual triplets of CLIC, the Challenge on Learned Image Compression: accuracy and rank flips.

\b
Examples: shift-study clic score validation.csv --metric stlpips-alex -o scores.parquet
          shift-study clic table scores.parquet
"""
bapps = click.Group("bapps", [bapps_table, bapps_export], help=_BAPPS)
clic = click.Group("clic", [clic_table], help=_CLIC)
