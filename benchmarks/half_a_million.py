"""What reading, analysing and exporting takes with 25,000 and with 500,000 answers: time, and memory at its most.

    python -m benchmarks.half_a_million
    python -m benchmarks.half_a_million --participants 500 --participants 2000 --json

The rows of 500 simulated participants are copied inside the database, to that many participants. Each figure is of a
process of its own that runs `shift-study`, from its start to its end; the dashboard's download is one request to the
application, whose answer is read piece by piece.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Table, func, insert, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from study_server.demonstration import fill
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import Participant, QuestionAnswer, Response, Trial, Visit

SIMULATED = 500

FILES = (".csv", ".jsonl", ".parquet")
VERBS = ("psychometric", "dprime", "reliability", "exclusions")


def study_of(participants: int, path: Path) -> StudyFolder:
    """A study with the answers of so many participants, a multiple of 500, none of whose stimuli anybody needs."""
    folder = make_study(path, source="demo", size=32).folder
    fill(folder, SIMULATED)
    database = Database(folder.database_url)
    with database.writing() as session:
        copy_participants(session, participants // SIMULATED - 1)
    database.close()
    return folder


def copy_participants(session: Session, times: int) -> None:
    """Copy all participants with what they left, so many times; new ids, numbers and secrets, the same answers."""
    people, trials, number, slot = (
        session.scalar(select(func.max(column))) or 0
        for column in (Participant.id, Trial.id, Participant.number, Participant.slot)
    )
    steps: dict[tuple[str, str], int] = {
        ("participant", "id"): people, ("participant", "number"): number, ("participant", "slot"): slot + 1,
        ("trial", "id"): trials, ("trial", "participant_id"): people, ("response", "trial_id"): trials,
        ("visit", "participant_id"): people, ("question_answer", "participant_id"): people,
    }  # fmt: skip
    secrets = {"token", "images_token", "idempotency_key", "withdrawal_code"}
    for copy in range(1, times + 1):
        for model in (Participant, Trial, Response, Visit, QuestionAnswer):
            table = model.__table__
            assert isinstance(table, Table)

            def copied(column: Any, table: Table = table, copy: int = copy) -> ColumnElement[Any]:
                if column.name in secrets:
                    return column.concat(literal(f"-{copy}"))
                step = steps.get((table.name, column.name))
                return column if step is None else column + step * copy

            first = table.c.get("trial_id", table.c.get("participant_id", table.c.get("id")))
            originals = select(*map(copied, table.c)).where(first <= (trials if first.name == "trial_id" else people))
            session.execute(insert(table).from_select(list(table.c.keys()), originals))


_LAUNCHER = """
import os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""
"""Runs a process. A large one would not do, for the memory of who starts it counts as the process's own."""


def run(arguments: Sequence[str]) -> dict[str, float]:
    """Seconds of the clock and of the processor, and peak MB, of a process. Raises `RuntimeError` where it fails."""
    launcher = [sys.executable, "-S", "-c", _LAUNCHER, sys.executable, *arguments]
    done = subprocess.run(launcher, capture_output=True, text=True, check=True)
    code, seconds, processor, memory = map(float, done.stdout.split())
    if code:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-500:]}")
    # On Linux in kB, on a Mac in bytes.
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return {"seconds": seconds, "processor_s": processor, "peak_mb": memory / unit}


_DOWNLOAD = """
import sys
from pathlib import Path
from study_server.dashboard.exports import EXPORTS
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
folder = StudyFolder(Path(sys.argv[1]))
study = RunningStudy(folder, Database(folder.database_url))
print(sum(len(piece.encode()) for piece in EXPORTS[sys.argv[2]].write(study)))
"""
"""Reads one of the dashboard's exports to its end, as the server sends it."""


def measure(participants: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds and peak MB of each command, in a study of so many participants."""
    with tempfile.TemporaryDirectory() as home:
        folder = study_of(participants, Path(home) / "study")
        source = str(folder.path)
        database = Database(folder.database_url)
        with database.reading() as session:
            answers = session.scalar(select(func.count()).select_from(Response))
        database.close()
        verb = ["-m", "shift_study"]
        commands: dict[str, list[str]] = {}
        for suffix in FILES:
            commands[f"export {suffix}"] = [*verb, "export", source, "-o", f"{home}/responses{suffix}"]
        for file in ("responses.csv", "responses.jsonl"):
            commands[f"dashboard {file}"] = ["-c", _DOWNLOAD, source, file]
        commands["table1 STUDY"] = [*verb, "table1", source]
        for suffix in FILES:
            commands[f"table1 FILE{suffix}"] = [*verb, "table1", f"{home}/responses{suffix}"]
        commands |= {f"{name} STUDY": [*verb, name, source] for name in VERBS}
        commands |= {f"{name} FILE.csv": [*verb, name, f"{home}/responses.csv"] for name in VERBS}
        found = {}
        for name, command in commands.items():
            say(f"{answers:,} answers: {name}")
            found[name] = run(command)
    return {"participants": participants, "answers": answers, "commands": found}


@click.command()
@click.option(
    "--participants", multiple=True, default=(500, 10_000), show_default=True, type=click.IntRange(SIMULATED),
    help="How many, a multiple of 500; may be given several times.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def main(participants: tuple[int, ...], as_json: bool) -> None:
    """Measure what half a million answers take, beside a few."""
    found = [measure(count, lambda name: click.echo(name, err=True)) for count in participants]
    if as_json:
        print(json.dumps(found))
        return
    print(f"{'clock, processor, memory':<26}" + "".join(f"{size['answers']:>19,} answers" for size in found))
    for name in found[0]["commands"]:
        figures = [size["commands"][name] for size in found]
        times = (f"{one['seconds']:>8.1f} s {one['processor_s']:>5.1f} s {one['peak_mb']:>5.0f} MB" for one in figures)
        print(f"{name:<26}" + "".join(times))


if __name__ == "__main__":
    main()
