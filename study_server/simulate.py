"""Simulated observers who take a study through the same HTTP interface as a browser."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import requests
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tqdm import tqdm

from study_server.access.sessions import SIMULATION_HEADER
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants import receipts
from study_server.plain_browser import PlainBrowser
from study_server.stimuli.manifest import ManifestRow
from study_server.stimuli.photographs import pixels_sha256
from study_server.storage.database import Database
from study_server.storage.models import Participant, Response, Study, Trial
from study_server.tasks.task import Arrangement, Observer, one_of
from study_server.web.background_server import running_server

_CODE = re.compile(r'id="completion-code">([A-Za-z0-9-]+)<')
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Simulation:
    """What the observers did, and what was found stored afterwards."""

    participants: int
    finished: int
    answers: int
    """Answers that the server acknowledged."""
    stored: int
    """Answers of these participants in the study's database."""
    seconds: float
    retries: int
    """Requests that were repeated because the server could not take them at once."""
    rows: list[dict[str, Any]]
    """Per stratum: the answers, and what the task says of the observers' truth."""
    table: list[str]
    """The same for people."""
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """JSON form, with answers_per_second."""
        names = ("participants", "finished", "answers", "stored", "seconds", "retries", "rows", "problems")
        return {name: getattr(self, name) for name in names} | {"answers_per_second": self.answers / self.seconds}

    def to_text(self) -> str:
        """A table for people."""
        lines = list(self.table)
        rate = self.answers / self.seconds
        lines.append(
            f"{self.finished} of {self.participants} finished; {self.answers} answers acknowledged, {self.stored} "
            f"stored, in {self.seconds:.1f} s ({rate:.0f} a second), {self.retries} requests repeated"
        )
        return "\n".join([*lines, *self.problems])


def simulate_study(
    folder: StudyFolder,
    observer: Observer,
    *,
    participants: int,
    seed: int,
    at_once: int,
    url: str | None = None,
) -> Simulation:
    """Let observers take the study, `at_once` at a time, at `url` or at a server started for it.

    They arrive in a fixed order and answer by `seed`, so that the same seed on a new study gives the same answers.
    Raises StudyError where real participants have taken part: simulated rows must not get among theirs.
    """
    before = _count_stored(folder)
    if url is not None:
        try:
            requests.get(url, timeout=10)
        except requests.RequestException as error:
            raise StudyError(
                f"no server answers at {url}: start one with shift-study serve, or leave out --url"
            ) from error
        return _run(folder, observer, participants, seed, at_once, url.rstrip("/"), before)
    with running_server(folder) as address:
        return _run(folder, observer, participants, seed, at_once, address, before)


def _run(
    folder: StudyFolder, observer: Observer, participants: int, seed: int, at_once: int, url: str, before: int
) -> Simulation:
    crowd = _Crowd(folder, observer, seed, url, first=_count_participants(folder))
    begin = time.perf_counter()
    total = participants * folder.task.design(folder.settings).n_trials
    with tqdm(total=total, unit="answer", desc="simulating", delay=1.0, mininterval=0.5, leave=False) as bar:
        crowd.on_answer = bar.update
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: crowd.take_part(), range(participants)))
    seconds = time.perf_counter() - begin
    rows = folder.task.tally(observer, folder.settings, crowd.answers)
    table = folder.task.tally_text(rows)
    answers = sum(crowd.answers.values())
    stored = _count_stored(folder) - before
    problems = list(crowd.problems)
    if stored != answers:
        problems.append(f"{answers} answers were acknowledged, but {stored} are stored")
    return Simulation(participants, crowd.finished, answers, stored, seconds, crowd.retries, rows, table, problems)


