"""What is measured: our server on two databases, and a bare Flask route, each as something that takes answers."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import create_engine, text

from benchmarks.load import participant
from benchmarks.load.driver import Ask, Outcome, Script, drive
from benchmarks.load.http import Browser
from benchmarks.load.participant import Enrolled, Habits, Site
from benchmarks.load.postgres import cluster
from benchmarks.load.processes import BenchmarkError, Server, running
from study_server.folder import study_toml
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.settings import ServerSettings
from study_server.web.background_server import free_port
from study_server.web.patient_worker import PatientWorker

MANY = 1_000_000


class Subject(Protocol):
    """A server under load."""

    name: str
    kind: str
    """Which requests count: answers, trials, writes."""
    server: Server
    least_seconds: float
    """A shorter round would not be long enough to count in."""

    def prepare(self, participants: int, habits: Habits) -> Outcome | None:
        """Enrol as many participants as the next round needs; what that took."""

    def answer(self, participants: int, seconds: float, habits: Habits) -> Outcome:
        """`participants` at once answer, for `seconds` at most."""

    def count_stored(self) -> int | None:
        """Answers that are in the database; None where nothing is stored."""


def make_bench_study(path: Path, *, images: bool) -> StudyFolder:
    """The study that is served: 50 images, 10 shifts, 50 trials, as the demo's.

    Its crops are small unless the images are fetched, since nobody then looks at them. One address sends all
    participants, so the limits on addresses are set high; they are counted all the same.
    """
    folder = make_study(path, source="demo", size=256 if images else 32, name="benchmark").folder
    server = replace(folder.settings.server, arrivals_per_minute=MANY, requests_per_minute=MANY)
    study_toml.write_settings(replace(folder.settings, server=server), path / study_toml.FILE_NAME)
    return StudyFolder(path)


@dataclass
class OurServer:
    """`shift-study serve`, each answer durably committed."""

    name: str
    server: Server
    site: Site
    database_url: str
    kind: str = "answer"
    least_seconds: float = 0.0
    seed: int = 0
    waiting: list[list[Enrolled]] = field(default_factory=list)
    """Groups of participants who have trials left."""
    last_use: int = 1

    def prepare(self, participants: int, habits: Habits) -> Outcome | None:
        """Enrol a group, unless the one that is there has about as many trials left as the last round took."""
        if self.waiting and min(len(one.trials) for one in self.waiting[0]) >= 1.2 * self.last_use:
            return None
        self.seed += 1
        outcome = self._drive(participant.enrolments, [self.seed * MANY + n for n in range(participants)], seconds=None)
        self.waiting = [[one for one in outcome.results if one is not None]]
        if len(self.waiting[0]) < participants:
            raise BenchmarkError(f"{self.name}: participants could not enrol: {dict(outcome.errors)}")
        return outcome

    def answer(self, participants: int, seconds: float, habits: Habits) -> Outcome:
        """The group answers; the window closes when the first of them has no trials left."""
        group = self.waiting.pop()
        self.seed += 1
        # Who thinks does not come at the same moment as the others.
        rng = random.Random(self.seed)
        starts_s = [rng.random() * habits.think_s for _ in group] if habits.think_s else None
        outcome = self._drive(
            participant.answers, group, self.seed, habits, seconds=seconds, starts_s=starts_s, stop_at_first=True
        )
        step = 3 if habits.images else 1
        used = [-(-asked // step) for asked in outcome.asked]
        self.last_use = max(used)
        self.waiting.append([replace(one, trials=one.trials[n:]) for one, n in zip(group, used, strict=True)])
        return outcome

    def consent(self, participants: int) -> Outcome:
        """So many consent at the same moment, who have the form before them."""
        self.seed += 1
        seeds = [self.seed * MANY + n for n in range(participants)]
        requests = self._drive(participant.forms, seeds, seconds=None).results
        return drive(participant.consents, requests, host=self.server.host, port=self.server.port)

    def _drive(self, make: Callable[..., list[Script]], *arguments: object, **limits: Any) -> Outcome:
        return drive(make, self.site, *arguments, host=self.server.host, port=self.server.port, **limits)

    def count_stored(self) -> int | None:
        """Rows of the table of answers."""
        return int(_ask_database(self.database_url, "SELECT count(*) FROM response"))


def _ask_database(url: str, question: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        answer = str(connection.execute(text(question)).scalar_one())
    engine.dispose()
    return answer


@contextmanager
def our_server(name: str, folder: StudyFolder, database_url: str | None = None) -> Iterator[OurServer]:
    """Serve the study, on SQLite in its folder or on the database given."""
    port = free_port()
    command = [sys.executable, "-m", "study_server", "serve", str(folder.path), "--host", "127.0.0.1"]
    command += ["--port", str(port), *(["--database-url", database_url] if database_url else [])]
    url = database_url or folder.database_url
    with running(name, command, port, start_s=300) as server:
        keys = (_ask_database(url, f"SELECT {name} FROM study") for name in ("simulation_key", "secret_key"))
        site = Site(server.host, port, *keys)
        yield OurServer(name, server, site, url)


@dataclass
class BareFlask:
    """A Flask route that parses the same answer and stores nothing."""

    server: Server
    name: str = "bare_flask"
    kind: str = "answer"
    least_seconds: float = 0.0

    def prepare(self, participants: int, habits: Habits) -> Outcome | None:
        """Nobody has to enrol."""
        return None

    def answer(self, participants: int, seconds: float, habits: Habits) -> Outcome:
        """The same request again and again."""
        host, port = self.server.host, self.server.port
        return drive(_bare_scripts, host, port, participants, host=host, port=port, seconds=seconds)

    def count_stored(self) -> int | None:
        """Nothing is."""
        return None


def _bare_scripts(host: str, port: int, participants: int) -> list[Script]:
    content = json.dumps(
        participant.ANSWER
        | {"visit": 1, "idempotency_key": "0123456789abcdef0123456789abcdef"}
        | {"sent": dict.fromkeys(("left", "right"), f"1700000000000.{'x' * 22}")},
        separators=(",", ":"),
    ).encode()
    # As long as a participant's, with a cookie as ours has.
    browser = Browser(host, port, {participant.SIMULATION_HEADER: "x" * 22})
    browser.cookies["shift_study_benchmark"] = "x" * 190
    path = "/api/trials/abcdefghijklmnopqrstuv/response"
    ask = Ask("answer", browser.request("PUT", path, content, "application/json"))
    return [_again_and_again(ask) for _ in range(participants)]


def _again_and_again(ask: Ask) -> Script:
    while True:
        yield ask


@contextmanager
def bare_flask(settings: ServerSettings) -> Iterator[BareFlask]:
    """Serve the bare route under gunicorn as ours is: the same kind and number of workers and threads."""
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}",
        "--worker-class", f"{PatientWorker.__module__}.{PatientWorker.__name__}",
        "--workers", str(settings.workers), "--threads", str(settings.threads), "--keep-alive", "15",
        "--backlog", "2048", "--worker-connections", "10000", "--log-level", "warning",
        "benchmarks.load.bare_flask:app",
    ]  # fmt: skip
    with running("bare Flask", command, port, cwd=Path(__file__).parents[2]) as server:
        yield BareFlask(server)


@contextmanager
def start(names: Sequence[str], home: Path, *, participants: int, images: bool) -> Iterator[list[Subject]]:
    """Start the subjects named, in that order, with all they need for so many participants, in the folder `home`."""
    with ExitStack() as stack:
        subjects: list[Subject] = []
        study = make_bench_study(home / "study", images=images)
        for name in names:
            if name == "sqlite":
                subjects.append(stack.enter_context(our_server(name, study)))
            elif name == "postgresql":
                ignore = shutil.ignore_patterns("study.db*")
                copy = StudyFolder(Path(shutil.copytree(study.path, home / "study-on-postgresql", ignore=ignore)))
                subjects.append(stack.enter_context(our_server(name, copy, stack.enter_context(cluster()))))
            elif name == "bare_flask":
                subjects.append(stack.enter_context(bare_flask(study.settings.server)))
            elif name == "otree":
                from benchmarks.load.otree import otree

                subjects.append(stack.enter_context(otree(home / "otree", participants)))
            else:
                from benchmarks.load.psiturk import psiturk

                subjects.append(stack.enter_context(psiturk(home / "psiturk")))
        yield subjects
