"""`shift-study difference-maps`: where the features of an image and of its shifted version differ."""

from __future__ import annotations

from pathlib import Path

import click

from metric.verbs.options import device_option


@click.command("difference-maps")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The figure, as .png, .svg or .pdf.",
)
@click.option("--shift", type=click.IntRange(min=1), default=1, show_default=True, help="Horizontal shift, px.")
@click.option(
    "--network",
    "names",
    multiple=True,
    default=("alex", "alex-blur"),
    show_default=True,
    help="A network that `shift-study elements --list` names, or FILE.safetensors, that of a trained metric; may be "
    "given several times, for a row each.",
)
@click.option("--size", type=click.IntRange(min=1), help="Width of a square window from the middle, px; else all.")
@click.option("--seed", default=0, show_default=True, help="Of the convolutions where they are random.")
@device_option
def difference_maps_verb(
    image: Path, output: Path, shift: int, names: tuple[str, ...], size: int | None, seed: int, device: str
) -> None:
    """Draw, level by level, where a network's features of IMAGE and of its shifted version differ.

    As Figure 3 of the paper: two windows of IMAGE, the second SHIFT pixels further right, and the squared
    difference of their features at the same positions, for each network.

    \b
    Example:  shift-study difference-maps photograph.png -o maps.pdf --network alex --network alex-blur
    """
    from metric.extra import require_torch

    require_torch("`shift-study difference-maps`")
    from metric.device import choose_device
    from metric.figure_style import check_figure, save_figure
    from metric.networks.difference_figure import DifferenceRow, draw_difference_maps
    from metric.networks.shift_error import cut_crops, difference_maps
    from metric.pixels import read_pixels
    from metric.verbs.named_networks import build_filled, find_networks

    configurations = find_networks(names)
    check_figure(output)
    chosen = choose_device(device)
    windows = cut_crops(str(image), read_pixels(image), (0, shift), size)
    rows = []
    for configuration in configurations:
        network, filled = build_filled(configuration, seed)
        title = configuration.name + (" (random)" if filled.convolutions == "random" else "")
        rows.append(DifferenceRow(title, difference_maps(network.to(chosen).eval(), windows)))
        click.echo(f"{configuration.name}: {filled.convolutions} convolutions, {filled.origin}", err=True)
        if filled.untrained:
            click.echo(f"{configuration.name}: untrained are the {filled.untrained}", err=True)
    save_figure(draw_difference_maps(windows, shift, rows), output)
    click.echo(f"Wrote {output}", err=True)
