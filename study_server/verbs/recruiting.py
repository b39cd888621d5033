"""The verbs about who takes part: personal links, places given back, the table of participants."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from study_server.verbs.options import DATABASE_URL, FILE, FOLDER, echo


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--count", default=30, show_default=True, type=click.IntRange(1, 100_000), help="How many links.")
@click.option("--label", metavar="LABEL", default="link", show_default=True, help="What their labels begin with.")
@click.option(
    "--base-url", metavar="URL", help="Public address of the study.  [default: http://localhost:PORT/, to try it out]"
)
@click.option("-o", "--output", metavar="FILE", type=FILE, help="Write them to this CSV file, not to the terminal.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@DATABASE_URL
def links(
    folder: Path, count: int, label: str, base_url: str | None, output: Path | None, force: bool, database_url: str
) -> None:
    """Make personal links to the study in DIR, as CSV with the columns label and link.

    Each admits one person, and leads them back from any browser. They are shown this once.

    \b
    Example:  shift-study links my-study --count 30 --label class --base-url https://study.example.org/ -o links.csv
    """
    from study_server.export.table_files import check_output, write_text
    from study_server.folder.study_folder import StudyFolder
    from study_server.participants.invitations import invite, to_csv
    from study_server.storage.database import Database

    if output is not None:
        check_output(output, overwrite=force)
    study = StudyFolder(folder, database_url)
    database = Database(study.database_url, group=study.settings.server.group)
    made = invite(study, database, count, label, base_url or f"http://localhost:{study.settings.server.port}/")
    database.close()
    if output is None:
        click.echo(to_csv(made), nl=False)
    else:
        write_text(to_csv(made), output, private=True)  # whoever has a link is who it was made for
        click.echo(f"{output}: {count} personal links")


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("participants", metavar="[PARTICIPANT]...", nargs=-1)
@click.option(
    "--prolific",
    metavar="FILE",
    type=FILE,
    help="CSV that Prolific exports: those whose submission is RETURNED or TIMED-OUT.",
)
@DATABASE_URL
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def release(
    folder: Path, participants: tuple[str, ...], prolific: Path | None, database_url: str, as_json: bool
) -> None:
    """Give the pairs of participants to the next who come; their answers are kept.

    \b
    Example:  shift-study release my-study p0007 p0012
              shift-study release my-study --prolific prolific_export.csv
    """
    from study_server.errors import StudyError
    from study_server.folder.study_folder import StudyFolder
    from study_server.participants.returned import read_prolific, release_labels, release_submissions
    from study_server.participants.running_study import RunningStudy
    from study_server.storage.database import Database

    if not participants and prolific is None:
        raise click.UsageError("Name participants such as p0007, or give --prolific FILE.")
    given_up = read_prolific(prolific) if prolific else []
    files = StudyFolder(folder, database_url)
    if not files.has_database:
        raise StudyError(f"{files.path} has no participants yet: serve it with shift-study serve {files.path}")
    database = Database(files.database_url, create=False)
    study = RunningStudy(files, database)
    released = release_labels(study, participants, "researcher") if participants else []
    released += release_submissions(study, given_up, "researcher")
    database.close()
    labels = [participant.label for participant in released]
    figures = {"released": labels, "given_up_at_prolific": len(given_up)}
    text = f"{len(labels)} places are free again: {', '.join(labels)}" if labels else "none of them held a place"
    echo(as_json, figures, text)


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("-o", "--output", metavar="FILE", required=True, type=FILE, help="File to write: .csv or .jsonl.")
@click.option("--identities", is_flag=True, help="With the platforms' ids of persons, for paying them.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def participants(source: str, output: Path, identities: bool, force: bool, as_json: bool) -> None:
    """Write the table of participants: whom to pay, whose answers to use, and why not.

    SOURCE is a study folder or a database URL.

    \b
    Example:  shift-study participants my-study -o participants.csv
    """
    from study_server.export import participants as export
    from study_server.export.table_files import check_output, write_table

    check_output(output, suffixes=(".csv", ".jsonl"), overwrite=force)
    rows = export.participant_rows(source, identities=identities)
    columns = (*export.COLUMNS, *(export.IDENTITY_COLUMNS if identities else ()))
    write_table(rows, columns, output, overwrite=force, private=identities)
    states = Counter(row["state"] for row in rows)
    reasons = Counter(reason for row in rows for reason in row["not_used_because"].split(";") if reason)
    simulated = sum(row["simulated"] for row in rows)
    figures = {
        "file": str(output), "participants": len(rows), "simulated": simulated, "states": dict(states),
        "pay": sum(row["pay"] for row in rows), "use": sum(row["use"] for row in rows),
        "not_used_because": dict(reasons),
    }  # fmt: skip
    said = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    why = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    text = (
        f"{output}: {len(rows)} participants" + (f" ({said})" if said else "")
        + f"\npay  {figures['pay']}\nuse  {figures['use']}" + (f"\nnot used: {why}" if why else "")
        + (f"\nSimulated observers: {simulated} of the {len(rows)} participants are no people." if simulated else "")
    )  # fmt: skip
    echo(as_json, figures, text)
