"""The participant's pages: consent → instructions → calibration → practice → trials → questions → thanks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from pydantic import ValidationError
from werkzeug.wrappers import Response

from study_server.access import sessions
from study_server.access.limits import address_hash, counted_by_address
from study_server.access.sessions import SIMULATION_HEADER, current_enrolments, current_study, token
from study_server.errors import Conflict, NotYours, StudyError
from study_server.participants import completion, enrolment, known_people, measurements, platforms, progress
from study_server.participants.arrival import Arrival
from study_server.participants.progress import Progress
from study_server.tasks.task import page_settings
from study_server.web.headers import policy

blueprint = Blueprint("pages", __name__)

_PAGE_OF = {
    "instructions": "pages.instructions",
    "calibration": "pages.calibration",
    "practice": "pages.practice",
    "trials": "pages.trials",
    "questions": "pages.questions",
    "finished": "pages.thanks",
}


def page_of(stage: str) -> str:
    """Address of the page where a participant at this stage belongs."""
    return url_for(_PAGE_OF[stage])


def page_finder() -> Callable[[str], str]:
    """As `page_of`, for when the request has come to its end."""
    pages, root = current_app.url_map, request.environ.get("SCRIPT_NAME")
    return lambda stage: pages.bind("", root).build(_PAGE_OF[stage])


def _elsewhere(stage: str) -> Response | Progress:
    """The participant's progress if they are at `stage`, else a redirect to where they belong."""
    found = progress.progress(current_study(), token())
    if found is None:
        return redirect(url_for("pages.consent"))
    return found if found.stage == stage else redirect(page_of(found.stage))


@blueprint.app_context_processor
def _participation() -> dict[str, bool]:
    return {"takes_part": sessions.has_begun()}


def _render(template: str, **values: object) -> str:
    study = current_study()
    values |= {"settings": study.settings, "words": study.task.words, "has_practice": study.folder.has_practice}
    return render_template(template, **values)


def _page_settings() -> dict[str, Any]:
    """For templates with a stage: what it needs to know, and the key of each answer."""
    study = current_study()
    page = page_settings(study.task, study.settings)
    return {"page": page, "key_of": {answer: key for key, answer in page["keys"].items()}}


def _example() -> dict[str, Any] | None:
    """The images of the example in the instructions by place, and which two of them can be shown in turn."""
    study = current_study()
    example = study.folder.example
    if example is None or not study.task.words.example:
        return None
    shown = study.task.places[: len(example.arrangement)]
    images = {place: url_for("images.example", place=place) for place in shown}
    return {"images": images, "in_turn": list(example.in_turn)}


@blueprint.get("/")
@counted_by_address
def consent() -> Response:
    """Consent form; who has begun in this browser is sent on to where they were.

    What the link says of a person changes nothing here, and nothing is told of them: that takes the form's being sent.
    """
    study = current_study()
    try:
        asked = platforms.arrival_of(study, request.args, request.host)
    except platforms.WrongWay as error:
        return _closed(error, Arrival())
    if asked.is_preview or (asked.platform == "mturk" and request.args.get("window") != "own"):
        return _mturk_frame(asked)
    # Who follows a link within the study still comes from where they came.
    arrival = asked if asked.platform != "open" else _newcomer() or sessions.arrival() or asked
    if sessions.has_begun() and (going_on := _own_participation(arrival)) is not None:
        return going_on
    simulated = SIMULATION_HEADER in request.headers  # with the right key only, which is looked at on consent
    try:
        enrolment.refuse(study, simulated=simulated)
        if not simulated:
            platforms.refuse(study, arrival)
    except Conflict as error:
        if arrival.person is not None and not isinstance(error, platforms.WrongWay):
            sessions.remember_arrival(arrival)  # and who has begun in another browser can go on in this one
        return _closed(error, arrival)
    sessions.remember_arrival(arrival)
    return make_response(
        _render("consent.html", total=study.n_trials, screen_out=platforms.screen_out_url(study, arrival),
                **_page_settings())
    )  # fmt: skip


def _newcomer() -> Arrival | None:
    found = sessions.newcomer()
    return found[1] if found else None


def _own_participation(arrival: Arrival) -> Response | None:
    """Where this browser's participant goes on; None where the link is of another person or participation."""
    study, own = current_study(), sessions.arrival() or Arrival()
    if (own.platform, own.person) != (arrival.platform, arrival.person):
        return None
    found = progress.progress(study, token())
    if found is None:
        sessions.remember_withdrawal(own)  # by the researcher, or in another browser
        return redirect(url_for("withdrawal.done"))
    if found.stage == "finished" and known_people.may_repeat(study, token(), arrival):
        return None
    sessions.come_again(arrival)
    return redirect(page_of(found.stage))


def _closed(error: Conflict, arrival: Arrival) -> Response:
    wrong_way = isinstance(error, platforms.WrongWay)
    page = _render("closed.html", message=str(error), wrong_way=wrong_way, known=arrival.person is not None)
    return make_response(page, 403 if wrong_way else 200)


def _mturk_frame(arrival: Arrival) -> Response:
    """What MTurk shows in its frame: what the study is, a link to a window of its own, and the form to hand it in.

    Cookies do not work in a frame, and pictures need more room; but only from the frame can an assignment be handed in.
    Nothing is known here of who looks at it, so that the completion code is typed in.
    """
    study, trouble, response = current_study(), "", None
    try:
        platforms.refuse(study, arrival)
        enrolment.refuse(study)
    except platforms.WrongWay as error:
        response = _closed(error, arrival)
    except Conflict as error:
        trouble = str(error)  # who has begun can go on all the same
    if response is None:
        here = f"{url_for('pages.consent')}?{urlencode(request.args)}"
        response = make_response(
            _render("preview.html", total=study.n_trials, preview=arrival.is_preview, window=f"{here}&window=own",
                    submission=platforms.submission(arrival), trouble=trouble, languages={})
        )  # fmt: skip
    response.headers["Content-Security-Policy"] = policy(
        frame_ancestors="https://*.mturk.com", form_action="https://*.mturk.com"
    )
    return response


