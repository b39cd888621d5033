"""What the experimenter decides: who is admitted, whose answers count, whose place goes to another. All is noted."""

from __future__ import annotations

from study_server.dashboard import people
from study_server.errors import Conflict, StudyError
from study_server.participants import slots
from study_server.participants.acceptance import not_used_because
from study_server.participants.running_study import RunningStudy
from study_server.participants.typed_text import on_one_line
from study_server.storage.models import STUDY_STATES

_DONE = {"open": "opened", "paused": "paused", "closed": "closed"}

LONGEST_REASON = 200


def set_state(study: RunningStudy, state: str) -> None:
    """Open, pause or close the study for newcomers; who has begun can always go on. Raises StudyError."""
    if state not in STUDY_STATES:
        raise StudyError(f"a study can be {', '.join(STUDY_STATES)}; {state!r} is none of these")
    with study.database.writing() as session:
        row = study.locked(session)
        if row.state != state:
            row.state = state
            study.note(session, _DONE[state], "researcher")


def return_slot(study: RunningStudy, label: str) -> None:
    """Give the participant's place in the assignment to the next who comes. Raises Conflict where there is none."""
    with study.database.writing() as session:
        participant = people.find(session, study, label, hold=True)
        study.locked(session)
        if participant.slot is None:
            raise Conflict(f"{label} holds no slot any more")
        slots.release(session, study, participant, "returned", "researcher")


def exclude(study: RunningStudy, label: str, reason: str) -> None:
    """Do not use the participant's answers. Raises StudyError without a reason, Conflict where it is done already.

    Where the study replaces participants whose answers cannot be used, their place goes to the next who comes.
    """
    reason = on_one_line(reason)
    if not reason:
        raise StudyError("say why: the reason is kept with the exclusion")
    if len(reason) > LONGEST_REASON:
        raise StudyError(f"the reason has {len(reason)} characters; {LONGEST_REASON} are kept")
    with study.database.writing() as session:
        participant = people.find(session, study, label, hold=True)
        study.locked(session)
        if participant.excluded_reason is not None:
            raise Conflict(f"{label} is excluded already")
        participant.excluded_reason = reason
        study.note(session, "excluded", "researcher", participant, reason)
        if study.settings.recruitment.replaces_unusable:
            slots.release(session, study, participant, "excluded", "researcher")


def include(study: RunningStudy, label: str) -> str:
    """Undo an exclusion; the other reasons why the answers are still not used, if any.

    A place that was given to another stays there: the answers count in addition. Raises Conflict where there is nothing
    to undo.
    """
    with study.database.writing() as session:
        participant = people.find(session, study, label, hold=True)
        study.locked(session)
        if participant.excluded_reason is None:
            raise Conflict(f"{label} is not excluded")
        participant.excluded_reason = None
        study.note(session, "exclusion_undone", "researcher", participant)
        return not_used_because(participant)


def note_export(study: RunningStudy, name: str) -> None:
    """Note that somebody has taken away data that name persons."""
    with study.database.writing() as session:
        study.note(session, "exported", "researcher", detail=name)
