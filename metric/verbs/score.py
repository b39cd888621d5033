"""`shift-study score`: a study's pairs under metrics, and the agreement with what people saw."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metric.errors import MetricError
from metric.verbs.options import (
    METRIC_HELP,
    as_json_option,
    device_option,
    download_option,
    parse_weights,
    precision_option,
    print_json,
    weights_option,
)

if TYPE_CHECKING:
    from metric.device import Precision


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
@click.option(
    "--min-responses",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Rank only pairs with so many accepted responses.",
)
@click.option("--force", is_flag=True, help="Begin again, and replace files that exist.")
@weights_option
@download_option
@precision_option
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
    min_responses: int,
    force: bool,
    weights: tuple[str, ...],
    download: bool,
    precision: Precision,
    device: str,
    as_json: bool,
) -> None:
    """Score the judged pairs of SOURCE under metrics, and how well each agrees with what people saw.

    SOURCE is a study folder; or a database URL, a response file or ghildyal2022, with --stimuli. The
    agreement is the JND mAP of the paper's Table 8, over pairs with at least --min-responses accepted responses.

    Of a two-alternative study all triplets are scored, in all their versions, and -o FILE.parquet (.csv, .csv.gz) is
    what `two-afc` and `flips` take with --scores.

    With -o, each distance is kept as it is found: the same command goes on where a killed one was. Several
    GPUs or hosts share the pairs when torchrun starts it on each.

    \b
    Examples: shift-study score my-study --metric stlpips-alex --metric ssim
              shift-study score responses.csv --stimuli my-study --metric ssim -o distances.csv
              torchrun --nproc-per-node 4 --no-python shift-study score my-study \\
                  --all-pairs --metric stlpips-vgg -o distances.csv
              shift-study score my-triplets --metric lpips-alex --metric ssim -o scores.parquet
    """
    from metric.extra import require_torch

    require_torch("`shift-study score`")
    from dataclasses import asdict

    from tqdm import tqdm

    from metric.device import choose_device
    from metric.loading import find_specs, load_metric
    from metric.networks.fast import computed_in
    from metric.scoring.agreement import JudgmentDoor, Judgments, agree
    from metric.scoring.distance_files import plan_files
    from metric.scoring.manifest_pairs import find_stimuli, pick_pairs, read_manifest
    from metric.scoring.processes import Processes
    from metric.scoring.run import run
    from metric.scoring.run_settings import settings_of
    from metric.triplets.study_triplets import is_triplet_study
    from metric.verbs.score_table import score_table
    from metric.verbs.score_triplets import score_study_triplets
    from metric.verbs.triplet_scoring import Pass

    folder = find_stimuli(source, stimuli)
    if is_triplet_study(folder):
        scoring = Pass(names, False, force, weights, download, precision, device)
        score_study_triplets(context, scoring, source, folder, output, as_json)
        return
    specs = find_specs(names)
    given = parse_weights(weights, names)
    files = plan_files(output, names, overwrite=force)
    processes = context.with_resource(Processes.from_environment())
    chosen = choose_device(processes.device(device))
    manifest = read_manifest(folder)
    door: JudgmentDoor = context.obj
    judgments: Judgments | None = None
    try:
        judgments = door.judgments(source)
    except ValueError as error:
        if not all_pairs:
            raise
        click.echo(f"No JND mAP: {error}", err=True)
    judged = processes.gather(judgments.pairs if judgments else [])[0]  # more responses may have come in meanwhile
    pairs = pick_pairs(manifest, judged)
    if all_pairs:
        pairs = manifest
    elif not pairs:
        raise MetricError(f'"{source}" has no accepted responses; collect some, or score with --all-pairs.')

    metrics = [load_metric(name, str(chosen), given.get(name), download, precision) for name in names]
    arithmetic = computed_in(precision, chosen)
    if arithmetic != precision:
        click.echo(f"Computed in {arithmetic}.", err=True)
    settings = {spec.name: settings_of(spec, given.get(spec.name, {}), chosen.type, arithmetic) for spec in specs}
    with tqdm(unit="pair", delay=2, desc="Scoring", disable=processes.rank > 0) as bar:

        def begin(to_score: int, resumed: int) -> None:
            bar.total = to_score
            bar.unpause()  # what went before is no time of scoring
            if resumed and processes.rank == 0:
                bar.write(f"{resumed} of {len(pairs)} pairs are scored already; going on.", file=sys.stderr)

        scores, computed = run(  # writes the files before the agreement, so that its failure loses no distance
            pairs,
            metrics,
            device=str(chosen),
            files=files,
            settings=settings,
            overwrite=force,
            processes=processes,
            begin=begin,
            advance=bar.update,
        )
    if processes.rank > 0:
        return
    for file in files.values():
        click.echo(f"Wrote {file}", err=True)
    if files and judgments:
        given_files = " ".join(f"--distances {shlex.quote(str(file))}" for file in files.values())
        click.echo(f"`shift-study compare {shlex.quote(source)} {given_files}` says what can be told apart.", err=True)
    agreements = agree(scores, judgments, computed, min_responses)
    if as_json:
        print_json(
            {
                "source": source,
                "device": str(chosen),
                "computed_in": arithmetic,
                "metrics": [{**asdict(found), "pairs_per_second": found.pairs_per_second} for found in agreements],
                "files": {name: str(file) for name, file in files.items()},
                "simulated": judgments.simulated if judgments else None,
            }
        )
    else:
        click.echo(score_table(agreements, min_responses))
        if judgments and judgments.note:
            click.echo(judgments.note)
