"""Prolific, MTurk, SONA and personal links: what their links say, whom the study admits, and the way back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from flask_babel import gettext as _
from sqlalchemy import select

from study_server.errors import Conflict, StudyError
from study_server.participants import signed_links
from study_server.participants.arrival import Arrival, Platform
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Identity, Invitation, Participant

MTURK_HOSTS = ("www.mturk.com", "workersandbox.mturk.com")
"""The only hosts to which an assignment is submitted, whatever the link says."""

_KEYED: tuple[Platform, ...] = ("prolific", "mturk", "sona")
"""Whose links bring ids that others know or can guess, and may have to carry the study's key beside them."""

_PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class WrongWay(Conflict):
    """The study admits people, but not those who come this way; the message says how to come."""


@dataclass(frozen=True)
class Submission:
    """The form that hands an assignment in at MTurk."""

    action: str
    assignment: str


# --- the way here ----------------------------------------------------------------------------------------------------


def arrival_of(study: RunningStudy, link: Mapping[str, str], host: str) -> Arrival:
    """From where somebody comes who opens the study's first page, at this host, with these parameters.

    Raises StudyError where the link is damaged, and WrongWay where it lacks the signature or the key that it needs.
    """
    arrival = _arrival_of(study, link, host)
    key = study.settings.recruitment.link_key
    takes_key = bool(key) and arrival.platform in _KEYED and not arrival.is_proved and not arrival.is_preview
    if takes_key and not secrets.compare_digest(key.encode(), link.get("key", "").encode()):
        raise WrongWay(" ".join([_("This is not the whole link of the study."), *_how_to_come(study)]))
    return arrival


def _arrival_of(study: RunningStudy, link: Mapping[str, str], host: str) -> Arrival:
    if "PROLIFIC_PID" in link or signed_links.PARAMETER in link:
        return _from_prolific(study, link, host)
    if "assignmentId" in link or "workerId" in link:
        return _from_mturk(link)
    if "token" in link:
        token = _id(link, "token")
        general = study.settings.recruitment.general_token
        return Arrival("link", None if general and secrets.compare_digest(general, token) else token)
    if "survey_code" in link:
        return Arrival("sona", _id(link, "survey_code"))
    if "id" in link and "sona" in study.settings.recruitment.platforms:  # too common a name to mean SONA elsewhere
        return Arrival("sona", _id(link, "id"))
    return Arrival()


def _from_prolific(study: RunningStudy, link: Mapping[str, str], host: str) -> Arrival:
    names, proved = ("STUDY_ID", "SESSION_ID"), False
    if study.prolific_keys is not None:
        try:
            signed = study.prolific_keys.verified(link.get(signed_links.PARAMETER, ""), host)
        except signed_links.NotSigned as error:
            said = _("This link is not signed by Prolific, or was made too long ago.")
            raise WrongWay(" ".join([said, *_how_to_come(study)])) from error
        if any(name in link and link[name] != signed.get(name) for name in ("PROLIFIC_PID", *names)):
            raise StudyError(_damaged(signed_links.PARAMETER))
        link, proved = signed, True
    project, session = (_optional_id(link, name) for name in names)
    return Arrival("prolific", _id(link, "PROLIFIC_PID"), project, session, is_proved=proved)


def _from_mturk(link: Mapping[str, str]) -> Arrival:
    project = _optional_id(link, "hitId")
    if link.get("assignmentId") == _PREVIEW:
        return Arrival("mturk", project=project)
    person, session = _id(link, "workerId"), _id(link, "assignmentId")
    submit_to = urlsplit(link.get("turkSubmitTo") or f"https://{MTURK_HOSTS[0]}")
    if submit_to.scheme != "https" or submit_to.netloc not in MTURK_HOSTS:
        raise StudyError(_damaged("turkSubmitTo"))
    return Arrival("mturk", person, project, session, submit_to.netloc)


def _id(link: Mapping[str, str], name: str) -> str:
    value = link.get(name, "")
    if not _ID.fullmatch(value):
        raise StudyError(_damaged(name))
    return value


