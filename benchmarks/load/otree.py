"""oTree's production server with the least app that asks the same; a trial is a page and a form, as in a browser."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load.driver import Ask, Failed, Outcome, Script, drive
from benchmarks.load.forms import form_to_go_on
from benchmarks.load.http import Browser
from benchmarks.load.participant import Habits
from benchmarks.load.peers import installed
from benchmarks.load.processes import BenchmarkError, Server, running
from study_server.web.background_server import free_port

VERSION = "6.0.15"
TRIALS = 50  # as the project in otree_project has
_PROJECT = Path(__file__).parent / "otree_project"


@dataclass
class OTree:
    """The peer under load: trials are forms posted and accepted, each followed by the next page."""

    server: Server
    home: Path
    codes: list[str]
    pages: list[tuple[str, int]] = field(default_factory=list)
    """Of each participant, the address of their page without its number, and the number."""
    name: str = "otree"
    kind: str = "trial"
    least_seconds: float = 20.0  # with 200 participants each has a trial in about six seconds

    def prepare(self, participants: int, habits: Habits) -> Outcome | None:
        """All open their first page."""
        if self.pages:
            if max(number for _, number in self.pages) > TRIALS:
                raise BenchmarkError("oTree: participants have no trials left: ask for fewer or shorter rounds")
            return None
        outcome = self._drive(_arrivals, self.codes[:participants], seconds=None)
        if None in outcome.results:
            raise BenchmarkError(f"oTree: participants could not begin: {dict(outcome.errors)}")
        for path in outcome.results:
            address, _, number = path.rpartition("/")
            self.pages.append((address, int(number)))
        return outcome

    def answer(self, participants: int, seconds: float, habits: Habits) -> Outcome:
        """They answer the page that they are on, get the next, and so on."""
        outcome = self._drive(_trials, self.pages, seconds=seconds)
        done = [-(-asked // 2) for asked in outcome.asked]
        self.pages = [(address, number + n) for (address, number), n in zip(self.pages, done, strict=True)]
        return outcome

    def _drive(self, make: Callable[..., list[Script]], wanted: object, seconds: float | None) -> Outcome:
        host, port = self.server.host, self.server.port
        return drive(make, host, port, wanted, host=host, port=port, seconds=seconds)

    def count_stored(self) -> int | None:
        """Rows of players who have answered."""
        return int(_ask(self.home, "SELECT count(*) FROM same_different_player WHERE response IS NOT NULL")[0])


def _ask(home: Path, question: str) -> list:  # type: ignore[type-arg]
    with closing(sqlite3.connect(home / "db.sqlite3")) as connection:
        return [row[0] for row in connection.execute(question)]


def _arrivals(host: str, port: int, codes: Sequence[str]) -> list[Script]:
    return [_arrive(Browser(host, port), code) for code in codes]


def _arrive(browser: Browser, code: str) -> Script:
    path = f"/InitializeParticipant/{code}"
    while True:
        reply = yield Ask("page", browser.request("GET", path))
        location = reply.header("location")
        if reply.status >= 400:
            raise Failed("was refused")
        if location is None:
            return path
        path = location


def _trials(host: str, port: int, pages: Sequence[tuple[str, int]]) -> list[Script]:
    return [_answer_all(Browser(host, port), address, number) for address, number in pages]


def _answer_all(browser: Browser, address: str, number: int) -> Script:
    path = f"{address}/{number}"
    while True:
        fields = {"response": "same", "reaction_time_ms": "812.5"}
        reply = yield Ask("trial", browser.form(path, fields))
        location = reply.header("location")
        if location is None:
            raise Failed("the form was not taken")
        path = location
        page = yield Ask("page", browser.request("GET", path))
        if form_to_go_on(page.text) is None:
            return True  # after the last trial


@contextmanager
def otree(home: Path, participants: int) -> Iterator[OTree]:
    """Make a project with a session of so many participants, serve it with `otree prodserver` on SQLite."""
    programs = installed("otree", VERSION)
    shutil.copytree(_PROJECT, home, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "_static").mkdir()
    port = free_port()
    environment = {"OTREE_PRODUCTION": "1", "PATH": f"{programs}:/usr/bin:/bin"}
    made = subprocess.run(
        [programs / "otree", "create_session", "same_different", str(participants)],
        cwd=home, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        raise BenchmarkError(f"oTree made no session: {made.stderr[-500:]}")
    command = [programs / "otree", "prodserver", f"127.0.0.1:{port}"]
    with running("oTree", command, port, cwd=home, environment=environment) as server:
        yield OTree(server, home, _ask(home, "SELECT code FROM otree_participant ORDER BY id"))
