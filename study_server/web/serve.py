"""Serve studies with gunicorn: several processes, several threads each."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from study_server.dashboard.passwords import has_password
from study_server.errors import StudyError, Unavailable
from study_server.folder.check import verify_pixels, who_can_read
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import FILE_NAME
from study_server.settings import ServerSettings
from study_server.storage.database import Database
from study_server.storage.database_files import Identity
from study_server.storage.models import Participant, Study
from study_server.storage.registration import register
from study_server.study_texts import dropped
from study_server.tasks.dashboard import FitPsychometric
from study_server.web.compression import Compression
from study_server.web.patient_worker import PatientWorker, connections_at_most
from study_server.web.several import create_server_app, paths_of

_CROWD = 256
"""Slots that are planned before the server takes anybody in."""


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        folders: Sequence[StudyFolder],
        server: ServerSettings,
        on_ready: Callable[[], None],
        fit_psychometric: FitPsychometric | None,
        identities: dict[Path, Identity | None],
    ) -> None:
        self.folders, self.server, self.on_ready, self.fit_psychometric = folders, server, on_ready, fit_psychometric
        self.identities = identities
        self.compression = Compression(folders)
        super().__init__()

    def load_config(self) -> None:
        s = self.server
        options: dict[str, Any] = {
            "bind": f"[{s.host}]:{s.port}" if ":" in s.host else f"{s.host}:{s.port}",
            "workers": s.workers,
            "threads": s.threads,
            "worker_class": PatientWorker,
            "worker_connections": connections_at_most(10_000),
            "timeout": 60,
            # A process that does not end when it is told to is killed after so long: gunicorn's may block for ever in
            # its handler of the signal. What is acknowledged is on the disk.
            "graceful_timeout": 10,
            "keepalive": 15,
            # gunicorn itself believes proxies on this machine, and so whoever else is there. Here ProxyFix alone does
            # that, where the settings say that there are proxies (front.py).
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "header_map": "drop",
            "backlog": 2048,
            "loglevel": "warning",
            "when_ready": self._ready,
            "on_exit": lambda arbiter: self.compression.stop(),
            "proc_name": "shift-study",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def _ready(self, arbiter: Any) -> None:
        sockets = [listener.sock for listener in arbiter.LISTENERS]
        self.on_ready()
        # A process that outlived the server for a moment would keep the address taken.
        self.compression.start(before=lambda: [listener.close() for listener in sockets])

    def load(self) -> Any:
        # Runs in each worker, so that none shares a database connection with another.
        try:
            return create_server_app(self.folders, self.fit_psychometric, self.server, self.identities)
        except (DBAPIError, Unavailable) as error:
            # The database is down just when this worker takes a dead one's place. An exception here would stop the
            # whole server; who exits is replaced by another that tries again.
            print(f"A server process waits for the database: {error}", file=sys.stderr)
            time.sleep(1)
            sys.exit(1)


def serve(
    folders: Sequence[StudyFolder],
    server: ServerSettings,
    on_ready: Callable[[list[str]], None],
    fit_psychometric: FitPsychometric | None = None,
) -> None:
    """Serve the studies until stopped; `on_ready` hears the state that each is in, in words.

    Raises StudyError where one cannot be served, before any process is started.
    """
    paths_of(folders)
    _refuse_nameless(folders[0], server)
    prepared = {folder.path: _prepare(folder) for folder in folders}
    states = [state for state, _ in prepared.values()]
    identities = {path: identity for path, (_, identity) in prepared.items()}
    _claim(server.host, server.port)
    _Server(folders, server, lambda: on_ready(states), fit_psychometric, identities).run()


def _refuse_nameless(folder: StudyFolder, server: ServerSettings) -> None:
    if server.proxies and not server.hosts:
        raise StudyError(
            f"server.proxies is {server.proxies} in {folder.path / FILE_NAME}, but server.hosts is empty: say under "
            'which name participants reach the proxy, as in  hosts = ["study.example.org"]'
        )


def _prepare(folder: StudyFolder) -> tuple[str, Identity | None]:
    """The state that a study is in, in words, and which file its database is."""
    _ = folder.published  # before any work: whether stimuli are where browsers are sent
    verify_pixels(folder)
    database = Database(folder.database_url, group=folder.settings.server.group)
    study_id = register(folder, database)
    with database.reading() as session:
        next_slot = session.get_one(Study, study_id).next_slot
    # Before there are several processes, each of which would do it while a crowd waits.
    folder.task.plan_ahead(folder.settings, range(next_slot, next_slot + _CROWD))
    state = _state(database, study_id)
    identity = database.identity
    database.close()
    state += "".join(f"\nWarning: {warning}." for warning in dropped(folder.settings))
    if exposed := who_can_read(folder):
        state += f"\n{exposed}"
    if not has_password(folder):
        state += f"\nIts dashboard has no password yet: shift-study password {folder.path} sets one."
    return state, identity


def _state(database: Database, study_id: int) -> str:
    count = select(func.count()).select_from(Participant).where(Participant.study_id == study_id)
    with database.reading() as session:
        people = session.scalar(count.where(Participant.simulated.is_(False)))
        simulated = session.scalar(count.where(Participant.simulated))
        state = session.get_one(Study, study_id).state
    if simulated:
        return (
            f"It is filled with {simulated} simulated observers: nobody can take part. People need a new study folder."
        )
    if people:
        paused = "" if state == "open" else f" It is {state}: nobody new is admitted."
        return f"{people} participants so far; what participants see is frozen.{paused}"
    return "The first participant freezes what participants see: to try it out, serve a copy of the folder."


def _claim(host: str, port: int) -> None:
    """Raise StudyError where nobody can listen at this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError as error:
            raise StudyError(f"{port} is no port: choose one from 1 to 65535 with --port") from error
        except OSError as error:
            raise StudyError(
                f"cannot listen at {host}:{port} ({error.strerror}): choose another with --port or --host"
            ) from error
