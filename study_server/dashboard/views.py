"""The dashboard's addresses, under /dashboard of each study. All but the login need it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from study_server.access.limits import counted_by_address
from study_server.access.sessions import current_study
from study_server.dashboard import actions, charts, login, people, wrong_passwords
from study_server.dashboard.exports import EXPORTS
from study_server.dashboard.links import links
from study_server.dashboard.names import Names
from study_server.dashboard.page_contents import ARGUMENTS, Asked, now, pages_of, results_pages, version
from study_server.dashboard.recruitment import simulated
from study_server.errors import Conflict, FileMoved, NotFound, StudyError, Unavailable
from study_server.participants.running_study import RunningStudy
from study_server.participants.withdrawal import withdraw
from study_server.storage.models import Study

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard")

OPEN_TO_ALL = ("dashboard.log_in", "dashboard.ask_password")

# No script and no style sheet in a page. plotly.js makes an empty style sheet and fills it by way of the object model:
# the hash is that of nothing.
_POLICY = (
    "default-src 'self'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_INSIDE = re.compile(r"/dashboard/[A-Za-z0-9/_-]*(\?[A-Za-z0-9=&_%+-]*)?")


@blueprint.before_request
def _need_login() -> AnyResponse | tuple[Response, int] | None:
    if request.endpoint in OPEN_TO_ALL:
        return None
    # A page that keeps itself up to date does so with nobody before it, too.
    if login.is_logged_in(current_study(), somebody_is_there=request.endpoint != "dashboard.live"):
        return None
    if request.endpoint == "dashboard.live":
        return jsonify(error="You are not logged in any more."), 401
    if request.method == "GET":
        return redirect(url_for("dashboard.ask_password", next=request.full_path.rstrip("?")))
    return redirect(url_for("dashboard.ask_password"), 303)


@blueprint.after_request
def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.errorhandler(StudyError)
def _refuse(error: StudyError) -> tuple[str, int]:
    statuses: dict[type[Exception], int] = {NotFound: 404, Conflict: 409, Unavailable: 503, FileMoved: 503}
    return _render("dashboard/error.html", title="That did not work", message=str(error)), statuses.get(
        type(error), 400
    )


@blueprint.errorhandler(CSRFError)
def _refuse_form(error: CSRFError) -> tuple[str, int]:
    message = (
        "This form was not sent from this dashboard, or the browser keeps no cookies: reload the page it stands on and "
        "send it again."
    )
    return _render("dashboard/error.html", title="That did not work", message=message), 403


def _render(template: str, **values: Any) -> str:
    return render_template(template, **_around(), **values)


def _around() -> dict[str, Any]:
    """What every page of the dashboard needs."""
    study = current_study()
    return {
        "study": study,
        "settings": study.settings,
        "names": Names.of(study.task),
        "pages": [(key, page.title, _address(study, key)) for key, page in pages_of(study.task).items()],
        "utc": _utc,
        "others": _other_studies(study),
        "logged_in": request.endpoint not in OPEN_TO_ALL and _is_logged_in(study),
    }


def _address(study: RunningStudy, name: str) -> str:
    """A page's address."""
    if name in results_pages(study.task):
        return url_for("dashboard.results", name=name)
    return url_for(f"dashboard.{name.replace('-', '_')}")


def _is_logged_in(study: RunningStudy) -> bool:
    """Not needed to say that there is no database."""
    try:
        return login.is_logged_in(study)
    except Unavailable:
        return False


@blueprint.app_template_filter("number")
def _number(number: float | None) -> str:
    """A number, rounded to a whole one, with narrow spaces between thousands, which mean the same everywhere."""
    return "" if number is None else f"{number:,.0f}".replace(",", "\u202f")


def _utc(moment: datetime | None) -> str:
    """A moment as text: 2026-05-04 13:05:59, always UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _other_studies(study: RunningStudy) -> list[tuple[str, str]]:
    """Name and dashboard's address of each other study of this server."""
    names: list[str] = current_app.extensions.get("studies", [])
    own = study.settings.study.name
    root = request.script_root.removesuffix(f"/{own}")
    return [(name, f"{root}/{name}/dashboard/") for name in names if name != own]


# --- login -----------------------------------------------------------------------------------------------------------


@blueprint.get("/login")
def ask_password() -> str | AnyResponse:
    """The form for the password, or how to set one."""
    study = current_study()
    if login.is_logged_in(study):
        return redirect(_next())
    return _render("dashboard/login.html", title="Log in", closed=login.is_closed(study), next=_next_argument())


