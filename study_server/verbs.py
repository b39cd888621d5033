"""The verbs that this package offers to the command line. Heavy imports happen inside each verb."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from study_server.verb_options import DATABASE_URL, FOLDER, echo

if TYPE_CHECKING:
    from study_server.folder.settings import Settings
    from study_server.folder.study_folder import StudyFolder


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
    from study_server.folder.new import make_study

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
        + f"\n{_what_participants_do(made.folder.settings)}"
        + f"\nSettings: {folder / 'study.toml'}\nNext:     shift-study serve {shlex.quote(str(folder))}"
    )
    echo(as_json, figures, text)


def _what_participants_do(settings: Settings) -> str:
    trials, shifts = settings.trials, settings.stimuli.max_shift + 1
    text = f"Each participant judges {trials.per_shift * shifts} pairs, {trials.per_shift} of each shift"
    if trials.strategy == "paper":
        text += f"; images are drawn at random and may repeat: the balanced strategy takes {shifts} images or more"
    if trials.per_shift < 3:
        text += (
            "\nNote: with so few pairs of each shift the validation rule can exclude a participant for a single "
            f"mistake; 5 of each shift take {5 * shifts} images"
        )
    return text


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def check(folder: Path, as_json: bool) -> None:
    """Verify a study folder against its manifest, pixel by pixel.

    \b
    Example:  shift-study check my-study
    """
    from dataclasses import asdict

    from study_server.folder.check import check_folder
    from study_server.folder.study_folder import StudyFolder

    report = check_folder(StudyFolder(folder))
    summary = (
        f"{report.pairs} pairs of {report.images} images checked, {report.images_recut_from_source} images cut again "
        f"from their photograph; {len(report.faults) or 'no'} fault{'s' * (len(report.faults) != 1)}"
    )
    echo(as_json, asdict(report), "\n".join([*report.faults, summary]))
    if report.faults:
        raise SystemExit(1)


@click.command()
@click.argument("folders", metavar="DIR...", type=FOLDER, nargs=-1, required=True)
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: server.host in study.toml]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: server.port]")
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes.  [default: server.workers]")
@DATABASE_URL
@click.pass_obj
def serve(
    doors: Any, folders: tuple[Path, ...], host: str | None, port: int | None, workers: int | None, database_url: str
) -> None:
    """Serve one or several studies to participants until stopped (Ctrl-C).

    Several studies each have an address of their own, /NAME/. Host, port and processes are those of the first. Each has
    a dashboard at /dashboard/, once `shift-study password` has set a password.

    \b
    Example:  shift-study serve my-study --host 0.0.0.0 --port 8000
              shift-study serve first second --database-url postgresql://study@db/studies
    """
    from study_server.folder.study_folder import StudyFolder

    _serve(doors, [StudyFolder(folder, database_url) for folder in folders], host, port, workers)


def _serve(
    doors: Any, folders: list[StudyFolder], host: str | None, port: int | None, workers: int | None, also: str = ""
) -> None:
    """Serve, and say where. `doors` fit the dashboard's curve, where this package is not alone."""
    from dataclasses import replace

    from study_server.web.serve import serve
    from study_server.web.several import paths_of

    given = folders[0].settings.server
    server = replace(given, host=host or given.host, port=port or given.port, workers=workers or given.workers)
    name = "localhost" if server.host in ("127.0.0.1", "0.0.0.0") else server.host

    def say(states: list[str]) -> None:
        for (path, folder), state in zip(paths_of(folders).items(), states, strict=True):
            address = f"http://{name}:{server.port}{path}/"
            click.echo(f"Take part at {address}\nDashboard at {address}dashboard/\n{folder.path}: {state}")
        click.echo(f"{also}Stop with Ctrl-C.")

    serve(folders, server, say, getattr(doors, "fit_psychometric", None))


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 8000]")
@click.option("--filled", is_flag=True, help="Fill it with 100 simulated observers: to look round in the dashboard.")
@click.pass_obj
def demo(doors: Any, folder: Path, port: int | None, filled: bool) -> None:
    """Make the demo study in DIR (if it is not there yet), serve it, and say where to take part.

    The first time, the dashboard gets a random password, which is shown.

    \b
    Example:  shift-study demo my-demo
              shift-study demo full-demo --filled
    """
    from study_server.dashboard.passwords import has_password, random_password, set_password
    from study_server.folder.new import make_study
    from study_server.folder.study_folder import StudyFolder

    if not (folder / "study.toml").exists():
        made = make_study(folder, source="demo")
        click.echo(f"{folder}: {made.n_pairs} pairs of crops from {made.photographs_used} photographs")
    study = StudyFolder(folder)
    if filled:
        from study_server.demonstration import fill, is_filled

        if not is_filled(study):
            click.echo(f"{folder}: {fill(study, participants=100)} answers of 100 simulated observers")
    if has_password(study):
        also = f"The dashboard's password was shown when it was made: shift-study password {folder} sets another.\n"
    else:
        password = random_password()
        set_password(study, password)
        also = f"The dashboard's password: {password}\n"
    _serve(doors, [study], None, port, None, also)


