"""`shift-study score-images`: the images of mean opinion scores under metrics."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    from metric.triplets.rated_images import OpinionDoor


@click.command("score-images")
@click.argument("source")
@click.option("--metric", "names", multiple=True, required=True, help=METRIC_HELP + " May be given several times.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="CSV file of the distances (metric, reference, image, distance), as `shift-study opinions --distances` reads.",
)
@click.option("--force", is_flag=True, help="Begin again, and replace a file that exists.")
@weights_option
@download_option
@precision_option
@device_option
@as_json_option
@click.pass_context
def score_images_verb(
    context: click.Context,
    source: str,
    names: tuple[str, ...],
    output: Path,
    force: bool,
    weights: tuple[str, ...],
    download: bool,
    precision: Precision,
    device: str,
    as_json: bool,
) -> None:
    """Distances of the images that have opinion scores from their references, for `shift-study opinions`.

    SOURCE is a CSV file with the columns reference and image, as opinions reads it, which name files in its folder or
    below; or the folder of TID2013, KADID-10k or PIPAL. Each distance is kept as it is found: the same command goes
    on where a killed one was.

    \b
    Examples: shift-study score-images scores.csv --metric ssim --metric stlpips-alex -o distances.csv
              shift-study score-images tid2013 --metric dists -o dists.csv
    """
    from metric.extra import require_torch

    require_torch("`shift-study score-images`")
    from tqdm import tqdm

    from metric.device import choose_device
    from metric.loading import find_specs, load_metric
    from metric.networks.fast import computed_in
    from metric.scoring.distance_files import plan_files
    from metric.scoring.processes import Processes
    from metric.scoring.run_settings import settings_of
    from metric.triplets.rated_images import RatedImageRun

    specs = find_specs(names)
    given = parse_weights(weights, names)
    plan_files(output, names[:1], overwrite=force)
    processes = context.with_resource(Processes.from_environment())
    chosen = choose_device(processes.device(device))
    door: OpinionDoor = context.obj
    images = door.rated_images(source)
    metrics = [load_metric(name, str(chosen), given.get(name), download, precision) for name in names]
    arithmetic = computed_in(precision, chosen)
    if arithmetic != precision and processes.rank == 0:
        click.echo(f"Computed in {arithmetic}.", err=True)
    settings = {spec.name: settings_of(spec, given.get(spec.name, {}), chosen.type, arithmetic) for spec in specs}
    run = RatedImageRun(images, metrics, str(chosen), output, settings, force)
    with tqdm(unit="image", delay=2, desc="Scoring", disable=processes.rank > 0) as bar:

        def begin(to_score: int, resumed: int) -> None:
            bar.total = to_score
            bar.unpause()  # what went before is no time of scoring
            if resumed and processes.rank == 0:
                bar.write(f"{resumed} of {len(images)} images are scored already; going on.", file=sys.stderr)

        seconds, computed = run.run(processes, begin, bar.update)
    if processes.rank > 0:
        return
    if as_json:
        print_json(
            {
                "source": source,
                "device": str(chosen),
                "computed_in": arithmetic,
                "images": len(images),
                "computed": computed,
                "metrics": [{"metric": name, "seconds": spent} for name, spent in seconds.items()],
                "file": str(output),
            }
        )
    else:
        click.echo(
            f"Wrote {output}: {len(images):,} images under {len(names)} metric{'s' * (len(names) > 1)}. How well they "
            f"agree with the scores: shift-study opinions {source} --distances {output}"
        )
