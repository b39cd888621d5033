"""Prolific, MTurk, SONA and personal links: what their links say, and how participants get back to them."""

from __future__ import annotations

from collections.abc import Mapping

from study_server.participants.arrival import Arrival
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Participant


def arrival_of(study: RunningStudy, link: Mapping[str, str]) -> Arrival:
    """From where somebody comes who opens the study's first page with these parameters."""
    return Arrival()


def refuse(study: RunningStudy, arrival: Arrival) -> None:
    """Raise Conflict where the study does not admit people who come from there."""


def screen_out_url(study: RunningStudy, arrival: Arrival) -> str | None:
    """Where to send somebody whose device cannot show the study."""
    return None


def no_consent_url(study: RunningStudy, arrival: Arrival) -> str | None:
    """Where to send somebody who does not consent."""
    return None


def way_back(study: RunningStudy, participant: Participant) -> str | None:
    """Where to send somebody who has finished."""
    return None