@blueprint.post("/consent")
@counted_by_address
def give_consent() -> Response:
    """Enrol the participant, or let them go on with what they have begun."""
    study, newcomer = current_study(), sessions.newcomer()
    if newcomer is None:
        found = progress.progress(study, token())
        if found is None:
            raise NotYours(
                _("This study needs cookies: allow them for this address, and begin again at the first page.")
            )
        return redirect(page_of(found.stage), 303)
    secret, arrival = newcomer
    key = request.headers.get(SIMULATION_HEADER)
    if key is None:
        platforms.refuse(study, arrival)
    enrolled = current_enrolments().enrol(
        secret, arrival, language=str(get_locale()), simulation_key=key,
        address=address_hash(study, request.remote_addr or ""),
    )  # fmt: skip
    sessions.admit(enrolled.token, arrival, by_id=enrolled.by_id)
    return redirect(page_of(enrolled.stage), 303)


@blueprint.get("/declined")
def declined() -> str | Response:
    """For who does not consent."""
    arrival = _newcomer()
    if arrival is None and sessions.has_begun():
        return redirect(url_for("withdrawal.ask"))
    arrival = arrival or Arrival()
    return _render(
        "declined.html",
        way_back=platforms.no_consent_url(current_study(), arrival),
        how_to_leave=platforms.how_to_leave(arrival),
    )


@blueprint.get("/instructions")
def instructions() -> str | Response:
    """What a shift looks like, and what to do."""
    found = _elsewhere("instructions")
    if isinstance(found, Response):
        return found
    study = current_study()
    return _render(
        "instructions.html",
        total=found.total,
        practice=len(study.folder.practice_trials),
        example=_example(),
        **_page_settings(),
    )


@blueprint.post("/instructions")
@blueprint.post("/practice")
def go_on() -> Response:
    """Leave the instructions or the practice."""
    study = current_study()
    progress.leave(study, token(), request.path.strip("/"))
    found = progress.progress(study, token())
    return redirect(page_of(found.stage) if found else url_for("pages.consent"), 303)


@blueprint.get("/calibration")
def calibration() -> str | Response:
    """The screen is measured with a bank card."""
    found = _elsewhere("calibration")
    if isinstance(found, Response):
        return found
    return _render("calibration.html", required=current_study().settings.display.calibration == "required")


@blueprint.post("/calibration")
def calibrate() -> Response:
    """Store what was measured, or pass over it where the study allows that."""
    study = current_study()
    fields = request.form.to_dict()
    fields.pop("csrf_token", None)
    measured = None
    if not (fields.get("skip") and study.settings.display.calibration == "optional"):
        try:
            measured = measurements.ScreenCalibration.model_validate(fields)
        except ValidationError as error:
            raise StudyError(_("The calibration is not complete: go back and fit the card again.")) from error
    measurements.calibrate(study, token(), measured)
    found = progress.progress(study, token())
    return redirect(page_of(found.stage) if found else url_for("pages.consent"), 303)


@blueprint.get("/practice")
def practice() -> str | Response:
    """Practice trials with feedback."""
    found = _elsewhere("practice")
    if isinstance(found, Response):
        return found
    return _render("trials.html", practice=True, **_page_settings())


@blueprint.get("/trials")
def trials() -> str | Response:
    """The trials."""
    found = _elsewhere("trials")
    if isinstance(found, Response):
        return found
    return _render("trials.html", practice=False, **_page_settings())


@blueprint.get("/questions")
def questions() -> str | Response:
    """The questions after the trials."""
    found = _elsewhere("questions")
    if isinstance(found, Response):
        return found
    _refuse_finished_elsewhere()
    return _render("questions.html")


@blueprint.post("/questions")
def answer_questions() -> Response:
    """Store the answers to the questions."""
    _refuse_finished_elsewhere()
    completion.answer_questions(current_study(), token(), request.form.to_dict(), sessions.arrival())
    return redirect(url_for("pages.thanks"), 303)


@blueprint.get("/thanks")
def thanks() -> str | Response:
    """Completion code, and the way back to where the participant came from."""
    found = _elsewhere("finished")
    if isinstance(found, Response):
        return found
    _refuse_finished_elsewhere()
    study = current_study()
    participant = completion.completion(study, token())
    assert participant is not None  # being at this stage takes it
    arrival = platforms.arrival_from(participant.identity)
    return _render(
        "thanks.html",
        code=platforms.completion_code(study, participant) or participant.completion_code,
        withdrawal_code=None if sessions.is_by_id() else participant.withdrawal_code,
        platform=arrival.platform,
        way_back=platforms.way_back(study, participant),
        again=study.settings.recruitment.repeat and arrival.person is None,
    )


def _refuse_finished_elsewhere() -> None:
    """Raise NotYours in a browser that went on by an id alone where another has gone on since: the codes are its."""
    if sessions.is_by_id() and sessions.visit() != progress.last_visit(current_study(), token()):
        raise NotYours(_("You have gone on in another browser since. Please finish the study there."))


@blueprint.post("/again")
def again() -> Response:
    """Where people may take part repeatedly and nobody is known: this browser is the next one's."""
    arrival = sessions.arrival() or Arrival()
    if current_study().settings.recruitment.repeat and arrival.person is None:
        sessions.forget()
        sessions.remember_arrival(arrival)
    return redirect(url_for("pages.consent"), 303)
