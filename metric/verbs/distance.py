"""`shift-study distance`: one pair, one metric."""

from __future__ import annotations

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


@click.command("distance")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--metric", "name", default="stlpips-alex", show_default=True, help=METRIC_HELP)
@weights_option
@download_option
@precision_option
@device_option
@as_json_option
def distance_verb(
    reference: Path,
    image: Path,
    name: str,
    weights: tuple[str, ...],
    download: bool,
    precision: Precision,
    device: str,
    as_json: bool,
) -> None:
    """Print the distance between two images of the same size.

    0 is the same image; lower is more similar. Of a similarity, such as psnr, it is the value as the metric has
    it: higher is more similar.

    \b
    Example:  shift-study distance reference.png shifted.png --metric stlpips-alex
    """
    from metric.extra import require_torch

    require_torch("`shift-study distance`")
    import torch

    from metric.device import choose_device
    from metric.interface import check_same_size
    from metric.loading import find_spec, load_metric
    from metric.networks.fast import computed_in
    from metric.pixels import read_image

    find_spec(name)
    given = parse_weights(weights, [name])
    chosen = choose_device(device)
    tensors = [read_image(path) for path in (reference, image)]
    check_same_size(*tensors)
    metric = load_metric(name, str(chosen), given.get(name), download, precision)
    arithmetic = computed_in(precision, chosen)
    if arithmetic != precision:
        click.echo(f"Computed in {arithmetic}.", err=True)
    with torch.inference_mode():
        for tensor, role in zip(tensors, ("reference", "image"), strict=True):
            metric.check(tensor, role)
        distance = metric.compare(*(tensor.to(chosen) for tensor in tensors)).item()
    if as_json:
        print_json(
            {
                "metric": name,
                "reference": str(reference),
                "image": str(image),
                "distance": distance,
                "computed_in": arithmetic,
            }
        )
    else:
        click.echo(f"{name}  {distance!r}")
