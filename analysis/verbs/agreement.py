"""The verbs `jnd` and `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.verbs.options import (
    CONCORDANCE_MARGIN,
    FIGURE,
    FILE,
    MAP_MARGIN,
    RULES,
    SEED,
    StudyReader,
    responses_for,
    rules_for,
    store_figure,
)
from analysis.verbs.who_answered import Verb, print_json

if TYPE_CHECKING:
    from analysis.agreement.tie_rules import Ties


@click.command(cls=Verb)
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

    judgments = Judgments.from_responses(responses_for(reader, source, rules_for(reader, source, rules)))
    result = judgments.jnd_map(read_distances(distances), ties=ties, min_responses=min_responses)
    if as_json:
        print_json(result.to_json())
        return
    error = f"  (standard error {result.standard_error:.6f})" if result.standard_error else ""
    click.echo(f"JND mAP   {result.jnd_map:.4f}{error}")
    click.echo(f"Pairs     {result.n_pairs:,} with at least {result.min_responses} responses")
    click.echo(f"Ties      {result.ties}: {result.tied_pairs:,} pairs share a distance; {result.method}")


@click.command(cls=Verb)
@click.argument("source")
@click.option(
    "--distances",
    "files",
    multiple=True,
    metavar="FILE",
    help="CSV with the columns pair and distance, of the metric that the column metric names, or else the file; "
    "FILE or NAME=FILE; repeatable.",
)
@click.option("--metric", "names", multiple=True, metavar="NAME", help="Only this metric of the files; repeatable.")
@click.option(
    "--min-responses",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Leave out pairs with fewer responses.",
)
@click.option(
    "--replicates",
    type=click.IntRange(100, 100_000),
    default=10_000,
    show_default=True,
    metavar="B",
    help="How often photographs are drawn anew for the intervals.",
)
@click.option(
    "--permutations",
    type=click.IntRange(100, 100_000),
    default=2_000,
    show_default=True,
    metavar="N",
    help="Exchanges of each permutation test.",
)
@CONCORDANCE_MARGIN
@MAP_MARGIN
@SEED
@RULES
@FIGURE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with nothing rounded.")
@click.pass_obj
def compare(
    reader: StudyReader,
    source: str,
    files: tuple[str, ...],
    names: tuple[str, ...],
    min_responses: int,
    replicates: int,
    permutations: int,
    concordance_margin: float,
    map_margin: float,
    seed: int,
    rules: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Which metric agrees better with people: γ within shifts and JND mAP, against the shift alone and each other.

    SOURCE is a study folder, a database URL, an exported file (.csv, .jsonl, .parquet, .json) or
    ghildyal2022, the published judgments of the paper. Without --distances it says what chance, the shift alone
    and people themselves reach.

    \b
    Example:  shift-study compare my-study --distances ssim.csv --distances lpips=distances.csv
              shift-study compare ghildyal2022 --distances pim1.csv --json
    """
    from dataclasses import replace

    from tqdm import tqdm

    from analysis.agreement.comparison import compare as compared
    from analysis.agreement.comparison import steps
    from analysis.agreement.comparison_figure import plot_concordance
    from analysis.agreement.comparison_layout import as_text
    from analysis.agreement.distances import read_usable_metrics
    from analysis.errors import AnalysisError
    from analysis.figure_style import check_figure

    if figure is not None:
        check_figure(figure)
    distances, _, unreadable = read_usable_metrics(files)
    unknown = [name for name in names if name not in distances]
    if unknown:
        held = f"they hold {', '.join(distances)}" if distances else "give some with --distances"
        raise AnalysisError(f"The distances hold no metric {unknown[0]}; {held}.")
    if names:
        distances = {name: distances[name] for name in dict.fromkeys(names)}
    responses = responses_for(reader, source, rules_for(reader, source, rules))
    with tqdm(total=steps(len(distances)), desc="comparing", unit="step", delay=1, leave=False) as bar:
        found = compared(
            responses,
            distances,
            min_responses=min_responses,
            replicates=replicates,
            permutations=permutations,
            seed=seed,
            concordance_margin=concordance_margin,
            map_margin=map_margin,
            progress=bar.update,
        )
    found = replace(found, left_out=unreadable | found.left_out)
    store_figure(figure, lambda ax: plot_concordance(found, ax), (5.6, 2.0 + 0.32 * len(found.metrics)))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(as_text(found))
    if files and not found.metrics:
        raise AnalysisError("None of the metrics could be compared: " + " ".join(found.left_out.values()))
