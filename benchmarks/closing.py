"""What it takes to find out, when somebody finishes, whether a study has all the answers that it wants.

    python -m benchmarks.closing
    python -m benchmarks.closing --participants 1000 --participants 10000 --json

A study is filled with so many participants who answered everything; then the question is asked as each completion asks
it: the first time, when all stimuli are counted, and again, when one is known that lacks answers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from metric.text_table import align
from study_server.demonstration import fill
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.participants.completion import target_is_reached
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database

TIMES = 20


def measure(folder: Path, participants: int) -> dict[str, float]:
    """Milliseconds of the first question and, in the median, of the next ones."""
    study = StudyFolder(make_study(folder, source="demo", size=32, count=50, name="closing").folder.path)
    fill(study, participants=participants)
    database = Database(study.database_url)
    running = RunningStudy(study, database)
    recruitment = replace(running.settings.recruitment, answers_per_pair=participants)  # more than it can have
    running.settings = replace(running.settings, recruitment=recruitment)
    seconds = []
    with database.reading() as session:
        for _ in range(1 + TIMES):
            began = perf_counter()
            assert not target_is_reached(session, running)
            seconds.append(perf_counter() - began)
    database.close()
    return {"counting_all_ms": 1000 * seconds[0], "at_a_completion_ms": 1000 * median(seconds[1:])}


def main() -> None:
    """Prints the times at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, action="append", metavar="N", help="sizes (1000 and 10000)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    found = {}
    for participants in options.participants or (1000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            found[participants] = measure(Path(folder) / "study", participants)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    rows = [("participants", "counting all, ms", "at a completion, ms")]
    rows += [(f"{n:,}", *(f"{value:.1f}" for value in each.values())) for n, each in found.items()]
    print(align(rows))


if __name__ == "__main__":
    main()