def _optional_id(link: Mapping[str, str], name: str) -> str | None:
    return _id(link, name) if name in link else None


def _damaged(name: str) -> str:
    said: str = _(
        "This link is damaged: its part %(name)s is missing or is not what it should be. Please open the study again "
        "from where you found it.",
        name=name,
    )
    return said


def refuse(study: RunningStudy, arrival: Arrival) -> None:
    """Raise WrongWay where the study does not admit people who come from there."""
    if arrival.platform not in study.settings.recruitment.platforms:
        raise WrongWay(" ".join([_("This study does not take people who come this way."), *_how_to_come(study)]))
    if arrival.platform == "link" and arrival.person is not None and not _is_invited(study, arrival.person):
        raise WrongWay(_("This personal link is not valid, or no longer. Please ask whoever sent it to you."))


def _how_to_come(study: RunningStudy) -> list[str]:
    ways: dict[Platform, str] = {
        "prolific": _("If you use Prolific, open the study from its page there."),
        "mturk": _("If you use Mechanical Turk, accept the HIT and open the study from there."),
        "sona": _("If you use SONA, open the study from its page there."),
        "link": _("If you were sent a link, use the whole of it."),
        "open": _("Anybody can take part at this address without anything added to it."),
    }
    return [text for platform, text in ways.items() if platform in study.settings.recruitment.platforms]


def _is_invited(study: RunningStudy, token: str) -> bool:
    with study.database.reading() as session:
        found = select(Invitation.token).where(Invitation.token == token, Invitation.study_id == study.id)
        return session.scalar(found) is not None


# --- the way back ----------------------------------------------------------------------------------------------------


def arrival_from(identity: Identity | None) -> Arrival:
    """From where a participant with this identity came."""
    if identity is None:
        return Arrival()
    return Arrival.from_json({name: getattr(identity, name) for name in ("platform", "person", "project", "session")})


def screen_out_url(study: RunningStudy, arrival: Arrival) -> str | None:
    """Where to send somebody whose device cannot show the study."""
    return _prolific(arrival, study.settings.recruitment.prolific_screen_out_code)


def no_consent_url(study: RunningStudy, arrival: Arrival) -> str | None:
    """Where to send somebody who does not consent, or who withdraws."""
    return _prolific(arrival, study.settings.recruitment.prolific_no_consent_code)


def how_to_leave(arrival: Arrival) -> str | None:
    """What somebody who does not take part has to do at the platform; None where there is nothing to do."""
    said: dict[Platform, str] = {
        "prolific": _("Please return your submission on Prolific, so that somebody else can take the place."),
        "mturk": _("Please return the HIT on Mechanical Turk, so that somebody else can take it."),
    }
    return said.get(arrival.platform)


def way_back(study: RunningStudy, participant: Participant) -> str | None:
    """Where to send somebody who has finished; MTurk wants a form instead (`submission`)."""
    arrival, recruitment = arrival_from(participant.identity), study.settings.recruitment
    if arrival.platform == "sona" and recruitment.sona_completion_url and arrival.person:
        return recruitment.sona_completion_url.replace("%SURVEY_CODE%", quote(arrival.person, safe=""))
    return _prolific(arrival, recruitment.prolific_completion_code)


def submission(arrival: Arrival) -> Submission | None:
    """The form by which this assignment is handed in, with the completion code typed; None where there is none.

    The code is not filled in: whoever opens the link says only who they are.
    """
    if arrival.platform != "mturk" or arrival.session is None or arrival.submit_to is None:
        return None
    assert arrival.submit_to in MTURK_HOSTS
    return Submission(f"https://{arrival.submit_to}/mturk/externalSubmit", arrival.session)


def completion_code(study: RunningStudy, participant: Participant) -> str | None:
    """The code that the participant's platform has given for the study; None where it has none."""
    is_prolific = participant.identity is not None and participant.identity.platform == "prolific"
    return study.settings.recruitment.prolific_completion_code or None if is_prolific else None


def _prolific(arrival: Arrival, code: str) -> str | None:
    if arrival.platform != "prolific" or not code:
        return None
    return f"https://app.prolific.com/submissions/complete?cc={code}"
