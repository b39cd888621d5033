"""What the trial page asks and tells. Answers are JSON; errors are {"error": sentence}."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, current_app, jsonify, request, url_for
from flask_babel import gettext as _
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Response

from study_server.access import sessions
from study_server.access.sessions import current_answers, current_given_trials, current_study, token
from study_server.errors import NotFound, NotYours, StudyError
from study_server.participants import measurements
from study_server.participants.answers import refuse_other_answers
from study_server.participants.progress import Progress, progress, remaining_trials
from study_server.web import messages
from study_server.web.later import respond_when_known
from study_server.web.openapi import document, operation
from study_server.web.participant_pages import page_finder, page_of

blueprint = Blueprint("api", __name__, url_prefix="/api")

_Model = TypeVar("_Model", bound=BaseModel)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """This interface, described for programs."""
    return jsonify(document(current_app))


@blueprint.get("/trials")
@operation(reply=messages.TrialsMessage)
def remaining() -> Response:
    """The unanswered trials in order, each with names that mean nothing."""
    study, secret = current_study(), token()
    trials = remaining_trials(study, secret, current_given_trials())
    found = _signed_in()
    return jsonify(
        **_progress(found, page_of),
        # What waits in a browser must not be sent by whoever uses it next: each participant has an outbox of their own.
        outbox=hashlib.sha256(str(secret).encode()).hexdigest()[:16],
        trials=[
            {"id": trial.id, "images": {place: _address(image) for place, image in trial.images.items()}}
            for trial in trials
        ],
    )


@blueprint.post("/visits")
@operation(body=measurements.Screen, reply=messages.VisitMessage, status=201)
def visit() -> tuple[Response, int]:
    """The trial page has been loaded: what the browser says of its screen, for the number of the visit."""
    screen = _parse(measurements.Screen, _body())
    number = measurements.begin_visit(current_study(), token(), screen, sessions.arrival())
    sessions.remember_visit(number)
    return jsonify(visit=number), 201


@blueprint.put("/trials/<trial>/response")
@operation(body=messages.Answer, reply=messages.ProgressMessage)
def respond(trial: str) -> Response:
    """Store the answer to a trial; acknowledged once it is committed."""
    answer = _parse(messages.Answer, _body())
    answers, given = current_answers(), (token(), trial, answer.idempotency_key, answer, answer.receipts())
    find_page = page_finder()
    return respond_when_known(
        lambda: answers.record(*given),
        lambda then: answers.bring(*given, then),
        lambda stored: _progress(stored, find_page),
    )


@blueprint.get("/practice")
@operation(reply=messages.PracticeTrialsMessage)
def practice_trials() -> Response:
    """The practice trials, in order."""
    _signed_in()
    study = current_study()
    numbers = range(1, len(study.folder.practice_trials) + 1)
    return jsonify(
        answered=0,
        total=len(numbers),
        next=None,
        trials=[
            {
                "id": str(number),
                "images": {
                    place: url_for("images.practice", number=number, place=place) for place in study.task.places
                },
            }
            for number in numbers
        ],
    )


@blueprint.put("/practice/<int:number>/response")
@operation(body=messages.PracticeAnswer, reply=messages.FeedbackMessage)
def practise(number: int) -> Response:
    """Whether the answer to a practice trial is right. Practice is not stored."""
    _signed_in()
    study = current_study()
    trials = study.folder.practice_trials
    if not 1 <= number <= len(trials):
        raise NotFound("there is no such practice trial")
    response = _parse(messages.PracticeAnswer, _body()).response
    refuse_other_answers(study.task, response)
    truth = trials[number - 1].truth
    correct = None if truth is None else response == truth
    return jsonify(answered=number, total=len(trials), next=None, correct=correct, truth=truth)


def _address(image: str) -> str:
    return image if "://" in image else url_for("images.stimulus", token=image)


def _signed_in() -> Progress:
    found = progress(current_study(), token())
    if found is None:
        raise NotYours(_("Nobody is signed in here. Please begin at the first page."))
    return found


def _body() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise StudyError("send JSON, with Content-Type: application/json")
    try:
        body = request.get_json()
    except RecursionError as error:
        raise StudyError("the JSON is nested too deeply") from error
    if not isinstance(body, dict):
        raise StudyError("send a JSON object")
    return body


def _parse(model: type[_Model], body: dict[str, Any]) -> _Model:
    """The body as a model. Raises StudyError naming the first field that is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in wrong["loc"])
        said = {"missing": "is missing", "extra_forbidden": "is not one of the fields"}
        raise StudyError(f"{field} {said.get(wrong['type'], wrong['msg'])}") from error


def _progress(progress: Progress, find_page: Callable[[str], str]) -> dict[str, Any]:
    return vars(progress) | {"next": None if progress.stage == "trials" else find_page(progress.stage)}
