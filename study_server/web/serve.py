"""Serve a study with gunicorn: several processes, several threads each."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from sqlalchemy import func, select

from study_server.errors import StudyError
from study_server.folder.check import verify_pixels
from study_server.folder.settings import ServerSettings
from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import Participant
from study_server.storage.registration import register


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, folder: StudyFolder, server: ServerSettings, on_ready: Callable[[], None]) -> None:
        self.folder, self.server, self.on_ready = folder, server, on_ready
        super().__init__()

    def load_config(self) -> None:
        s = self.server
        options: dict[str, Any] = {
            "bind": f"[{s.host}]:{s.port}" if ":" in s.host else f"{s.host}:{s.port}",
            "workers": s.workers,
            "threads": s.threads,
            "worker_class": "gthread",
            "timeout": 60,
            "keepalive": 15,
            "backlog": 1024,
            "loglevel": "warning",
            "when_ready": lambda _: self.on_ready(),
            "proc_name": "shift-study",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        # Runs in each worker, so that none shares a database connection with another.
        from study_server.web.app import create_app

        return create_app(self.folder)


def serve(folder: StudyFolder, server: ServerSettings, on_ready: Callable[[str], None]) -> None:
    """Serve the study until stopped; `on_ready` hears the state it is in, in words.

    Raises StudyError where it cannot be served, before any process is started.
    """
    verify_pixels(folder)
    database = Database(folder.database_url)
    state = _state(database, register(folder, database))
    database.close()
    _claim(server.host, server.port)
    _Server(folder, server, lambda: on_ready(state)).run()


def _state(database: Database, study_id: int) -> str:
    count = select(func.count()).select_from(Participant).where(Participant.study_id == study_id)
    with database.reading() as session:
        people = session.scalar(count.where(Participant.simulated.is_(False)))
        simulated = session.scalar(count.where(Participant.simulated))
    if simulated:
        return (
            f"It is filled with {simulated} simulated observers: nobody can take part. People need a new study folder."
        )
    if people:
        return f"{people} participants so far; the settings are frozen."
    return "The first participant freezes the settings: to try it out, serve a copy of the folder."


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