class _Crowd:
    """Observers at work; each runs in a thread of its own."""

    def __init__(self, folder: StudyFolder, observer: Observer, seed: int, url: str, first: int) -> None:
        self.settings, self.task = folder.settings, folder.task
        self.practises = folder.has_practice
        self.observer, self.seed, self.url = observer, seed, url
        self.shown = shown_by_pixels(folder)
        self.simulation_key = _simulation_key(folder)
        self.lock = threading.Lock()
        self.arrival = threading.Lock()
        self.numbers = itertools.count(first)
        self.pixels_of: dict[bytes, str] = {}
        self.answers: Counter[tuple[int, str]] = Counter()
        self.finished = 0
        self.retries = 0
        self.problems: list[str] = []
        self.on_answer: Any = lambda: None

    def take_part(self) -> None:
        """One participation, from consent to completion code."""
        # Refusals come as a sentence, not as a page.
        browser = PlainBrowser(self.url, {SIMULATION_HEADER: self.simulation_key, "Accept": "application/json"})
        try:
            # One arrives after the other, so that who is who does not depend on threads.
            with self.arrival:
                number = next(self.numbers)
                form = _CSRF.search(_page(browser, "/"))
                browser.headers["X-CSRFToken"] = form.group(1) if form else ""
                browser.ask("POST", "/consent")
            # Who it is comes from a generator of its own, so that it changes nothing else of what is drawn.
            somebody = one_of(self.observer, random.Random(f"{self.seed}/observer/{number}/person"))
            self._participate(browser, somebody, random.Random(f"{self.seed}/observer/{number}"))
        except StudyError as error:
            with self.lock:
                self.problems.append(f"observer {number + 1}: {error}")
        finally:
            browser.close()
            with self.lock:
                self.retries += browser.retries

    def _participate(self, browser: PlainBrowser, somebody: Observer, rng: random.Random) -> None:
        browser.ask("POST", "/instructions")
        if self.settings.display.calibration == "optional":
            browser.ask("POST", "/calibration", form={"skip": "1"})
        elif self.settings.display.calibration == "required":
            measured = {"css_px_per_cm": 37.8, "device_pixel_ratio": 1, "viewing_distance_cm": 57}
            browser.ask("POST", "/calibration", form=measured)
        if self.practises:
            for trial in browser.ask("GET", "/api/practice").json()["trials"]:
                for path in trial["images"].values():
                    browser.image(path)
                browser.ask(
                    "PUT",
                    f"/api/practice/{trial['id']}/response",
                    {"response": rng.choice(self.task.answers)},
                )
            browser.ask("POST", "/practice")
        for trial in browser.ask("GET", "/api/trials").json()["trials"]:
            seen = {place: self._look(browser, path) for place, path in trial["images"].items()}
            try:
                row, arrangement = self.shown[tuple(seen[place][0] for place in self.task.places)]
            except KeyError:
                raise StudyError("was shown images together that the manifest does not have") from None
            response, reaction_time_ms = somebody.respond(row, arrangement, rng)
            body = {
                # Of its trial, too: another study in this database may be simulated with the same seed.
                "idempotency_key": str(uuid.uuid5(uuid.UUID(int=rng.getrandbits(128)), trial["id"])),
                "response": response, "reaction_time_ms": reaction_time_ms, "device_pixel_ratio": 1,
                "pixel_scale": 1, "viewport_width": 1440, "viewport_height": 900, "hidden": False,
                "sent": {place: receipt for place, (_, receipt) in seen.items()},
            }  # fmt: skip
            browser.ask("PUT", f"/api/trials/{trial['id']}/response", body)
            with self.lock:
                self.answers[row.stratum, response] += 1
                self.on_answer()
        if self.settings.questions:
            form = {q.id: rng.choice(q.options) for q in self.settings.questions if q.options}
            browser.ask("POST", "/questions", form=form)
        if not _CODE.search(_page(browser, "/thanks")):
            raise StudyError("answered everything, but was given no completion code")
        with self.lock:
            self.finished += 1

    def _look(self, browser: PlainBrowser, path: str) -> tuple[str, str | None]:
        """Hash of the pixels of an image, and the receipt that came with it."""
        answer = browser.image(path)  # as the page names it: with the study's place on the server, where it has one
        key = hashlib.sha256(answer.data).digest()
        if key not in self.pixels_of:
            with Image.open(io.BytesIO(answer.data)) as image:
                self.pixels_of[key] = pixels_sha256(np.asarray(image.convert("RGB")))
        return self.pixels_of[key], answer.headers.get(receipts.HEADER)


def _page(browser: PlainBrowser, path: str) -> str:
    return browser.ask("GET", path).data.decode()


def shown_by_pixels(folder: StudyFolder) -> dict[tuple[str, ...], tuple[ManifestRow, Arrangement | None]]:
    """Pixels at each place → stimulus and arrangement (None where several arrangements look the same)."""
    shown: dict[tuple[str, ...], tuple[ManifestRow, Arrangement | None]] = {}
    for row in folder.rows:
        for arrangement in folder.task.arrangements(row):
            pixels = tuple(row.digests[role] for role in arrangement)
            shown[pixels] = (row, None if pixels in shown else arrangement)
    return shown


def _simulation_key(folder: StudyFolder) -> str:
    """The secret in the study's database that lets observers in. Raises StudyError where the database is not here."""
    name = folder.settings.study.name
    with _reading(folder) as session:
        key = session.scalars(select(Study.simulation_key).where(Study.name == name)).one_or_none()
    if key is None:
        raise StudyError(f"the database has no study {name}: say with --database-url where its server keeps the data")
    return key


def _count_participants(folder: StudyFolder) -> int:
    """Simulated participants so far. Raises StudyError where there are others."""
    if not folder.has_database:
        return 0
    with _reading(folder) as session:
        counts = dict(
            session.execute(
                select(Participant.simulated, func.count())
                .join(Study, Study.id == Participant.study_id)
                .where(Study.name == folder.settings.study.name)
                .group_by(Participant.simulated)
            ).all()
        )
    if counts.get(False):
        raise StudyError(
            f"{counts[False]} real participants have taken part in {folder.path}: simulated answers must not get among "
            "theirs; make a new study folder for a simulation"
        )
    return counts.get(True, 0)


def _count_stored(folder: StudyFolder) -> int:
    """Answers of simulated participants in the folder's database."""
    if not _count_participants(folder):
        return 0
    with _reading(folder) as session:
        stored = (
            select(func.count(Response.trial_id)).join(Trial).join(Study, Study.id == Trial.study_id)
            .where(Study.name == folder.settings.study.name)
        )  # fmt: skip
        return session.scalar(stored) or 0


@contextmanager
def _reading(folder: StudyFolder) -> Iterator[Session]:
    database = Database(folder.database_url, create=False)
    with database.reading() as session:
        yield session
    database.close()
