"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from metric.errors import MetricError

_METRIC_HELP = "Name of a metric; `shift-study metrics` lists them."
_device = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; auto takes a GPU if there is one.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@click.command("distance")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--metric", "name", default="stlpips-alex", show_default=True, help=_METRIC_HELP)
@_device
@_as_json
def distance_verb(reference: Path, image: Path, name: str, device: str, as_json: bool) -> None:
    """Print the distance between two images of the same size.

    0 is the same image; lower is more similar.

    \b
    Example:  shift-study distance reference.png shifted.png --metric stlpips-alex
    """
    from metric.extra import require_torch

    require_torch("distance")
    import torch

    from metric.device import choose_device
    from metric.images import read_image
    from metric.interface import check_same_size
    from metric.registry import find_spec, load_metric

    find_spec(name)
    chosen = str(choose_device(device))
    tensors = [read_image(path) for path in (reference, image)]
    check_same_size(*tensors)
    metric = load_metric(name, chosen)
    with torch.inference_mode():
        distance = metric(*(tensor.to(chosen) for tensor in tensors)).item()
    if as_json:
        _print_json({"metric": name, "reference": str(reference), "image": str(image), "distance": distance})
    else:
        click.echo(f"{name}  {distance!r}")


@click.command("metrics")
@_as_json
def metrics_verb(as_json: bool) -> None:
    """List the metrics: what each is, its licence, and whether its weights are installed.

    \b
    Example:  shift-study metrics --json
    """
    from metric.registry import METRICS
    from metric.tables import metrics_table

    described = [spec.describe() for spec in METRICS.values()]
    if as_json:
        _print_json({"metrics": described})
    else:
        click.echo(metrics_table(described))


@click.command("score")
@click.argument("source")
@click.option("--metric", "names", multiple=True, required=True, help=_METRIC_HELP + " May be given several times.")
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
@_device
@_as_json
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

    from metric.agreement import JudgmentDoor, Judgments, agree
    from metric.device import choose_device
    from metric.distance_files import plan_files, write_distances
    from metric.manifest import find_stimuli, pick_pairs, read_manifest
    from metric.registry import find_specs, load_metric
    from metric.score import score_pairs
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
        _print_json(
            {
                "source": source,
                "device": chosen_device,
                "metrics": [{**asdict(found), "pairs_per_second": found.pairs_per_second} for found in agreements],
                "files": {name: str(file) for name, file in files.items()},
            }
        )
    else:
        click.echo(score_table(agreements))


def _print_json(content: Any) -> None:
    click.echo(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False))


VERBS: list[click.Command] = [distance_verb, metrics_verb, score_verb]
