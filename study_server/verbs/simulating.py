"""The verb `simulate`: observers who take part as a browser would."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from study_server.verbs.options import DATABASE_URL, FOLDER, echo


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
    help="How far they lean to a side. same-different: added to P(different) where the reference is left, taken away "
    "where right.",
)
@click.option(
    "--participant-sd",
    type=click.FloatRange(min=0),
    help="How much observers differ: standard deviation of the logarithm of the shift that they see half of the time; "
    "0: all are alike.  [default: 0.4]",
)
@click.option("--image-sd", type=click.FloatRange(min=0), help="How much photographs differ, likewise.  [default: 0.4]")
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
    participant_sd: float | None,
    image_sd: float | None,
    at_once: int,
    url: str | None,
    database_url: str,
    as_json: bool,
) -> None:
    """Let simulated observers take the study in TARGET through its web pages, as a browser would.

    They answer as the study's task says (same-different: over all of them, their psychometric function is Table 1 of
    Ghildyal & Liu 2022; single people and photographs differ, as `shift-study power` takes them to). They know a
    stimulus only by looking up the pixels that they are shown in the folder's manifest.

    \b
    Example:  shift-study simulate my-study --participants 30 --seed 1
              shift-study simulate my-study --participant-sd 0.6 --image-sd 0.2
    """
    from study_server.errors import StudyError
    from study_server.folder.study_folder import StudyFolder
    from study_server.simulate import simulate_study
    from study_server.tasks.task import DifferingObserver

    study = StudyFolder(folder, database_url)
    observer = study.task.observer(lapse_rate=lapse_rate, side_bias=side_bias)
    asked = {"participant_sd": participant_sd, "image_sd": image_sd}
    differing = {name: sd for name, sd in asked.items() if sd is not None}
    if differing:
        if not isinstance(observer, DifferingObserver):
            options = " and ".join(f"--{name.replace('_', '-')}" for name in differing)
            raise StudyError(f"the simulated observers of {study.task.name} do not differ so: leave out {options}")
        observer = observer.differing(**differing)
    result = simulate_study(study, observer, participants=participants, seed=seed, at_once=at_once, url=url)
    next_verb = "" if result.problems else f"\nNext:     shift-study report {shlex.quote(str(folder))} -o report"
    echo(as_json, result.to_json(), result.to_text() + next_verb)
    if result.problems:
        raise SystemExit(1)
