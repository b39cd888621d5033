"""The verbs that make a study folder and verify it: `new`, `check`, `publish`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from study_server.stimuli.directions import DIRECTIONS, lengths
from study_server.verbs.options import FOLDER, echo, numbers

if TYPE_CHECKING:
    from study_server.folder.settings import Settings
    from study_server.stimuli.pool import Scorer


class Doors(Protocol):
    """What a study folder needs of the other packages; the command line gives it."""

    def pair_scorer(self, metrics: Sequence[str]) -> Scorer: ...

    def pilot_shifts(self, source: str, max_shift: int, lengths: Sequence[float]) -> tuple[int, ...]: ...


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--images",
    "source",
    required=True,
    metavar="SOURCE",
    help="demo, a folder of images, or coco:SPLIT (coco:test2017, coco:val2017, …).",
)
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 99_999), help="Number of images.")
@click.option("--max-shift", default=9, show_default=True, type=click.IntRange(1, 256), help="Largest shift, pixels.")
@click.option(
    "--shifts",
    callback=numbers,
    metavar="0,…",
    help="Shifts, pixels, in place of every one from 0 to the largest: 0,2,3,9.",
)
@click.option(
    "--at-each-shift",
    callback=numbers,
    metavar="N,…",
    help="How many pairs of each shift a participant judges: 5,20,20,5.  [default: up to 5 of each]",
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
    type=click.Choice([*DIRECTIONS, "mixed"]),
    help="Where the window moves to; mixed: each way for as many images.",
)
@click.option(
    "--design",
    type=click.Choice(["random", "discriminating"]),
    default="random",
    show_default=True,
    help="discriminating: images on which two metrics disagree most at equal shift, out of a large pool.",
)
@click.option("--metric", "metrics", multiple=True, help="One of the two metrics of a discriminating study; twice.")
@click.option(
    "--pool", type=click.IntRange(min=1), help="Windows of photographs to select from.  [default: 20 for each image]"
)
@click.option(
    "--pilot",
    metavar="SOURCE",
    help="Answers of a pilot study: its psychometric function sets the shifts that 35 to 65 % call different.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Seed of the choice of images, windows, assignment, order and sides.  [default: nobody can foresee it]",
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
@click.pass_context
def new(
    context: click.Context, folder: Path, source: str, count: int, max_shift: int, shifts: tuple[int, ...],
    at_each_shift: tuple[int, ...], design: str, metrics: tuple[str, ...], pool: int | None, pilot: str | None,
    size: int, direction: Any, seed: int | None, name: str | None, practice_images: str, coco_info: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a study folder: settings, stimuli, manifest.

    \b
    Example:  shift-study new my-study --images photographs/ --count 50 --seed 1
              shift-study new coco-study --images coco:test2017
              shift-study new near-threshold --images photographs/ --count 100 \\
                  --shifts 0,2,3,9 --at-each-shift 5,20,20,5 --direction mixed
              shift-study new a-or-b --images photographs/ --shifts 0,2,3,9 \\
                  --design discriminating --metric stlpips-alex --metric ssim
    """
    from study_server.folder.new import Discriminating, make_study, pool_journal, unforeseeable_seed
    from study_server.stimuli.pool import begun_seed

    doors: Doors = context.obj
    if len(metrics) != (2 if design == "discriminating" else 0) or (pool and not metrics):
        raise click.UsageError("A discriminating study takes --design discriminating, and --metric twice.")
    if pilot and shifts:
        raise click.UsageError("--pilot sets the shifts: leave out --shifts.")
    if shifts and context.get_parameter_source("max_shift") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("The largest of --shifts is the largest shift: leave out --max-shift.")
    if pilot:
        shifts = doors.pilot_shifts(pilot, max_shift, lengths(direction))
    chosen = None
    if design == "discriminating":
        chosen = Discriminating((metrics[0], metrics[1]), doors.pair_scorer(metrics), pool or 20 * count)
        seed = begun_seed(pool_journal(folder)) if seed is None else seed  # to go on with it
    seed = unforeseeable_seed() if seed is None else seed
    made = make_study(
        folder, source=source, count=count, max_shift=max_shift, shifts=shifts, at_each_shift=at_each_shift,
        size=size, direction=direction, seed=seed, name=name, practice_images=practice_images, coco_info=coco_info,
        discriminating=chosen,
    )  # fmt: skip
    for photograph, reason in made.skipped.items():
        click.echo(f"skipped {photograph}: {reason}", err=True)
    figures = {
        "folder": str(folder), "images": count, "pairs": made.n_pairs,
        "photographs_used": made.photographs_used, "skipped": made.skipped, "seed": seed,
    }  # fmt: skip
    text = (
        f"{folder}: {made.n_pairs} pairs of {count} images from {made.photographs_used} photographs"
        + (f", {len(made.skipped)} photographs skipped" if made.skipped else "")
        + f"\n{_what_participants_do(made.folder.settings)}"
        + f"\nSeed {seed}: with it the study can be made again; keep it from participants"
        + f"\nSettings: {folder / 'study.toml'}\nNext:     shift-study serve {shlex.quote(str(folder))}"
    )
    echo(as_json, figures, text)


