"""psiTurk's server with its example experiment; a trial is stored by sending all data so far (PUT /sync/…)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load.driver import Ask, Failed, Outcome, Script, drive
from benchmarks.load.http import Browser
from benchmarks.load.participant import ANSWER, Habits
from benchmarks.load.peers import installed
from benchmarks.load.processes import Server, running
from study_server.web.background_server import free_port

VERSION = "3.3.1"
TRIALS = 50
# It pins an old pyOpenSSL, which newer releases of this one break.
_OLDER = ("cryptography<39",)


@dataclass
class PsiTurk:
    """The peer under load: writes of a participant's data."""

    server: Server
    home: Path
    participants: list[str] = field(default_factory=list)
    name: str = "psiturk"
    kind: str = "write"
    least_seconds: float = 5.0

    def prepare(self, participants: int, habits: Habits) -> Outcome | None:
        """Participants open the experiment in debug mode, which enters them in the database."""
        if self.participants:
            return None
        names = [f"debugworker{n}:debugassignment{n}" for n in range(participants)]
        host, port = self.server.host, self.server.port
        outcome = drive(_enrolments, host, port, names, host=host, port=port)
        self.participants = [result for result in outcome.results if result is not None]
        return outcome

    def answer(self, participants: int, seconds: float, habits: Habits) -> Outcome:
        """Each saves after each trial of as many as our study has, and begins again after the last."""
        host, port = self.server.host, self.server.port
        return drive(_writes, host, port, self.participants, host=host, port=port, seconds=seconds)

    def count_stored(self) -> int | None:
        """psiTurk overwrites a participant's data with each write: there is nothing to count."""
        return None


def _enrolments(host: str, port: int, names: Sequence[str]) -> list[Script]:
    return [_enrol(Browser(host, port, {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}), name) for name in names]


def _enrol(browser: Browser, name: str) -> Script:
    worker, _, assignment = name.partition(":")
    path = f"/exp?hitId=debughit&assignmentId={assignment}&workerId={worker}&mode=debug"
    reply = yield Ask("page", browser.request("GET", path))
    if reply.status >= 400 or name.encode() not in reply.body:
        raise Failed("was not let into the experiment")
    return name


def _writes(host: str, port: int, names: Sequence[str]) -> list[Script]:
    return [_write(Browser(host, port), name) for name in names]


def _write(browser: Browser, name: str) -> Script:
    worker, _, assignment = name.partition(":")
    said = {
        "condition": 0, "counterbalance": 0, "assignmentId": assignment, "workerId": worker, "hitId": "debughit",
        "bonus": 0, "useragent": "Mozilla/5.0", "mode": "debug", "status": 1, "questiondata": {}, "eventdata": [],
    }  # fmt: skip
    beginning = json.dumps(said)[:-1]
    rows = [
        json.dumps({"uniqueid": name, "current_trial": n, "dateTime": 1700000000000 + n, "trialdata": ANSWER})
        for n in range(TRIALS)
    ]
    while True:
        for n in range(1, TRIALS + 1):
            body = f'{beginning}, "currenttrial": {n}, "data": [{", ".join(rows[:n])}]}}'
            yield Ask("write", browser.request("PUT", f"/sync/{name}", body.encode(), "application/json"))


@contextmanager
def psiturk(home: Path) -> Iterator[PsiTurk]:
    """Serve psiTurk's example experiment with its own settings, on SQLite."""
    programs = installed("psiturk", VERSION, *_OLDER)
    [example] = (programs.parent / "lib").glob("python3*/site-packages/psiturk/example")
    shutil.copytree(example, home)
    (home / "config.txt.sample").rename(home / "config.txt")
    (home / "custom.py.sample").rename(home / "custom.py")
    port = free_port()
    environment = {"PORT": str(port), "PSITURK_HOST": "127.0.0.1", "PSITURK_GLOBAL_CONFIG_LOCATION": str(home)}
    with running("psiTurk", [programs / "psiturk-server"], port, cwd=home, environment=environment) as server:
        yield PsiTurk(server, home)
