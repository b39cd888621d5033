"""Servers that are killed under load, again and again. The tests run it a few times; by hand, as often as you like:

python tests/study_server/kill_runs.py --kills 50 --database postgresql
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from persistent_participant import PersistentParticipant
from postgres import Cluster, running_cluster
from small_study import make_small_study
from stored_state import assert_consistent
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Response
from study_server.web.background_server import free_port, running_server

SERVER_KILLS = ("worker", "workers first", "master first")
AT_ONCE = 8


@dataclass
class Figures:
    """What was killed, and what became of the answers."""

    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    stored: int = 0
    participants: int = 0
    repeated: int = 0
    lost: int = 0

    def add(self, other: Figures) -> None:
        """Sum up."""
        self.kills += other.kills
        for name in ("acknowledged", "stored", "participants", "repeated", "lost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Load:
    """Participants who take part one after the other, several at once, until it is enough."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: set[str] = set()
        self.enough = False
        self.repeated = 0
        self.participants = 0
        self.changed = threading.Condition()

    def take_part_again_and_again(self) -> None:
        while not self.enough:
            with PersistentParticipant(self.url) as participant:
                participant.take_part(self._on_acknowledged)
            with self.changed:
                self.repeated += participant.repeated
                self.participants += 1

    def _on_acknowledged(self, key: str) -> None:
        with self.changed:
            assert key not in self.acknowledged
            self.acknowledged.add(key)
            self.changed.notify_all()

    def wait_for(self, more: int) -> set[str]:
        """Wait until so many more answers have been acknowledged; all that have been."""
        with self.changed:
            goal = len(self.acknowledged) + more
            assert self.changed.wait_for(lambda: len(self.acknowledged) >= goal, timeout=120)
            return set(self.acknowledged)


def kill_again_and_again(folder: StudyFolder, cluster: Cluster | None, kills: list[str], rng: random.Random) -> Figures:
    """One study under load while each of `kills` happens to it, then everybody finishes.

    Raises AssertionError where an acknowledged answer is not stored, or what is stored does not agree with itself.
    """
    port = free_port()
    load = _Load(f"http://127.0.0.1:{port}")
    figures = Figures(Counter(kills))
    database = Database(folder.database_url)
    study = RunningStudy(folder, database)
    with ExitStack() as server, ThreadPoolExecutor(AT_ONCE) as pool:
        server.enter_context(running_server(folder, port=port))
        work = [pool.submit(load.take_part_again_and_again) for _ in range(AT_ONCE)]
        try:
            for what in kills:
                before = load.wait_for(rng.randint(5, 60))
                if what == "postmaster":
                    assert cluster is not None
                    cluster.kill()
                    cluster.start()
                else:
                    kill_server(port, what, rng)
                if what not in ("postmaster", "worker"):
                    server.pop_all().close()
                    server.enter_context(running_server(folder, port=port))
                figures.lost += len(before - stored_keys(database))
        finally:
            load.enough = True
            for task in work:
                task.result()
    stored = stored_keys(database)
    assert len(stored) == len(set(stored))
    figures.acknowledged, figures.stored = len(load.acknowledged), len(stored)
    figures.participants, figures.repeated = load.participants, load.repeated
    figures.lost += len(load.acknowledged - stored)
    assert figures.lost == 0
    assert stored == load.acknowledged  # each is repeated until it is acknowledged
    assert_consistent(study)
    with database.reading() as session:
        assert_intact(session)
    database.close()
    return figures


def stored_keys(database: Database) -> set[str]:
    """The idempotency keys of all answers."""
    with database.reading() as session:
        return set(session.scalars(select(Response.idempotency_key)))


def assert_intact(session: Session) -> None:
    """SQLite's own check of its file."""
    if session.get_bind().dialect.name == "sqlite":
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def kill_server(port: int, what: str, rng: random.Random) -> None:
    """kill -9 one worker of the server at this port, or all its processes in an order."""
    listing = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], check=True, capture_output=True, text=True).stdout
    processes = [line.split()[:2] for line in listing.splitlines() if f"--port {port}" in line]
    pids = {int(pid) for pid, _ in processes}
    workers = [int(pid) for pid, parent in processes if int(parent) in pids]
    masters = [int(pid) for pid, parent in processes if int(parent) not in pids]
    assert workers and len(masters) == 1
    rng.shuffle(workers)
    killed = {"worker": workers[:1], "workers first": workers + masters, "master first": masters + workers}[what]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)


@contextmanager
def _databases(kind: str) -> Iterator[tuple[Cluster | None, Iterator[str]]]:
    if kind == "sqlite":
        yield None, itertools.repeat("")
    else:
        with running_cluster() as cluster:
            yield cluster, (cluster.new_database() for _ in itertools.count())


def main() -> None:
    """Prints figures; fails where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kills-of-a-run", type=int, default=10)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    what = [*SERVER_KILLS, *(["postmaster"] if options.database == "postgresql" else [])]
    total = Figures()
    with tempfile.TemporaryDirectory() as home, _databases(options.database) as (cluster, urls):
        made = make_small_study(Path(home) / "made").path
        for run in range(-(-options.kills // options.kills_of_a_run)):
            copy = Path(shutil.copytree(made, Path(home) / f"run{run}"))
            kills = [rng.choice(what) for _ in range(options.kills_of_a_run)]
            total.add(kill_again_and_again(replace(StudyFolder(copy), other_database=next(urls)), cluster, kills, rng))
            print(total, flush=True)


if __name__ == "__main__":
    main()
