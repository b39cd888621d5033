"""The verbs that keep a study in order: `backup`, `restore`, `upgrade`, `password`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from study_server.verbs.options import DATABASE_URL, FILE, FOLDER, echo


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
@click.argument("file", metavar="BACKUP", type=FILE)
@click.argument("folder", metavar="DIR", type=FOLDER)
@DATABASE_URL
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def restore(file: Path, folder: Path, database_url: str, as_json: bool) -> None:
    """Put a backup back in the place of a study's database, or as a whole study folder. Stop its servers first.

    
    Example:  shift-study restore /backups/my-study.db my-study
              shift-study restore my-study.zip my-study       # where there is no folder my-study yet
    """
    from dataclasses import asdict

    from study_server.storage.restore import restore as put_back
    from study_server.storage.schema import HEAD

    done = put_back(file, folder, database_url)
    if done.database is None:
        text = f"{done.folder}: restored; it had never been served"
    else:
        until = f", the last of {done.until}" if done.until else ""
        text = f"{done.database}: restored, with {done.answers:,} answers{until}"
    if done.kept:
        text += f"\nWhat was there before: {done.kept}"
    if done.version is not None and done.version != HEAD:
        text += f"\nIts tables are of version {done.version}: before you serve it, shift-study upgrade {folder}"
    if done.unused:
        text += f"\nServed, it would have the data in {done.unused}: take server.database_url out of its study.toml"
    echo(as_json, asdict(done), text)


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
