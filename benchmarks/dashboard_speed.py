"""How long the dashboard's pages take with many participants: seconds of processor and of the clock.

python benchmarks/dashboard_speed.py [--participants 10000] [--task same-different] [--json]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select

from shift_study import Doors
from study_server.dashboard.page_contents import Asked, now, pages_of, version
from study_server.demonstration import fill
from study_server.folder.new import make_study
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Response
from study_server.tasks import BUILT_IN, DEFAULT

REPETITIONS = 3


def measure(participants: int, task_name: str) -> dict[str, Any]:
    """Fill a study of small images in a temporary folder, and make each page; the quickest of three times."""
    with tempfile.TemporaryDirectory() as home:
        options = {"distort": Doors().distort_photograph} if task_name == "2afc" else {}
        folder = make_study(Path(home) / "study", task_name=task_name, source="demo", size=32, **options).folder
        begin = time.perf_counter()
        fill(folder, participants)
        print(f"filled in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
        database = Database(folder.database_url)
        study = RunningStudy(folder, database)
        asked = Asked(study, now(), {}, Doors().fit_psychometric)
        with database.reading() as session:
            answers = session.scalar(select(func.count()).select_from(Response))
            pages = {
                name: _quickest(lambda page=page: page.make(session, asked))  # type: ignore[misc]
                for name, page in pages_of(study.task).items()
            }
            pages["unchanged"] = _quickest(lambda: version(session, asked))
        database.close()
    return {"participants": participants, "answers": answers, "pages": pages}


def _quickest(work: Any) -> dict[str, float]:
    found = []
    for _ in range(REPETITIONS):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.process_time() - processor, time.perf_counter() - wall))
    return dict(zip(("processor_s", "wall_s"), min(found), strict=True))


@click.command()
@click.option("--participants", default=10_000, show_default=True, type=click.IntRange(1), help="How many to fill in.")
@click.option("--task", default=DEFAULT, show_default=True, type=click.Choice([*BUILT_IN]), help="What they are asked.")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
def main(participants: int, task: str, as_json: bool) -> None:
    """Measure the dashboard's pages on a study filled with simulated observers."""
    figures = measure(participants, task)
    if as_json:
        print(json.dumps(figures))
        return
    print(f"{figures['participants']} participants, {figures['answers']} answers")
    print(f"{'page':<16} {'processor, s':>12} {'clock, s':>9}")
    for name, times in figures["pages"].items():
        print(f"{name:<16} {times['processor_s']:>12.3f} {times['wall_s']:>9.3f}")


if __name__ == "__main__":
    main()
