"""The signed cookie: who the participant is, and from where they came."""

from __future__ import annotations

import re
import secrets
import time
from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer

from study_server.participants.answers import Answers
from study_server.participants.arrival import Arrival
from study_server.participants.enrolment import Enrolments
from study_server.participants.given_trials import GivenTrials
from study_server.participants.running_study import RunningStudy

SIMULATION_HEADER = "X-Shift-Study-Simulation"
"""Observers of `simulate` send the study's simulation key in it."""

_PARTICIPANT, _ARRIVAL, _BEGUN, _WITHDRAWN = "participant", "arrival", "begun", "withdrawn"
_NEWCOMER, _BY_ID, _VISIT = "newcomer", "by_id", "visit"


# Before cookies were signed, they were the participant's secret and nothing else.
_BARE_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


_VERIFIED_FOR_S = 60.0
_MOST_VERIFIED = 5000


class _Interface(SecureCookieSessionInterface):
    def __init__(self) -> None:
        # The same cookie comes with every answer and image: its signature need not be computed for each.
        self._verified: dict[str, tuple[float, dict[str, Any]]] = {}
        self._serializer: URLSafeTimedSerializer | None = None

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie says; a participant whose cookie is of before cookies were signed gets a signed one."""
        bare = request.cookies.get(self.get_cookie_name(app), "")
        until, content = self._verified.get(bare, (0.0, {}))
        if time.monotonic() < until:
            return self.session_class(content)
        opened = self._open(app, request)
        if opened:
            if len(self._verified) >= _MOST_VERIFIED:
                self._verified.clear()
            self._verified[bare] = (time.monotonic() + _VERIFIED_FOR_S, dict(opened))
        if opened is not None and _BARE_SECRET.fullmatch(bare):
            study: RunningStudy = app.extensions["study"]
            with study.database.reading() as database:
                begun = study.find(database, bare) is not None
            if begun:
                opened.permanent = True
                opened.update({_PARTICIPANT: bare, _ARRIVAL: Arrival().to_json(), _BEGUN: True})
        return opened

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """As Flask's, made once: the key is the study's, and never another."""
        self._serializer = self._serializer or super().get_signing_serializer(app)
        return self._serializer

    def _open(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """As Flask does it, whatever the age of the cookie.

        Hosts have clocks of their own, and clocks are put right: one that is ahead of another, or was, must not turn a
        participant into somebody new. For how long one may come back is decided by when they consented.
        """
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        try:
            return self.session_class(serializer.loads(request.cookies.get(self.get_cookie_name(app), "")))
        except BadSignature:
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie where it has changed. No "Vary: Cookie": what depends on the cookie is never cached."""
        if session.modified:
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over HTTPS the cookie goes back over HTTPS alone."""
        return request.is_secure


def configure_sessions(app: Flask, study: RunningStudy) -> None:
    """Sign cookies with the study's own key; they last as long as a participant may come back."""
    app.session_interface = _Interface()
    app.config.update(
        SECRET_KEY=study.secret_key,
        # Cookies are shared by all ports of a host, on each of which a study may be served.
        SESSION_COOKIE_NAME=f"shift_study_{study.settings.study.name}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=study.settings.recruitment.resume_days),
    )


def current_study() -> RunningStudy:
    """The study that this application serves."""
    study: RunningStudy = current_app.extensions["study"]
    return study


def current_answers() -> Answers:
    """Where this process takes the study's answers to."""
    answers: Answers = current_app.extensions["answers"]
    return answers


def current_enrolments() -> Enrolments:
    """Where this process takes those who consent to."""
    enrolments: Enrolments = current_app.extensions["enrolments"]
    return enrolments


def current_given_trials() -> GivenTrials:
    """Where this process takes those who come to their trials to."""
    given: GivenTrials = current_app.extensions["given_trials"]
    return given


def token() -> str | None:
    """The participant's secret."""
    found = session.get(_PARTICIPANT)
    return found if isinstance(found, str) else None


def admit(participant: str, arrival: Arrival, *, by_id: bool = False) -> None:
    """This browser belongs to the participant with this secret, who came from there.

    by_id: whether an id in a link is all that says so, and not the consent given in this browser.
    """
    forget()
    session.permanent = True
    session[_PARTICIPANT], session[_ARRIVAL], session[_BEGUN] = participant, arrival.to_json(), True
    if by_id:
        session[_BY_ID] = True


def has_begun() -> bool:
    """Whether this browser belongs to somebody who has consented."""
    return bool(session.get(_BEGUN))


def is_by_id() -> bool:
    """Whether an id in a link is all that this browser's participation rests on."""
    return bool(session.get(_BY_ID))


def remember_visit(number: int) -> None:
    """The trial page has been loaded in this browser, for the participant's visit with this number."""
    if is_by_id():
        session[_VISIT] = number


def visit() -> int | None:
    """Number of the last visit that `remember_visit` heard of."""
    found = session.get(_VISIT)
    return found if isinstance(found, int) else None


def forget() -> None:
    """This browser belongs to nobody any more."""
    for key in (_PARTICIPANT, _ARRIVAL, _BEGUN, _WITHDRAWN, _NEWCOMER, _BY_ID, _VISIT):
        session.pop(key, None)


def remember_withdrawal(arrival: Arrival) -> None:
    """This browser's participant has withdrawn: nothing is kept but the name of the platform they came from."""
    forget()
    session[_WITHDRAWN] = arrival.platform


def withdrawn() -> Arrival | None:
    """From which platform the participant came who has withdrawn in this browser; None where nobody has."""
    platform = session.get(_WITHDRAWN)
    return Arrival(platform) if isinstance(platform, str) else None  # type: ignore[arg-type]


def remember_arrival(arrival: Arrival) -> None:
    """Keep from where a newcomer comes until they consent, with a secret that they will be known by.

    Whoever takes part in this browser stays who they are until then. The secret comes with the form, so that consenting
    twice (an impatient second press) makes one participant.
    """
    kept = session.get(_NEWCOMER)
    if isinstance(kept, dict) and kept.get(_ARRIVAL) == arrival.to_json():
        return
    session.permanent = True
    session[_NEWCOMER] = {"secret": secrets.token_urlsafe(32), _ARRIVAL: arrival.to_json()}


def newcomer() -> tuple[str, Arrival] | None:
    """The secret and the arrival of who has seen the consent form here and not sent it yet."""
    kept = session.get(_NEWCOMER)
    return (kept["secret"], Arrival.from_json(kept[_ARRIVAL])) if isinstance(kept, dict) else None


def come_again(arrival: Arrival) -> None:
    """This browser's participant has come by a link of theirs: what is new in it is kept when they go on."""
    session.pop(_NEWCOMER, None)
    if session.get(_ARRIVAL) != arrival.to_json():
        session[_ARRIVAL] = arrival.to_json()


def arrival() -> Arrival | None:
    """From where this browser's participant came; None where nobody takes part in it."""
    fields = session.get(_ARRIVAL)
    return Arrival.from_json(fields) if isinstance(fields, dict) else None