@blueprint.post("/login")
@counted_by_address
def log_in() -> AnyResponse:
    """Log in with the password."""
    study = current_study()
    trouble, status, headers = "", 200, {}
    try:
        login.log_in(study, request.form.get("password", ""), request.remote_addr or "")
    except wrong_passwords.TooManyFailures as error:
        trouble = _why_not_now(error)
        status, headers = 429, {"Retry-After": str(error.retry_after_s)}
    except wrong_passwords.LoginRefused:
        trouble, status = "This is not the password.", 403
    if not trouble:
        return redirect(_next(), 303)
    page = _render(
        "dashboard/login.html", title="Log in", closed=login.is_closed(study), next=_next_argument(), trouble=trouble
    )
    return make_response(page, status, headers)


def _why_not_now(error: wrong_passwords.TooManyFailures) -> str:
    minutes = -(-error.retry_after_s // 60)
    again = f"try again in {minutes} minute{'s' * (minutes != 1)}"
    if not error.attacked:
        return f"Too many wrong passwords have come from your address: {again}."
    return (
        f"More than {wrong_passwords.MANY} wrong passwords have come from all over within 15 minutes. As long as that "
        f"lasts, an address from which nobody has logged in lately has {wrong_passwords.MOST_OF_A_STRANGER} attempts: "
        f"{again}, or log in from where you have logged in before."
    )


@blueprint.post("/logout")
def log_out() -> AnyResponse:
    """Log out."""
    login.log_out(current_study())
    return redirect(url_for("dashboard.ask_password"), 303)


@blueprint.post("/logout-everywhere")
def log_out_everywhere() -> AnyResponse:
    """Log out every browser, this one too."""
    ended = login.log_out_everywhere(current_study())
    flash(f"{ended} log-in{'s' * (ended != 1)} ended: every browser has to log in anew.")
    return redirect(url_for("dashboard.ask_password"), 303)


def _next_argument() -> str:
    found = request.values.get("next", "")
    return found if _INSIDE.fullmatch(found) else ""


def _next() -> str:
    """Where to go after the login: only into this dashboard, whatever the link says."""
    return request.script_root + (_next_argument() or url_for("dashboard.overview").removeprefix(request.script_root))


# --- pages -----------------------------------------------------------------------------------------------------------


@blueprint.get("/")
def overview() -> str:
    """How many have come, how far they are, and which stimuli lack answers."""
    return _page("overview", links=links(current_study(), url_for("pages.consent", _external=True)))


@blueprint.get("/<name>")
def results(name: str) -> str:
    """A page of results that the study's task has."""
    if name not in results_pages(current_study().task):
        raise NotFound("there is no such page")
    return _page(name)


@blueprint.get("/participants")
def participants() -> str:
    """Everybody who has taken part."""
    return _page("participants")


@blueprint.get("/exclusions")
def exclusions() -> str:
    """Whose answers are not used, and why."""
    return _page("exclusions")


@blueprint.get("/reaction-times")
def reaction_times() -> str:
    """How long answers take."""
    return _page("reaction-times")


@blueprint.get("/devices")
def devices() -> str:
    """On what people take part."""
    return _page("devices")


@blueprint.get("/audit")
def audit() -> str:
    """What has happened to the study and its participants."""
    return _page("audit")


def _page(name: str, **more: Any) -> str:
    asked = _asked()
    page = pages_of(asked.study.task)[name]
    with asked.study.database.reading() as session:
        shown = {
            "title": page.title,
            "name": name,
            "version": version(session, asked),
            "live": url_for("dashboard.live", name=name, **asked.arguments),
            "plotly": url_for("dashboard.plotly", version=charts.plotly_version()),
            "map_styles_id": charts.map_styles_id(),
            "arguments": asked.arguments,
            "simulated": simulated(session, asked.study),
        }
        return _render(page.template, **shown, **page.make(session, asked), **more)


def _asked() -> Asked:
    # Only what is known: these become arguments of url_for.
    study = current_study()
    known = (*ARGUMENTS, Names.of(study.task).stimuli)
    arguments = {name: request.args[name] for name in known if name in request.args}
    return Asked(study, now(), arguments, current_app.extensions["fit_psychometric"])


@blueprint.get("/live/<name>")
def live(name: str) -> AnyResponse:
    """The parts of a page that change: `parts` as HTML by name, `charts` as data; 304 where they have not changed."""
    asked = _asked()
    wanted = pages_of(asked.study.task).get(name)
    if wanted is None:
        raise NotFound("there is no such page")
    with asked.study.database.reading() as session:
        tag = version(session, asked)
        if request.if_none_match.contains(tag):
            response = make_response("", 304)
        else:
            values = wanted.make(session, asked)
            values["arguments"] = asked.arguments
            response = jsonify(parts=_parts(wanted.template, values), charts=values["charts"])
    response.set_etag(tag)
    return response


def _parts(template: str, values: dict[str, Any]) -> dict[str, str]:
    """The blocks of a template whose names begin with `live_`, by the rest of their names."""
    context = _around() | values
    current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    return {
        name.removeprefix("live_"): "".join(block(found.new_context(context))).strip()
        for name, block in found.blocks.items()
        if name.startswith("live_")
    }


@blueprint.get("/plotly-<version>.js")
def plotly(version: str) -> AnyResponse:
    """The library that draws the charts, out of the installed package."""
    if version != charts.plotly_version():
        abort(404)
    body = charts.plotly_js()
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if request.accept_encodings["gzip"] > 0:
        headers["Content-Encoding"] = "gzip"
    else:
        body = charts.decompressed(body)
    return Response(body, mimetype="text/javascript", headers=headers)


# --- one participant -------------------------------------------------------------------------------------------------


@blueprint.get("/participants/<label>")
def participant(label: str) -> str:
    """All that is known of a participant, and what can be done."""
    study = current_study()
    with study.database.reading() as session:
        who = people.with_identity(session, people.find(session, study, label))
        events, _ = people.events(session, study, participant=who)
        (person,) = people.describe(session, study, [who], now())
        return _render(
            "dashboard/participant.html", title=label, name="participants", person=person, who=who, events=events,
            visits=people.visits_of(session, who), trials=study.n_trials,
            answers=[(a.question, a.answer) for a in who.answers], removes=study.settings.withdrawal.removes,
        )  # fmt: skip


@blueprint.post("/participants/<label>/return-slot")
def return_slot(label: str) -> AnyResponse:
    """Give the participant's place to the next who comes."""
    actions.return_slot(current_study(), label)
    return _back(label, f"The slot of {label} goes to the next who comes.")


@blueprint.post("/participants/<label>/exclude")
def exclude(label: str) -> AnyResponse:
    """Do not use the participant's answers."""
    actions.exclude(current_study(), label, request.form.get("reason", ""))
    return _back(label, f"{label} is excluded.")


@blueprint.post("/participants/<label>/include")
def include(label: str) -> AnyResponse:
    """Undo an exclusion."""
    reasons = actions.include(current_study(), label)
    still = f" The answers are still not used: {reasons.replace(';', ', ')}." if reasons else ""
    return _back(label, f"{label} is not excluded any more.{still}")


@blueprint.post("/participants/<label>/withdraw")
def withdraw_participant(label: str) -> AnyResponse:
    """Withdraw the participant, as they could themselves. The label is typed again, for it cannot be undone."""
    study = current_study()
    if request.form.get("confirm", "").strip() != label:
        raise StudyError(f"to withdraw {label}, type {label} into the field: it cannot be undone")
    with study.database.reading() as session:
        who = people.find(session, study, label)
    withdraw(study, who, "researcher")
    return _back(label, f"{label} has been withdrawn.")


def _back(label: str, message: str) -> AnyResponse:
    flash(message)
    return redirect(url_for("dashboard.participant", label=label), 303)


# --- the study -------------------------------------------------------------------------------------------------------


@blueprint.post("/state")
def set_state() -> AnyResponse:
    """Open, pause or close the study for newcomers."""
    state = request.form.get("state", "")
    actions.set_state(current_study(), state)
    flash(f"The study is {state}.")
    return redirect(url_for("dashboard.overview"), 303)


@blueprint.get("/exports")
def exports() -> str:
    """Files to take away."""
    study = current_study()
    with study.database.reading() as session:
        frozen_at = session.get_one(Study, study.id).frozen_at
    return _render("dashboard/exports.html", title="Exports", name="exports", exports=EXPORTS, frozen_at=frozen_at)


@blueprint.get("/exports/<file>")
def export(file: str) -> AnyResponse:
    """One of the files, sent while it is made."""
    study = current_study()
    if file not in EXPORTS:
        raise NotFound("there is no such export")
    wanted = EXPORTS[file]
    if wanted.names_people:
        actions.note_export(study, file)
    name = f"{study.settings.study.name}-{wanted.file}"
    return Response(
        stream_with_context(wanted.write(study)),
        mimetype=wanted.mimetype,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
