"""The addresses to give to participants, by the way on which they come."""

from __future__ import annotations

from dataclasses import dataclass

from study_server.participants.running_study import RunningStudy


@dataclass(frozen=True)
class Link:
    """An address, and for whom it is."""

    about: str
    address: str


def links(study: RunningStudy, address: str) -> list[Link]:
    """What to give to whom; `address` is the study's first page as participants reach it."""
    found = []
    recruitment = study.settings.recruitment
    key = f"key={recruitment.link_key}" if recruitment.link_key else ""
    for platform in recruitment.platforms:
        if platform == "open":
            found.append(Link("Anybody", address))
        elif platform == "prolific":
            query = "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
            found.append(Link("Prolific: the study's URL", f"{address}?{query}{key and '&' + key}"))
        elif platform == "mturk":
            found.append(Link("MTurk: the ExternalURL of the HIT", f"{address}{key and '?' + key}"))
        elif platform == "sona":
            found.append(Link("SONA: the study's URL", f"{address}?survey_code=%SURVEY_CODE%{key and '&' + key}"))
        elif platform == "link" and recruitment.general_token:
            found.append(Link("Whoever has the general link", f"{address}?token={recruitment.general_token}"))
        elif platform == "link":
            found.append(Link("Personal links: shift-study links makes them", f"{address}?token=…"))
    return found
