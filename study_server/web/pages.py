"""The participant's pages: consent → instructions → practice → trials → questions → thanks."""

from __future__ import annotations

import secrets

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from study_server.participants import same_different as task
from study_server.participants.participation import NotYours, Participation, Progress

blueprint = Blueprint("pages", __name__)

SIMULATION_HEADER = "X-Shift-Study-Simulation"
_COOKIE_AGE_S = 30 * 24 * 3600

_PAGE_OF = {
    "instructions": "pages.instructions",
    "practice": "pages.practice",
    "trials": "pages.trials",
    "questions": "pages.questions",
    "finished": "pages.thanks",
}


def participation() -> Participation:
    """The study that this application serves."""
    found: Participation = current_app.extensions["participation"]
    return found


def _cookie() -> str:
    # Cookies are shared by all ports of a host, on each of which a study may be served.
    return f"shift_study_{participation().settings.study.name}"


def token() -> str | None:
    """The participant's secret, from the cookie."""
    return request.cookies.get(_cookie())


def page_of(stage: str) -> str:
    """Address of the page where a participant at this stage belongs."""
    return url_for(_PAGE_OF[stage])


def _elsewhere(stage: str) -> Response | Progress:
    """The participant's progress if they are at `stage`, else a redirect to where they belong."""
    progress = participation().progress(token())
    if progress is None:
        return redirect(url_for("pages.consent"))
    return progress if progress.stage == stage else redirect(page_of(progress.stage))


def _render(template: str, **values: object) -> str:
    return render_template(template, settings=participation().settings, **values)


@blueprint.get("/")
def consent() -> Response:
    """Consent form; who has begun already is sent on to where they were."""
    progress = participation().progress(token())
    if progress is not None:
        return redirect(page_of(progress.stage))
    if SIMULATION_HEADER not in request.headers and participation().is_simulation():
        return make_response(_render("closed.html"))
    page = make_response(_render("consent.html", total=task.design(participation().settings).n_trials))
    # The secret comes with the form, so that consenting twice (an impatient second press) makes one participant.
    page.set_cookie(
        _cookie(),
        token() or secrets.token_urlsafe(32),
        max_age=_COOKIE_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return page


@blueprint.post("/consent")
def give_consent() -> Response:
    """Enrol the participant, unless this browser has one already."""
    secret = token()
    if not secret:
        raise NotYours("This study needs cookies: allow them for this address, and begin again at the first page.")
    progress = participation().progress(secret)
    if progress is not None:
        return redirect(page_of(progress.stage), 303)
    participation().enrol(secret, simulation_key=request.headers.get(SIMULATION_HEADER))
    return redirect(url_for("pages.instructions"), 303)


@blueprint.get("/declined")
def declined() -> str:
    """For who does not consent."""
    return _render("declined.html")


@blueprint.get("/instructions")
def instructions() -> str | Response:
    """What a shift looks like, and what to do."""
    found = _elsewhere("instructions")
    if isinstance(found, Response):
        return found
    study = participation()
    return _render(
        "instructions.html",
        total=found.total,
        page=task.page_settings(study.settings),
        practice=len(study.settings.practice.shifts),
        example=study.folder.example_pair is not None,
    )


@blueprint.post("/instructions")
@blueprint.post("/practice")
def go_on() -> Response:
    """Leave the instructions or the practice."""
    participation().leave(token(), request.path.strip("/"))
    progress = participation().progress(token())
    return redirect(page_of(progress.stage) if progress else url_for("pages.consent"), 303)


@blueprint.get("/practice")
def practice() -> str | Response:
    """Practice trials with feedback."""
    found = _elsewhere("practice")
    if isinstance(found, Response):
        return found
    return _render("trials.html", page=task.page_settings(participation().settings), practice=True)


@blueprint.get("/trials")
def trials() -> str | Response:
    """The trials."""
    found = _elsewhere("trials")
    if isinstance(found, Response):
        return found
    return _render("trials.html", page=task.page_settings(participation().settings), practice=False)


@blueprint.get("/questions")
def questions() -> str | Response:
    """The questions after the trials."""
    found = _elsewhere("questions")
    return found if isinstance(found, Response) else _render("questions.html")


@blueprint.post("/questions")
def answer_questions() -> Response:
    """Store the answers to the questions."""
    participation().answer_questions(token(), request.form.to_dict())
    return redirect(url_for("pages.thanks"), 303)


@blueprint.get("/thanks")
def thanks() -> str | Response:
    """Completion code."""
    found = _elsewhere("finished")
    if isinstance(found, Response):
        return found
    return _render("thanks.html", code=participation().completion_code(token()))
