"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from study_server.errors import StudyError

_FOLDER = click.Path(path_type=Path)


def _echo(as_json: bool, figures: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(figures, ensure_ascii=False) if as_json else text)


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--images",
    "source",
    required=True,
    metavar="SOURCE",
    help="demo, a folder of images, or coco:SPLIT (coco:test2017, coco:val2017, …).",
)
@click.option("--count", default=50, show_default=True, type=click.IntRange(1), help="Number of images.")
@click.option(
    "--max-shift", default=9, show_default=True, type=click.IntRange(1, 256), help="Largest shift, pixels."
)
@click.option(
    "--size",
    default=256,
    show_default=True,
    type=click.IntRange(16, 2048),
    help="Width and height of a crop, pixels.",
)
@click.option(
    "--direction",
    default="right",
    show_default=True,
    type=click.Choice(["right", "left", "up", "down"]),
    help="Where the window moves to.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Seed of the choice of images, windows and assignment.",
)
@click.option("--name", metavar="NAME", help="Name of the study in exports.  [default: the folder's name]")
@click.option(
    "--practice-images",
    metavar="SOURCE",
    default="demo",
    show_default=True,
    help="demo, or a folder of images of its own for the practice.",
)
@click.option(
    "--coco-info",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Official image-info JSON of the split, instead of downloading it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def new(
    folder: Path, source: str, count: int, max_shift: int, size: int, direction: Any, seed: int,
    name: str | None, practice_images: str, coco_info: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a study folder: settings, stimuli, manifest.

    \b
    Example:  shift-study new my-study --images photographs/ --count 50 --seed 1
              shift-study new coco-study --images coco:test2017
    """
    from study_server.new import make_study

    made = make_study(
        folder, source=source, count=count, max_shift=max_shift, size=size, direction=direction, seed=seed,
        name=name, practice_images=practice_images, coco_info=coco_info,
    )  # fmt: skip
    for photograph, reason in made.skipped.items():
        click.echo(f"skipped {photograph}: {reason}", err=True)
    figures = {
        "folder": str(folder), "images": count, "pairs": made.n_pairs,
        "photographs_used": made.photographs_used, "skipped": made.skipped,
    }  # fmt: skip
    text = (
        f"{folder}: {made.n_pairs} pairs of {count} images from {made.photographs_used} photographs"
        + (f", {len(made.skipped)} photographs skipped" if made.skipped else "")
        + f"\nSettings: {folder / 'study.toml'}\nNext:     shift-study serve {folder}"
    )
    _echo(as_json, figures, text)


@click.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def check(folder: Path, as_json: bool) -> None:
    """Verify a study folder against its manifest, pixel by pixel.

    \b
    Example:  shift-study check my-study
    """
    from dataclasses import asdict

    from study_server.check import check_folder
    from study_server.study_folder import StudyFolder

    report = check_folder(StudyFolder(folder))
    lines = [*report.faults, f"{report.pairs} pairs of {report.images} images checked, {report.images_recut_from_source} images cut again "
             f"from their photograph; {len(report.faults) or 'no'} faults"]  # fmt: skip
    _echo(as_json, asdict(report), "\n".join(lines))
    if report.faults:
        raise SystemExit(1)


VERBS: list[click.Command] = [new, check]
