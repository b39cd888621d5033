"""The Flask application of one study. Its whole configuration is its arguments."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import DataError, DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException

from study_server.access.limits import configure_limits
from study_server.access.sessions import configure_sessions
from study_server.dashboard import views as dashboard
from study_server.errors import Conflict, FileMoved, NotFound, NotYours, StudyError, TooMany, Unavailable
from study_server.folder.study_folder import StudyFolder
from study_server.participants.answers import Answers
from study_server.participants.enrolment import Enrolments
from study_server.participants.given_trials import GivenTrials
from study_server.participants.running_study import RunningStudy
from study_server.settings import ServerSettings
from study_server.storage.database import Database
from study_server.storage.waiting_room import WaitingRoom
from study_server.tasks.dashboard import FitPsychometric
from study_server.web import api, hooks, images, languages, withdrawal
from study_server.web import participant_pages as pages
from study_server.web.front import behind_front

MAX_REQUEST_BYTES = 16 * 1024
# In a checkout the templates lie beside the package; in an installed distribution inside it.
_TEMPLATES = next(
    p for p in (Path(__file__).parents[1] / "templates", Path(__file__).parents[2] / "templates") if p.is_dir()
)


def create_app(
    folder: StudyFolder,
    database: Database | None = None,
    fit_psychometric: FitPsychometric | None = None,
    server: ServerSettings | None = None,
) -> Flask:
    """The application of the study in `folder`, its data in `database`, or else in the one that the study names.

    fit_psychometric: fits the curve that the dashboard draws; without it there is none.
    server: where it is served, if that is not what the study's own settings say.
    Raises StudyError where folder, settings or database cannot be used.
    """
    if database is None:
        room = WaitingRoom.for_threads((server or folder.settings.server).threads)
        database = Database(folder.database_url, waiting_room=room, group=folder.settings.server.group)
    study = RunningStudy(folder, database)
    app = Flask(__name__, template_folder=str(_TEMPLATES))
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a consent form may stay open over lunch
        WTF_CSRF_SSL_STRICT=False,  # it asks for a referrer, and our pages send none
    )
    app.extensions["study"] = study
    app.extensions["answers"] = Answers(study)
    app.extensions["enrolments"] = Enrolments(study)
    app.extensions["given_trials"] = GivenTrials(study)
    app.extensions["fit_psychometric"] = fit_psychometric
    configure_sessions(app, study)
    configure_limits(app)  # before anything else looks at a request
    languages.configure(app)
    csrf = CSRFProtect(app)
    csrf.exempt(hooks.blueprint)  # its requests are signed
    csrf.exempt(api.blueprint)  # takes only application/json, which no other site can make a browser send
    for module in (pages, withdrawal, api, images, hooks, dashboard):
        app.register_blueprint(module.blueprint)
    app.register_error_handler(StudyError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(CSRFError, _refuse_form)
    for failure in (DBAPIError, TimeoutError, Unavailable):
        app.register_error_handler(failure, _database_failed)
    app.register_error_handler(DataError, _refuse_data)
    own = folder.settings.server
    app.wsgi_app = behind_front(  # type: ignore[assignment, method-assign]
        app.wsgi_app, server or own, app.static_url_path or "/static", own.stimuli_url
    )
    return app


def _refuse(error: Exception) -> Response:
    statuses: dict[type[Exception], int] = {NotFound: 404, NotYours: 403, Conflict: 409, TooMany: 429}
    response = make_response(_say(str(error), statuses.get(type(error), 400)))
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _refuse_http(error: Exception) -> Response | HTTPException:
    assert isinstance(error, HTTPException)
    if error.code is not None and error.code < 400:
        return error  # a redirect
    response = make_response(_say(_in_words(error), error.code or 500))
    original = error.get_response().headers
    for name in ("Allow", "Retry-After"):
        if name in original:
            response.headers[name] = original[name]
    return response


def _in_words(error: HTTPException) -> str:
    """What is wrong with a request, in the participant's language."""
    known = {
        404: _("There is no such page."),
        405: _("This address takes no such request."),
        413: _("That was more than is taken at once."),
        429: _("Too many requests have come from here. Please wait a minute, and try again."),
    }
    return known.get(error.code or 500) or error.description or error.name


def _refuse_form(error: Exception) -> tuple[Response | str, int]:
    # Sent from another site, or from a browser that keeps no cookies, or after the cookie had expired.
    current_app.logger.info("a form was refused: %s", error)
    return _say(_("This study needs cookies: allow them for this address, and begin again at the first page."), 403)


def _refuse_data(error: Exception) -> tuple[Response | str, int]:
    return _say("the request has a value that cannot be stored", 400)  # such as a character that no text can have


def _database_failed(error: Exception) -> Response:
    # Disk full, locked for too long, restarted, too many connections: all may pass, and browsers try again.
    if not isinstance(error, FileMoved):
        current_app.logger.error("the database failed: %s", getattr(error, "orig", error))
    response = make_response(_say(_("The answers cannot be stored at the moment. Please try again in a minute."), 503))
    response.headers["Retry-After"] = "5"
    return response


def _say(message: str, status: int) -> tuple[Response | str, int]:
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        return jsonify(error=message), status
    return render_template("error.html", message=message, status=status), status