@click.command()
@click.argument("folder", metavar="TARGET", type=FOLDER)
@click.option(
    "--participants",
    default=30,
    show_default=True,
    type=click.IntRange(1),
    help="How many observers take part.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of their answers.")
@click.option(
    "--lapse-rate",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of trials answered by a coin.",
)
@click.option(
    "--side-bias",
    default=0.0,
    show_default=True,
    type=click.FloatRange(-1, 1),
    help="Added to P(different) where the reference is left, taken away where right.",
)
@click.option(
    "--at-once",
    default=8,
    show_default=True,
    type=click.IntRange(1, 2000),
    help="How many take part at the same time.",
)
@click.option("--url", metavar="URL", help="A running server of this study, instead of starting one.")
@DATABASE_URL
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def simulate(
    folder: Path,
    participants: int,
    seed: int,
    lapse_rate: float,
    side_bias: float,
    at_once: int,
    url: str | None,
    database_url: str,
    as_json: bool,
) -> None:
    """Let simulated observers take the study in TARGET through its web pages, as a browser would.

    Their psychometric function is Table 1 of Ghildyal & Liu 2022. They know the shift only by looking up the pixels
    that they are shown in the folder's manifest.

    \b
    Example:  shift-study simulate my-study --participants 30 --seed 1
    """
    from study_server.folder.study_folder import StudyFolder
    from study_server.participants.same_different import Observer
    from study_server.simulate import simulate_study

    observer = Observer(lapse_rate=lapse_rate, side_bias=side_bias)
    result = simulate_study(
        StudyFolder(folder, database_url), observer, participants=participants, seed=seed, at_once=at_once, url=url
    )
    echo(as_json, result.to_json(), result.to_text())
    if result.problems:
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


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new .db (PostgreSQL: .dump) for the database alone, or .zip for the whole folder.",
)
@DATABASE_URL
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def backup(folder: Path, output: Path, database_url: str, as_json: bool) -> None:
    """Copy a study's data, while its server may go on writing.

    \b
    Example:  shift-study backup my-study -o /backups/my-study.db
              shift-study backup my-study -o my-study.zip     # to move it to another machine
    """
    from dataclasses import asdict

    from study_server.folder.study_folder import StudyFolder
    from study_server.storage.backup import backup as back_up

    made = back_up(StudyFolder(folder, database_url), output)
    answers = "" if made.answers is None else f", {made.answers:,} answers"
    echo(as_json, asdict(made), f"{made.file}: {made.bytes / 1e6:.1f} MB{answers}\nTo restore: {made.restore}")


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@DATABASE_URL
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def upgrade(folder: Path, database_url: str, as_json: bool) -> None:
    """Bring the database of a study to the tables of this version of Shift Study. Stop its servers first.

    \b
    Example:  shift-study upgrade my-study
    """
    from dataclasses import asdict

    from study_server.errors import StudyError
    from study_server.folder.study_folder import StudyFolder
    from study_server.storage.upgrade import upgrade as bring_up

    study = StudyFolder(folder, database_url)
    if not study.has_database:
        raise StudyError(f"{folder} has no database yet, so there is nothing to upgrade")
    done = bring_up(study.database_url)
    if done.before == done.after:
        text = f"{done.database} has tables of version {done.after}, the present one: nothing to do"
    else:
        text = f"{done.database}: upgraded from version {done.before} to {done.after}"
    if done.backup:
        text += f"\nAs it was before: {done.backup}"
    echo(as_json, asdict(done) | {"backup": str(done.backup) if done.backup else None}, text)


@click.command()
@click.argument("folder", metavar="[DIR]", type=FOLDER, required=False)
@DATABASE_URL
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input, one line, without asking.")
@click.option("--print", "only_print", is_flag=True, help="Store nothing: print the hash, for server.password_hash.")
def password(folder: Path | None, database_url: str, from_stdin: bool, only_print: bool) -> None:
    """Set the password of a study's dashboard. Who is logged in has to log in anew.

    \b
    Example:  shift-study password my-study
              shift-study password --print          # to put the hash into study.toml
    """
    from study_server.dashboard.passwords import hash_password, set_password
    from study_server.folder.study_folder import StudyFolder

    if folder is None and not only_print:
        raise click.UsageError("name the study folder, or print the hash alone with --print")
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    else:
        given = click.prompt("Password, at least 10 characters", hide_input=True, confirmation_prompt=True, err=True)
    if only_print or folder is None:
        click.echo(hash_password(given))
        return
    if set_password(StudyFolder(folder, database_url), given):
        click.echo(f"{folder}: the dashboard has this password now")
    else:
        click.echo(f"{folder}: stored, but server.password_hash in study.toml takes precedence; make that empty")


VERBS: list[click.Command] = [new, check, serve, publish, demo, simulate, backup, upgrade, password]
