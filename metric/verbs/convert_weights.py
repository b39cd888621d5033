"""`shift-study convert-weights`: from the file that a metric's authors publish to the one that the metric reads."""

from __future__ import annotations

from pathlib import Path

import click

from metric.verbs.options import as_json_option, print_json


@click.command("convert-weights")
@click.argument("metric")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write there instead of to the local cache, where the metric finds it.",
)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@as_json_option
def convert_weights_verb(metric: str, file: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Convert FILE, as the authors of METRIC publish it, so that METRIC is available from then on.

    FILE is a PyTorch checkpoint, a checkpoint of TensorFlow (its .index, its folder or its ZIP archive), .npz, or
    a pickle of NumPy arrays (.pkl, .npy). No code in it is run, and every tensor must be there and of its shape.

    \b
    Example:  shift-study convert-weights pieapp-dense PieAPPv0.1.pth
    """
    from metric.extra import require_torch

    require_torch("`shift-study convert-weights`")
    from metric.weight_conversion import convert_weights

    done = convert_weights(metric, file, output, force=force)
    if as_json:
        print_json(done.describe())
        return
    click.echo(f"Read {done.tensors_read} tensors from {done.source}.")
    click.echo(f"Wrote {done.tensors} tensors with {done.parameters:,} numbers to {done.output}.")
    if done.serves:
        click.echo(f"Found from now on by: {', '.join(done.serves)}.")
    else:
        click.echo(f"To use it: --weights {done.metric}={done.output}")
