"""Images under names that mean nothing, in bodies whose length tells nothing, without validators.

Two images of a 0-pixel pair have the same pixels; nothing else about their responses may be the same only then. So
there is no ETag and no Last-Modified, and all crops of a photograph's window are as long as each other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, request
from flask_babel import gettext as _

from study_server.access.sessions import current_study
from study_server.errors import NotFound, StudyError
from study_server.participants import receipts
from study_server.participants.progress import image_file
from study_server.stimuli.encoding import PNG, WEBP
from study_server.stimuli.manifest import ManifestRow
from study_server.tasks.task import Arrangement

blueprint = Blueprint("images", __name__)


@blueprint.get("/images/<token>")
def stimulus(token: str) -> Response:
    """One of the images of a trial, with a receipt that an answer to it brings back."""
    study = current_study()
    response = _respond(image_file(study, token))
    response.headers[receipts.HEADER] = receipts.receipt(study.secret_key, token, datetime.now(UTC))
    return response


@blueprint.get("/practice-images/<int:number>/<place>")
def practice(number: int, place: str) -> Response:
    """One of the images of a practice trial."""
    folder = current_study().folder
    trials = folder.practice_trials
    if not 1 <= number <= len(trials):
        raise NotFound("there is no such practice trial")
    return _respond(_practice_file(trials[number - 1].row, trials[number - 1].arrangement, place))


@blueprint.get("/example-images/<place>")
def example(place: str) -> Response:
    """One of the images of the example in the instructions."""
    folder = current_study().folder
    if folder.example is None:
        raise NotFound("this study has no practice images")
    return _respond(_practice_file(folder.example.row, folder.example.arrangement, place))


def _practice_file(row: ManifestRow, arrangement: Arrangement, place: str) -> Path:
    study = current_study()
    shown = dict(zip(study.task.places, arrangement, strict=False))
    if place not in shown:
        raise NotFound("there is no image at such a place")
    return study.folder.practice_path / row.files[shown[place]]


def _respond(path: Path) -> Response:
    """The image at this path, in the smaller form unless the request prefers PNG."""
    accepted = request.accept_mimetypes
    prefers_png = bool(accepted) and accepted.quality(PNG) > accepted.quality(WEBP)
    try:
        body, mimetype = current_study().folder.sent_images.read(path, webp=not prefers_png)
    except StudyError as error:
        current_app.logger.error("%s", error)
        abort(503, _("This image cannot be shown at the moment."))  # browsers ask again: it may be restored
    return Response(body, mimetype=mimetype, headers={"Cache-Control": "private, no-store", "Vary": "Accept"})
