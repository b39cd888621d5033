"""How far a participant is, and what comes next for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask_babel import gettext as _
from sqlalchemy import bindparam, or_, select

from study_server.errors import Conflict, NotFound
from study_server.folder.settings import Settings
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import ANSWERED_ALL, Pair, Participant, Response, Trial

# Of tables, not mapped classes, and made once: it runs with every image, twice as often as anything else.
_TRIAL, _PAIR = Trial.__table__, Pair.__table__
_FIND_IMAGE = (
    select(_TRIAL.c.left_token, _TRIAL.c.reference_side, _PAIR.c.reference_file, _PAIR.c.stimulus_file)
    .select_from(_TRIAL.join(_PAIR, _PAIR.c.id == _TRIAL.c.pair_id))
    .where(
        or_(_TRIAL.c.left_token == bindparam("image"), _TRIAL.c.right_token == bindparam("image")),
        _TRIAL.c.study_id == bindparam("study"),
    )
)


@dataclass(frozen=True)
class TrialLinks:
    """All that a browser learns of a trial: names that mean nothing.

    left, right: names of the images at this server, or their whole addresses where they are published elsewhere.
    """

    id: str
    left: str
    right: str


@dataclass(frozen=True)
class Progress:
    """How far a participant is. superseded: a later visit, in another tab or browser, has taken over."""

    stage: str
    answered: int
    total: int
    superseded: bool = False


def progress(study: RunningStudy, token: str | None) -> Progress | None:
    """How far the participant with this secret is; None for an unknown one.

    Raises Conflict for one who has withdrawn, or who began longer ago than the study allows.
    """
    with study.database.reading() as session:
        participant = study.find(session, token)
        if participant is None:
            return None
        _refuse_gone(study, participant)
        return Progress(participant.stage, participant.answered, study.n_trials)


def last_visit(study: RunningStudy, token: str | None) -> int | None:
    """Number of the participant's last visit; None where the trial page was never loaded, or for an unknown secret."""
    with study.database.reading() as session:
        participant = study.find(session, token)
        return participant.visits or None if participant is not None else None


def remaining_trials(study: RunningStudy, token: str | None) -> list[TrialLinks]:
    """The participant's unanswered trials, in order. Raises NotYours for an unknown secret."""
    with study.database.reading() as session:
        participant = study.get(session, token)
        rows = session.execute(
            select(Trial.token, Trial.left_token, Trial.right_token, Trial.reference_side, Pair.name)
            .join(Pair, Pair.id == Trial.pair_id)
            .outerjoin(Response)
            .where(Trial.participant_id == participant.id, Response.trial_id.is_(None))
            .order_by(Trial.position)
        )
        if study.published is None:
            return [TrialLinks(trial, left, right) for trial, left, right, _side, _pair in rows]
        elsewhere, addresses = study.settings.server.stimuli_url, study.published.addresses
        return [TrialLinks(trial, *addresses(elsewhere, pair, side)) for trial, _left, _right, side, pair in rows]


def leave(study: RunningStudy, token: str | None, stage: str) -> None:
    """The participant has done with a stage before the trials; at any other stage, changes nothing."""
    with study.database.writing() as session:
        participant = study.find(session, token, hold=True)
        if participant and participant.stage == stage and stage in ("instructions", "calibration", "practice"):
            move_on(study.settings, participant)


def move_on(settings: Settings, participant: Participant) -> None:
    """From a stage before the trials to the next one that this study has."""
    stages = ["instructions"]
    stages += ["calibration"] if settings.display.calibration != "off" else []
    stages += ["practice"] if settings.practice.shifts else []
    stages += ["trials"]
    participant.stage = stages[stages.index(participant.stage) + 1]
    participant.last_seen_at = datetime.now(UTC)


def image_file(study: RunningStudy, image_token: str) -> Path:
    """The file behind an image's name. Raises NotFound."""
    with study.database.reading_rows() as connection:
        row = connection.execute(_FIND_IMAGE, {"image": image_token, "study": study.id}).first()
    if row is None:
        raise NotFound("there is no such image")
    side = "left" if row.left_token == image_token else "right"
    file: str = row.reference_file if side == row.reference_side else row.stimulus_file
    return study.folder.stimulus_path(file)


def _refuse_gone(study: RunningStudy, participant: Participant) -> None:
    if participant.withdrawn_at is not None:
        raise Conflict(_("You have withdrawn from this study."))
    age = datetime.now(UTC) - participant.consented_at
    if participant.stage not in ANSWERED_ALL and age > timedelta(days=study.settings.recruitment.resume_days):
        raise Conflict(_("The time for finishing this study is over."))
