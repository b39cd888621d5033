"""`shift-study score`: a study's pairs under metrics, and the agreement with what people saw."""

from __future__ import annotations

from pathlib import Path

import click

from metric.errors import MetricError
from metric.verbs.options import METRIC_HELP, as_json_option, device_option, print_json


@click.command("score")
@click.argument("source")
@click.option("--metric", "names", multiple=True, required=True, help=METRIC_HELP + " May be given several times.")
@click.option(
    "--stimuli",
    type=click.Path(path_type=Path),
    help="Study folder that has the images, where SOURCE is not one itself.",
)
@click.option("--all-pairs", is_flag=True, help="Score every pair of the manifest, judged or not.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the distances as CSV (pair, distance), as `shift-study jnd --distances` reads them; "
    "with several metrics one file a metric, its name added: distances-ssim.csv.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@device_option
@as_json_option
@click.pass_context
def score_verb(
    context: click.Context,
    source: str,
    names: tuple[str, ...],
    stimuli: Path | None,
    all_pairs: bool,
    output: Path | None,
    force: bool,
    device: str,
    as_json: bool,
) -> None:
    """Score the judged pairs of SOURCE under metrics, and how well each agrees with what people saw.

    SOURCE is a study folder; or a database URL, a response file or ghildyal2022, with --stimuli. The
    agreement is the JND mAP of the paper's Table 8, over pairs with at least 3 accepted responses.

    \b
    Examples: shift-study score my-study --metric stlpips-alex --metric ssim
              shift-study score responses.csv --stimuli my-study --metric ssim -o distances.csv
    """
    from metric.extra import require_torch

    require_torch("score")
    from dataclasses import asdict

    from tqdm import tqdm

    from metric.device import choose_device
    from metric.registry import find_specs, load_metric
    from metric.scoring.agreement import JudgmentDoor, Judgments, agree
    from metric.scoring.distance_files import plan_files, write_distances
    from metric.scoring.manifest import find_stimuli, pick_pairs, read_manifest
    from metric.scoring.score import score_pairs
    from metric.tables import score_table

    find_specs(names)
    chosen_device = str(choose_device(device))
    files = plan_files(output, names, overwrite=force)
    manifest = read_manifest(find_stimuli(source, stimuli))
    door: JudgmentDoor = context.obj
    judgments: Judgments | None = None
    try:
        judgments = door.judgments(source)
    except ValueError as error:
        if not all_pairs:
            raise
        click.echo(f"No JND mAP: {error}", err=True)
    pairs = pick_pairs(manifest, judgments.pairs if judgments else [])
    if all_pairs:
        pairs = manifest
    elif not pairs:
        raise MetricError(f'"{source}" has no accepted responses; collect some, or score with --all-pairs.')

    metrics = [load_metric(name, chosen_device) for name in names]
    with tqdm(total=len(pairs), unit="pair", delay=2, desc="Scoring") as bar:
        scores = score_pairs(pairs, metrics, device=chosen_device, advance=bar.update)
    for name, file in files.items():  # before the agreement, so that its failure loses no distance
        write_distances(file, scores.distances[name])
        click.echo(f"Wrote {file}", err=True)
    agreements = agree(scores, judgments)
    if as_json:
        print_json(
            {
                "source": source,
                "device": chosen_device,
                "metrics": [{**asdict(found), "pairs_per_second": found.pairs_per_second} for found in agreements],
                "files": {name: str(file) for name, file in files.items()},
            }
        )
    else:
        click.echo(score_table(agreements))
