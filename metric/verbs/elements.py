"""`shift-study elements`: the networks of the paper's ablations, and how far a shift moves their features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metric.verbs.options import as_json_option, device_option, print_json

if TYPE_CHECKING:
    from metric.networks.configurations import Configuration
    from metric.networks.shift_error import ShiftError
    from metric.networks.weights import Filled

_BRACKETS = (
    "Shift error: 0, the features do not see the shift; 1, the shifted image is as far as another photograph. "
    "In brackets: the standard error over {photographs} photographs ({size} px), in units of the last digit."
)
_UNTRAINED = (
    "No network{but} is trained with its elements: torchvision's convolutions, or random ones, are used as they are."
)


@click.command("elements")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "only_list", is_flag=True, help="List the networks with the paper's figures; measure nothing.")
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the shift errors, the plain networks against each element, as .png, .svg or .pdf.",
)
@click.option(
    "--size", type=click.IntRange(min=1), default=256, show_default=True, help="Width of the crops of photographs, px."
)
@click.option(
    "--random", "random_weights", is_flag=True, help="Use random convolutions even where torchvision's are found."
)
@click.option("--seed", default=0, show_default=True, help="Of the random convolutions.")
@device_option
@as_json_option
def elements_verb(
    names: tuple[str, ...],
    only_list: bool,
    figure: Path | None,
    size: int,
    random_weights: bool,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """List networks with elements of shift tolerance, and measure how far a shift moves their features.

    NAME is a network that the list names; without any it is all of them, which takes minutes on a CPU. It may also be
    FILE.safetensors, the network of a metric that `shift-study train` has written, as it was trained.

    \b
    Examples: shift-study elements --list
              shift-study elements alex alex-blur alex-blur-pad2-stride1 --figure elements.svg
              shift-study elements plain/metric.safetensors blurred/metric.safetensors
    """
    from metric.extra import require_torch

    require_torch("`shift-study elements`")
    from metric.verbs.named_networks import build_filled, find_networks

    configurations = find_networks(names)
    if only_list:
        if figure:
            raise click.UsageError("--list measures nothing that --figure could draw.")
        listed = [_describe(configuration) for configuration in configurations]
        if as_json:
            print_json({"networks": listed})
        else:
            click.echo(_list_table(listed))
        return

    from tqdm import tqdm

    from metric.device import choose_device
    from metric.figure_style import check_figure, save_figure
    from metric.networks.photographs import read_photographs
    from metric.networks.shift_error import measure_shift_error

    if figure:
        check_figure(figure)
    chosen = choose_device(device)
    photographs = read_photographs()
    measured: list[tuple[Configuration, ShiftError, Filled]] = []
    with tqdm(total=len(configurations) * len(photographs), unit="photograph", delay=2) as bar:
        for configuration in configurations:
            bar.set_description(configuration.name)
            network, filled = build_filled(configuration, seed, random=random_weights)
            network = network.to(chosen).eval()
            if chosen.type == "cpu":
                network.arrange()
            found = measure_shift_error(network, photographs, size_px=size, advance=bar.update)
            measured.append((configuration, found, filled))
    if figure:
        from metric.networks.shift_error_figure import draw_shift_errors

        save_figure(draw_shift_errors(measured), figure)
        click.echo(f"Wrote {figure}", err=True)
    if as_json:
        described = [_describe(c) | _measurement(found, filled) for c, found, filled in measured]
        print_json({"photographs": list(photographs), "size_px": size, "networks": described})
    else:
        click.echo(_error_table(measured))


def _describe(configuration: Configuration) -> dict[str, Any]:
    from dataclasses import asdict

    from metric.networks.build import count_parameters, smallest_image

    published = configuration.published
    return {
        "network": configuration.name,
        "elements": configuration.elements,
        "variant": asdict(configuration.variant),
        "source": configuration.source,
        "note": configuration.note or None,
        "published_two_afc": published.two_afc if published else None,
        "published_rank_flip_rate": list(published.rank_flip_rate) if published else None,
        "parameters": count_parameters(configuration.variant),
        "smallest_px": smallest_image(configuration.variant),
    }


def _measurement(found: ShiftError, filled: Filled) -> dict[str, Any]:
    return {
        "convolutions": filled.convolutions,
        "origin": filled.origin,
        "untrained": filled.untrained or None,
        "shift_error": [
            {
                "shift_px": shift,
                "error": found.overall[number],
                "standard_error": found.standard_error[number],
                "by_level": list(found.by_level[number]),
                "by_photograph": list(found.by_photograph[number]),
            }
            for number, shift in enumerate(found.shifts_px)
        ],
    }


def _list_table(listed: list[dict[str, Any]]) -> str:
    from metric.text_table import align

    rows = [("network", "elements", "parameters", "smallest", "in the paper", "2AFC %", "rank flips %, 1–3 px")]
    for network in listed:
        flips = network["published_rank_flip_rate"]
        rows.append(
            (
                network["network"],
                network["elements"],
                f"{network['parameters']:,}",
                f"{network['smallest_px']} px",
                network["source"] + (" *" if network["note"] else ""),
                f"{network['published_two_afc']:.2f}" if flips else "–",
                "  ".join(f"{rate:.2f}" for rate in flips) if flips else "–",
            )
        )
    stars = [f"* {network['network']}: {network['note']}" for network in listed if network["note"]]
    return "\n\n".join([align(rows), *(["\n".join(stars)] if stars else [])])


def _error_table(measured: list[tuple[Configuration, ShiftError, Filled]]) -> str:
    from metric.networks.build import count_parameters, smallest_image
    from metric.text_table import align
    from metric.verbs.named_networks import TRAINED

    first = measured[0][1]
    shifts = [f"{shift} px" for shift in first.shifts_px]
    rows = [("network", "elements", "parameters", "smallest", *shifts, "convolutions")]
    for configuration, found, filled in measured:
        pairs = zip(found.overall, found.standard_error, strict=True)
        rows.append(
            (
                configuration.name,
                configuration.elements,
                f"{count_parameters(configuration.variant):,}",
                f"{smallest_image(configuration.variant)} px",
                *(f"{error:.3f}({1000 * deviation:.0f})" for error, deviation in pairs),
                f"{filled.convolutions}, {filled.origin}",
            )
        )
    notes = [_BRACKETS.format(photographs=len(first.by_photograph[0]), size=first.size_px)]
    trained = {filled.convolutions == TRAINED for _, _, filled in measured}
    if False in trained:
        notes.append(_UNTRAINED.format(but=" but those of files" if True in trained else ""))
    notes += [f"{c.name}: untrained are the {filled.untrained}." for c, _, filled in measured if filled.untrained]
    return "\n\n".join([align(rows), "\n".join(notes)])
