"""The verbs that run a server: `serve`, `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from study_server.verbs.options import DATABASE_URL, FOLDER

if TYPE_CHECKING:
    from study_server.folder.study_folder import StudyFolder


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

    Several studies each have an address of their own, /NAME/. Host, names of hosts, proxies, port and processes are
    those of the first. Each has a dashboard at /dashboard/, once `shift-study password` has set a password.

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
@click.option(
    "--task",
    "task_name",
    default="same-different",
    show_default=True,
    metavar="NAME",
    help="What participants are asked: same-different, 2afc or odd-one-out.",
)
@click.option("--filled", is_flag=True, help="Fill it with 100 simulated observers: to look round in the dashboard.")
@click.pass_obj
def demo(doors: Any, folder: Path, port: int | None, task_name: str, filled: bool) -> None:
    """Make the demo study in DIR (if it is not there yet), serve it, and say where to take part.

    The first time, the dashboard gets a random password, which is shown.

    \b
    Example:  shift-study demo my-demo
              shift-study demo full-demo --filled
              shift-study demo triplets-demo --task 2afc
    """
    from study_server.dashboard.passwords import has_password, random_password, set_password
    from study_server.folder.new import make_study
    from study_server.folder.study_folder import StudyFolder
    from study_server.tasks import task

    if not (folder / "study.toml").exists():
        distorts = doors is not None and "distort" in task(task_name).options
        options = {"distort": doors.distort_photograph} if distorts else {}
        # The server compresses images while the first page stands.
        made = make_study(folder, source="demo", task_name=task_name, compressed=False, **options)
        stimuli = made.folder.task.nouns.stimuli
        click.echo(f"{folder}: {made.n_stimuli} {stimuli} of crops from {made.photographs_used} photographs")
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
