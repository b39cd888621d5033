"""The Flask application of one study. Its whole configuration is its argument."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, current_app, jsonify, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants.participation import Conflict, NotFound, NotYours, Participation
from study_server.storage.database import Database
from study_server.web import api, images, pages

MAX_REQUEST_BYTES = 16 * 1024
# In a checkout the templates lie beside the package; in an installed distribution inside it.
_TEMPLATES = next(
    p for p in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates") if p.is_dir()
)


def create_app(folder: StudyFolder) -> Flask:
    """The application of the study in `folder`, its data in the folder's database.

    Raises StudyError where folder, settings or database cannot be used.
    """
    app = Flask(__name__, template_folder=str(_TEMPLATES))
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.extensions["participation"] = Participation(folder, Database(folder.database_url))
    app.extensions["images"] = images.PaddedImages(folder)
    for module in (pages, api, images):
        app.register_blueprint(module.blueprint)
    app.register_error_handler(StudyError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(OperationalError, _database_busy)
    app.after_request(_harden)
    return app


def _refuse(error: Exception) -> tuple[Response | str, int]:
    statuses: dict[type[Exception], int] = {NotFound: 404, NotYours: 403, Conflict: 409}
    return _say(str(error), statuses.get(type(error), 400))


def _refuse_http(error: Exception) -> tuple[Response | str, int]:
    assert isinstance(error, HTTPException)
    return _say(error.description or error.name, error.code or 500)


def _database_busy(error: Exception) -> tuple[Response | str, int]:
    current_app.logger.error("the database failed: %s", error)
    return _say("The answers cannot be stored at the moment. Please try again in a minute.", 503)


def _say(message: str, status: int) -> tuple[Response | str, int]:
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        return jsonify(error=message), status
    return render_template("error.html", message=message, status=status), status


def _harden(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    return response
