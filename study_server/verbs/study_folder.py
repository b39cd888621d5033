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
    from study_server.folder.study_folder import StudyFolder
    from study_server.stimuli.photographs import Pixels
    from study_server.tasks.shifted_pairs.pool import Scorer


class Doors(Protocol):
    """What a study folder needs of the other packages; the command line gives it."""

    def pair_scorer(self, metrics: Sequence[str]) -> Scorer: ...

    def distort_photograph(self, pixels: Pixels, distortion: str, strength: float, seed: int) -> Pixels: ...

    def pilot_shifts(self, source: str, max_shift: int, lengths: Sequence[float]) -> tuple[int, ...]: ...


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--images",
    "source",
    required=True,
    metavar="SOURCE",
    help="demo, a folder of images, or coco:SPLIT (coco:test2017, coco:val2017, …); of 2afc also a folder of triplets.",
)
@click.option(
    "--task",
    "task_name",
    default="same-different",
    show_default=True,
    metavar="NAME",
    help="What participants are asked: same-different, 2afc, odd-one-out, or a task of another package.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 99_999),
    help="Number of images, or of triplets.  [default: 50, or all triplets that are ready]",
)
@click.option("--max-shift", type=click.IntRange(1, 256), help="Largest shift, pixels.  [default: 9]")
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
    help="How many pairs of each shift a participant judges: 5,20,20,5.  [default: up to 5 of each]  Of 2afc one "
    "number, of triplets.  [default: up to 20]",
)
@click.option(
    "--size",
    type=click.IntRange(16, 2048),
    help="Width and height of a crop, pixels.  [default: 256, or the largest that all triplets have]",
)
@click.option(
    "--direction",
    type=click.Choice([*DIRECTIONS, "mixed"]),
    help="Where the window moves to; mixed: each way for as many images.  [default: right]",
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
    context: click.Context, folder: Path, source: str, task_name: str, count: int | None, max_shift: int | None,
    shifts: tuple[int, ...],
    at_each_shift: tuple[int, ...], design: str, metrics: tuple[str, ...], pool: int | None, pilot: str | None,
    size: int | None, direction: Any, seed: int | None, name: str | None, practice_images: str, coco_info: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a study folder: settings, stimuli, manifest.

    \b
    Example:  shift-study new my-study --images photographs/ --count 50 --seed 1
              shift-study new coco-study --images coco:test2017
              shift-study new near-threshold --images photographs/ --count 100 \\
                  --shifts 0,2,3,9 --at-each-shift 5,20,20,5 --direction mixed
              shift-study new figure-1 --images photographs/ --task 2afc --shifts 0,1
              shift-study new a-or-b --images photographs/ --shifts 0,2,3,9 \\
                  --design discriminating --metric stlpips-alex --metric ssim
    """
    from study_server.folder.new import make_study, unforeseeable_seed
    from study_server.stimuli.skipped import skipped_lines
    from study_server.tasks import task
    from study_server.tasks.shifted_pairs.new_study import Discriminating, pool_journal
    from study_server.tasks.shifted_pairs.pool import begun_seed

    doors: Doors = context.obj
    if len(metrics) != (2 if design == "discriminating" else 0) or (pool and not metrics):
        raise click.UsageError("A discriminating study takes --design discriminating, and --metric twice.")
    if pilot and shifts:
        raise click.UsageError("--pilot sets the shifts: leave out --shifts.")
    if shifts and max_shift is not None:
        raise click.UsageError("The largest of --shifts is the largest shift: leave out --max-shift.")
    if pilot:
        shifts, max_shift = doors.pilot_shifts(pilot, max_shift or 9, lengths(direction or "right")), None
    chosen = None
    if design == "discriminating":
        chosen = Discriminating((metrics[0], metrics[1]), doors.pair_scorer(metrics), pool or 20 * (count or 50))
        seed = begun_seed(pool_journal(folder)) if seed is None else seed  # to go on with it
    seed = unforeseeable_seed() if seed is None else seed
    options = {
        "max_shift": max_shift, "shifts": shifts, "at_each_shift": at_each_shift, "direction": direction,
        "discriminating": chosen,
    }  # fmt: skip
    if doors is not None and "distort" in task(task_name).options:
        options["distort"] = doors.distort_photograph
    given = {name: value for name, value in options.items() if value not in (None, ())}
    made = make_study(
        folder, task_name=task_name, source=source, count=count, size=size, seed=seed, name=name,
        practice_images=practice_images, coco_info=coco_info, **given,
    )  # fmt: skip
    nouns, n_groups = made.folder.task.nouns, made.folder.settings.stimuli.count
    for line in skipped_lines(made.skipped):
        click.echo(f"skipped {line}", err=True)
    for photograph, remarks in made.remarks.items():
        click.echo(f"note {photograph}: {'; '.join(remarks)}", err=True)
    figures = {
        "folder": str(folder), nouns.groups: n_groups, nouns.stimuli: made.n_stimuli,
        "photographs_used": made.photographs_used, "skipped": made.skipped,
        "remarks": made.remarks, "seed": seed,
    }  # fmt: skip
    text = (
        f"{folder}: {made.n_stimuli} {nouns.stimuli} of {n_groups} {nouns.groups} "
        f"from {made.photographs_used} photographs"
        + (f", {len(made.skipped)} skipped" if made.skipped else "")
        + f"\n{_what_participants_do(made.folder)}"
        + f"\nSeed {seed}: with it the study can be made again; keep it from participants"
        + f"\nSettings: {folder / 'study.toml'}\nNext:     shift-study serve {shlex.quote(str(folder))}"
    )
    echo(as_json, figures, text)


def _what_participants_do(study: StudyFolder) -> str:
    task, settings = study.task, study.settings
    passing = task.chances(settings)
    said = [task.workload(settings), *([passing.to_text()] if passing else []), *task.warnings(settings)]
    return "\n".join(said)


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
@click.pass_context
def check(context: click.Context, folder: Path, as_json: bool) -> None:
    """Verify a study folder against its manifest, pixel by pixel, and say how often somebody who guesses is used.

    \b
    Example:  shift-study check my-study
    """
    from dataclasses import asdict

    from study_server.folder.check import CERTIFIES, check_folder, who_can_read
    from study_server.folder.study_folder import StudyFolder
    from study_server.participants.precautions import precautions

    study = StudyFolder(folder)
    distort = context.obj.distort_photograph if context.obj is not None else None
    report, passing = check_folder(study, distort), study.task.chances(study.settings)
    exposed = who_can_read(study)
    warnings = [*(f"{warning}." for warning in precautions(study)), *([exposed] if exposed else [])]
    nouns = study.task.nouns
    summary = (
        f"{report.pairs} {nouns.stimuli} of {report.images} {nouns.groups} checked, "
        f"{report.images_recut_from_source} {nouns.groups} cut again from their photograph; "
        f"{len(report.faults) or 'no'} fault{'s' * (len(report.faults) != 1)}"
    )
    figures = asdict(report) | {"warnings": warnings, "chances": passing.to_json() if passing else None}
    figures |= {"certifies": CERTIFIES}
    said = [*report.faults, *(f"Warning: {warning}" for warning in warnings)]
    said += [*([passing.to_text()] if passing else []), summary, CERTIFIES]
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
    digest, copies = manifest_sha256(study.manifest_path), study.copies
    done = publish_stimuli(study.path, study.rows, digest, study.sent_images, target, copies)
    text = (
        f"{done.target}: {done.files} files, {done.bytes / 1e6:.1f} MB, {done.written} written now. "
        f"Their names are in {folder / 'published.csv'}.\n"
        "Next: set server.stimuli_url in study.toml to their public address, and let pages of this server read them "
        "there (CORS)."
    )
    echo(as_json, asdict(done), text)
