"""Studies that are backed up, go on, are killed, restored and served again. The tests run it a few times; by hand:

PYTHONPATH=tests:tests/study_server python tests/study_server/restore_runs.py --runs 20
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from kill_runs import kill_server, stored_keys
from persistent_participant import PersistentParticipant
from small_study import make_small_study
from stored_state import assert_consistent
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.storage.backup import backup
from study_server.storage.database import Database
from study_server.storage.restore import restore
from study_server.web.background_server import free_port, running_server


@dataclass
class Figures:
    """Answers acknowledged before backups, between those and kills, and after restores; runs that have other rows."""

    runs: int = 0
    before: int = 0
    between: int = 0
    after: int = 0
    wrong: int = 0


def restore_again_and_again(made: Path, home: Path, *, runs: int, seed: int) -> Figures:
    """Each time a copy of the study: answers, backup, more answers, kill -9, restore, serve, and on.

    Raises AssertionError where the database is not that of the backup, where what it replaced is not all that was
    acknowledged, or where participants cannot go on from there.
    """
    rng = random.Random(seed)
    figures = Figures()
    for number in range(runs):
        folder = StudyFolder(Path(shutil.copytree(made, home / f"run{number}" / "study")))
        copy = home / f"run{number}" / f"copy.{rng.choice(['db', 'zip'])}"
        with ExitStack() as stack:
            port = free_port()
            server = stack.enter_context(ExitStack())
            url = server.enter_context(running_server(folder, port=port))
            people = [stack.enter_context(PersistentParticipant(url)) for _ in range(3)]
            trials = {person: person.begin() for person in people}
            keys = [p.answer(trials[p].pop()) for p in people for _ in range(rng.randint(1, 8))]
            backup(folder, copy)
            before = set(keys)
            keys += [p.answer(trials[p].pop()) for p in people for _ in range(rng.randint(1, 8))]
            kill_server(port, rng.choice(["workers first", "master first"]), rng)
            server.pop_all().close()
            done = restore(copy, folder.path)
            assert done.kept is not None
            assert (done.answers, _keys_in(Path(done.kept))) == (len(before), set(keys))
            server.enter_context(running_server(folder, port=port))
            after = {p.answer(trial["id"]) for p in people for trial in p.ask("GET", "/api/trials").json()["trials"]}
        with closing(Database(folder.database_url)) as database:
            figures.wrong += stored_keys(database) != before | after
            assert_consistent(RunningStudy(folder, database))
        figures.runs += 1
        figures.before += len(before)
        figures.between += len(keys) - len(before)
        figures.after += len(after)
    return figures


def _keys_in(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT idempotency_key FROM response")}


def main() -> None:
    """Prints figures; fails where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        made = make_small_study(Path(home) / "made").path
        figures = restore_again_and_again(made, Path(home) / "runs", runs=options.runs, seed=options.seed)
    print(figures)
    assert figures.wrong == 0


if __name__ == "__main__":
    main()