def _what_participants_do(settings: Settings) -> str:
    from study_server.participants.guessing import chances
    from study_server.participants.same_different import design

    counts, shifts = design(settings).counts, settings.stimuli.all_shifts
    each = f"{counts[0]} of each shift"
    if len(set(counts)) > 1:
        each = " and ".join(f"{count} of {shift} px" for shift, count in zip(shifts, counts, strict=True))
    text = f"Each participant judges {sum(counts)} pairs, {each.replace(' and ', ', ', len(counts) - 2)}"
    if settings.trials.strategy == "paper":
        least = sum(counts) if settings.trials.at_each_shift else len(shifts)
        text += f"; images are drawn at random and may repeat: the balanced strategy takes {least} images or more"
    text += f"\n{chances(settings).to_text()}"
    if min(counts[0], counts[-1]) < 3:
        text += (
            "\nNote: with so few pairs without a shift or with the largest the validation rule can exclude a "
            f"participant for a single mistake; 5 of each shift take {5 * len(shifts)} images"
        )
    return text


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def check(folder: Path, as_json: bool) -> None:
    """Verify a study folder against its manifest, pixel by pixel, and say how often somebody who guesses is used.

    \b
    Example:  shift-study check my-study
    """
    from dataclasses import asdict

    from study_server.folder.check import check_folder, who_can_read
    from study_server.folder.study_folder import StudyFolder
    from study_server.participants.guessing import chances
    from study_server.participants.precautions import precautions

    study = StudyFolder(folder)
    report, passing, exposed = check_folder(study), chances(study.settings), who_can_read(study)
    warnings = [*(f"{warning}." for warning in precautions(study)), *([exposed] if exposed else [])]
    summary = (
        f"{report.pairs} pairs of {report.images} images checked, {report.images_recut_from_source} images cut again "
        f"from their photograph; {len(report.faults) or 'no'} fault{'s' * (len(report.faults) != 1)}"
    )
    figures = asdict(report) | {"warnings": warnings, "chances": passing.to_json()}
    said = [*report.faults, *(f"Warning: {warning}" for warning in warnings), passing.to_text(), summary]
    echo(as_json, figures, "\n".join(said))
    if report.faults:
        raise SystemExit(1)


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("target", metavar="TARGET")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def publish(folder: Path, target: str, as_json: bool) -> None:
    """Write the stimuli of a study to TARGET, a folder or a URL, for browsers to get them there.

    \b
    Example:  shift-study publish my-study s3://my-bucket/my-study
    """
    from dataclasses import asdict

    from study_server.folder.study_folder import StudyFolder
    from study_server.stimuli.manifest import manifest_sha256
    from study_server.stimuli.publishing import publish as publish_stimuli

    study = StudyFolder(folder)
    digest = manifest_sha256(study.manifest_path)
    done = publish_stimuli(study.path, study.pairs, digest, study.sent_images, target)
    text = (
        f"{done.target}: {done.files} files, {done.bytes / 1e6:.1f} MB, {done.written} written now. "
        f"Their names are in {folder / 'published.csv'}.\n"
        "Next: set server.stimuli_url in study.toml to their public address, and let pages of this server read them "
        "there (CORS)."
    )
    echo(as_json, asdict(done), text)
