"""The pages on which participants withdraw: as who they are in this browser, or by their code or personal link."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from study_server.access import sessions
from study_server.access.limits import counted_by_address
from study_server.access.sessions import current_study, token
from study_server.errors import NotFound
from study_server.participants import platforms
from study_server.participants import withdrawal as participation
from study_server.participants.arrival import Arrival
from study_server.storage.models import Participant

blueprint = Blueprint("withdrawal", __name__)


@blueprint.get("/withdraw")
def ask() -> str:
    """What withdrawing would remove; who is not known in this browser gives their code."""
    return _page(_own())


@blueprint.post("/withdraw")
@counted_by_address  # a code could be guessed
def withdraw() -> Response | str | tuple[str, int]:
    """Withdraw once it is confirmed; a code or link is looked up first, and the same page asks again."""
    study, proof = current_study(), request.form.get("code", "")
    own = _own()
    try:
        participant = participation.find(study, proof) if proof or own is None else own
    except NotFound as error:
        return _page(own, mistake=str(error)), 404
    if "confirmed" not in request.form:
        return _page(participant, proof=proof)
    gone = participation.withdraw(study, participant, "participant")
    if own is not None and own.id != participant.id:
        return _done(gone.arrival)  # this browser still belongs to who takes part in it
    sessions.remember_withdrawal(gone.arrival)
    return redirect(url_for("withdrawal.done"), 303)


def _own() -> Participant | None:
    """Who has consented in this browser; an id in a link is not enough to withdraw by."""
    return None if sessions.is_by_id() else participation.of_browser(current_study(), token())


@blueprint.get("/withdrawn")
def done() -> Response | str:
    """What was removed, and the way back to the platform."""
    arrival = sessions.withdrawn()
    if arrival is None:
        return redirect(url_for("withdrawal.ask"))
    return _done(arrival)


def _done(arrival: Arrival) -> str:
    study = current_study()
    return render_template(
        "withdrawn.html",
        settings=study.settings,
        way_back=platforms.no_consent_url(study, arrival),
        how_to_leave=platforms.how_to_leave(arrival),
        platform=arrival.platform,
    )


def _page(participant: Participant | None, *, proof: str = "", mistake: str = "") -> str:
    return render_template(
        "withdraw.html", settings=current_study().settings, participant=participant, proof=proof, mistake=mistake
    )
