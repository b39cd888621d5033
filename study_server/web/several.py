"""Several studies in one server: each an application of its own, at an address of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Request, Response

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.settings import ServerSettings
from study_server.storage.database import Database
from study_server.storage.database_files import Identity
from study_server.storage.waiting_room import WaitingRoom
from study_server.tasks.dashboard import FitPsychometric
from study_server.web.app import create_app
from study_server.web.front import behind_front


def paths_of(folders: Sequence[StudyFolder]) -> dict[str, StudyFolder]:
    """Where each study is: at "" if it is the only one, else at "/NAME". Raises StudyError for a name given twice."""
    if len(folders) == 1:
        return {"": folders[0]}
    paths: dict[str, StudyFolder] = {}
    for folder in folders:
        path = f"/{folder.settings.study.name}"
        if path in paths:
            raise StudyError(
                f"{paths[path].path} and {folder.path} both have study.name {folder.settings.study.name!r}: studies in "
                "one server need different names"
            )
        paths[path] = folder
    return paths


def create_server_app(
    folders: Sequence[StudyFolder],
    fit_psychometric: FitPsychometric | None = None,
    server: ServerSettings | None = None,
    identities: Mapping[Path, Identity | None] | None = None,
) -> Any:
    """The WSGI application of a server with these studies; `server` is that of the first, if nothing else is said.

    identities: a study's folder → the database file that it must have, of those that have one in a file.
    """
    server, identities = server or folders[0].settings.server, identities or {}
    room = WaitingRoom.for_threads(server.threads)  # of the process, whichever study they serve

    def database(folder: StudyFolder) -> Database:
        identity, group = identities.get(folder.path), folder.settings.server.group
        return Database(folder.database_url, waiting_room=room, identity=identity, group=group)

    apps: dict[str, Any] = {
        path: create_app(folder, database(folder), fit_psychometric, server=server)
        for path, folder in paths_of(folders).items()
    }
    for app in apps.values():
        app.extensions["studies"] = [folder.settings.study.name for folder in folders]
    return apps.get("") or DispatcherMiddleware(behind_front(_nowhere, server, "/static", ""), apps)


def _nowhere(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    status = 200 if Request(environ).path == "/" else 404
    text = "There are several studies here. Please use the whole address that you were sent.\n"
    return Response(text, status, mimetype="text/plain")(environ, start_response)
