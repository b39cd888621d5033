"""Servers that are killed under load, again and again. The tests run it a few times; by hand, as often as you like:

PYTHONPATH=tests python tests/study_server/kill_runs.py --kills 50 --database postgresql
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from persistent_participant import Load
from postgres import Cluster, running_cluster
from small_study import make_small_study
from stored_state import assert_consistent
from study_server.folder.study_folder import StudyFolder
from study_server.participants.running_study import RunningStudy
from study_server.storage.database import Database
from study_server.storage.models import Response
from study_server.web.background_server import free_port, running_server

_LISTENING = "0A"  # state of a socket in /proc/net/tcp

SERVER_KILLS = ("worker", "workers first", "master first")


@dataclass
class Figures:
    """What was killed, and what became of the answers. lost: acknowledged and not stored."""

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


def kill_again_and_again(folder: StudyFolder, cluster: Cluster | None, kills: list[str], rng: random.Random) -> Figures:
    """One study under load while each of `kills` happens to it, then everybody finishes.

    Raises AssertionError where an acknowledged answer is not stored, or what is stored does not agree with itself.
    """
    port = free_port()
    figures = Figures(Counter(kills))
    database = Database(folder.database_url)
    study = RunningStudy(folder, database)
    with ExitStack() as server:
        server.enter_context(running_server(folder, port=port))
        with Load(f"http://127.0.0.1:{port}") as load:
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
    master, workers = processes_of(port)
    assert workers
    rng.shuffle(workers)
    killed = {"worker": workers[:1], "workers first": [*workers, master], "master first": [master, *workers]}[what]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)


def processes_of(port: int) -> tuple[int, list[int]]:
    """The ids of the main process and of the workers of the server at this port: all that listen there."""
    # Not by their command lines: gunicorn puts titles there, where it can.
    connections = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listeners = {
        f"socket:[{fields[9]}]"
        for fields in connections
        if fields[1].endswith(f":{port:04X}") and fields[3] == _LISTENING
    }
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if not listeners.isdisjoint(_handles(process)):
                parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    workers = [pid for pid, parent in parents.items() if parent in parents]
    (master,) = parents.keys() - workers
    return master, workers


def _handles(process: Path) -> Iterator[str]:
    for handle in (process / "fd").iterdir():
        with suppress(OSError):  # it has been closed meanwhile
            yield str(handle.readlink())


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
