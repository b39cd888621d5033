"""How far a participant is, and what comes next for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask_babel import gettext as _
from sqlalchemy import Row, bindparam, select

from study_server.errors import Conflict, NotFound
from study_server.participants.given_trials import GivenTrials, has_trials
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import ANSWERED_ALL, Participant, Response, Stimulus, Trial

# Of tables, not mapped classes, and made once: it runs with every image, twice as often as anything else.
_TRIAL, _STIMULUS = Trial.__table__, Stimulus.__table__
_FIND_IMAGE = (
    select(_TRIAL.c.arrangement, _STIMULUS.c.name)
    .select_from(_TRIAL.join(_STIMULUS, _STIMULUS.c.id == _TRIAL.c.stimulus_id))
    .where(_TRIAL.c.images_token == bindparam("images"), _TRIAL.c.study_id == bindparam("study"))
)


@dataclass(frozen=True)
class TrialLinks:
    """All that a browser learns of a trial: names that mean nothing.

    images: place → name of the image at this server, or its whole address where it is published elsewhere.
    """

    id: str
    images: dict[str, str]


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


def remaining_trials(study: RunningStudy, token: str | None, given: GivenTrials | None = None) -> list[TrialLinks]:
    """The participant's unanswered trials, in order; who asks for the first time is given them.

    given: where this process brings those who ask; None: they come alone.
    Raises NotYours for an unknown secret, and Conflict where another process has changed the study.
    """
    rows = _unanswered(study, token)
    if rows is None:
        (given or GivenTrials(study)).give(token)
        rows = _unanswered(study, token) or []
    places, published = study.task.places, study.published
    if published is None:
        return [TrialLinks(trial, image_names(places, images)) for trial, images, _arrangement, _name in rows]
    url = study.settings.server.stimuli_url
    return [
        TrialLinks(trial, dict(zip(places, published.addresses(url, name, arrangement.split()), strict=True)))
        for trial, _images, arrangement, name in rows
    ]


def _unanswered(study: RunningStudy, token: str | None) -> Sequence[Row[str, str, str, str]] | None:
    """Token, images' token, arrangement and stimulus of each unanswered trial; None where no trials were given yet."""
    with study.database.reading() as session:
        participant = study.get(session, token)
        if not has_trials(session, participant):  # before the others are looked for: another tab may ask meanwhile
            return None
        return session.execute(
            select(Trial.token, Trial.images_token, Trial.arrangement, Stimulus.name)
            .join(Stimulus, Stimulus.id == Trial.stimulus_id)
            .outerjoin(Response)
            .where(Trial.participant_id == participant.id, Response.trial_id.is_(None))
            .order_by(Trial.position)
        ).all()


def image_names(places: Sequence[str], images_token: str) -> dict[str, str]:
    """Place → the name that means nothing of the image there."""
    return {place: f"{images_token}{number}" for number, place in enumerate(places)}


def leave(study: RunningStudy, token: str | None, stage: str) -> None:
    """The participant has done with a stage before the trials; at any other stage, changes nothing."""
    with study.database.writing() as session:
        participant = study.find(session, token, hold=True)
        if participant and participant.stage == stage and stage in ("instructions", "calibration", "practice"):
            move_on(study, participant)


def move_on(study: RunningStudy, participant: Participant) -> None:
    """From a stage before the trials to the next one that this study has."""
    stages = ["instructions"]
    stages += ["calibration"] if study.settings.display.calibration != "off" else []
    stages += ["practice"] if study.folder.has_practice else []
    stages += ["trials"]
    participant.stage = stages[stages.index(participant.stage) + 1]
    participant.last_seen_at = datetime.now(UTC)


def image_file(study: RunningStudy, image_token: str) -> Path:
    """The file behind an image's name. Raises NotFound."""
    with study.database.reading_rows() as connection:
        row = connection.execute(_FIND_IMAGE, {"images": image_token[:-1], "study": study.id}).first()
    roles = row.arrangement.split() if row is not None else []
    place = image_token[-1:]
    if row is None or place not in map(str, range(len(roles))):
        raise NotFound("there is no such image")
    return study.folder.stimulus_path(study.folder.row(row.name).files[roles[int(place)]])


def _refuse_gone(study: RunningStudy, participant: Participant) -> None:
    if participant.withdrawn_at is not None:
        raise Conflict(_("You have withdrawn from this study."))
    age = datetime.now(UTC) - participant.consented_at
    if participant.stage not in ANSWERED_ALL and age > timedelta(days=study.settings.recruitment.resume_days):
        raise Conflict(_("The time for finishing this study is over."))
