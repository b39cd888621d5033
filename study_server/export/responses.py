"""The tidy response table (docs/responses.md) from a study's database, column by column: there may be many rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from itertools import repeat
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from study_server.errors import StudyError
from study_server.export.source import reading
from study_server.storage.models import (
    ANSWERED_ALL,
    Calibration,
    Participant,
    QuestionAnswer,
    Response,
    Stimulus,
    StimulusGroup,
    StimulusValue,
    Study,
    Trial,
    label,
)
from study_server.tasks import DEFAULT, task
from study_server.tasks.task import Task

SCHEMA = "shift-study/responses/3"
_BEFORE = ("schema", "study", "task", "participant", "simulated", "participant_state", "trial")
_OF_GROUP = ("photograph", "selection")
_AFTER = (
    "reaction_time_ms", "answered_at", "device_pixel_ratio", "pixel_scale", "viewport_width", "viewport_height",
    "hidden", "exactness", "page_altered", "visit", "window_changes", "refresh_rate_hz", "sent_after_ms",
    "pixels_per_degree",
)  # fmt: skip
_LAST = ("images_sent_at", "excluded", "exclusion_reason")


def columns_of(task: Task[Any]) -> tuple[str, ...]:
    """Names of the columns of a task's responses, in their order, without those of questions."""
    own = task.columns
    arcmin = (_ARCMIN,) if own.distance_px else ()
    return (
        *_BEFORE, own.stimulus, own.group, *_OF_GROUP, *own.manifest, *own.trial, "response", *own.answer, *_AFTER,
        *arcmin, *_LAST,
    )  # fmt: skip


EXCLUDED_BY_RESEARCHER = "excluded_by_researcher"
QUESTION_PREFIX = "question_"

ROWS_AT_ONCE = 2_500

_STORED: dict[str, InstrumentedAttribute[Any]] = {
    "trial": Trial.position, "response": Response.response,
    "reaction_time_ms": Response.reaction_time_ms, "answered_at": Response.answered_at,
    "device_pixel_ratio": Response.device_pixel_ratio, "pixel_scale": Response.pixel_scale,
    "viewport_width": Response.viewport_width, "viewport_height": Response.viewport_height,
    "hidden": Response.hidden, "exactness": Response.exactness, "page_altered": Response.page_altered,
    "visit": Response.visit, "window_changes": Response.window_changes,
    "refresh_rate_hz": Response.refresh_rate_hz, "sent_after_ms": Response.sent_after_ms,
    "images_sent_at": Response.images_sent_at,
}  # fmt: skip
"""Columns that are stored with each answer; the others are of its trial, its participant, its stimulus, or several."""

_MOMENTS = ("answered_at", "images_sent_at")
_PER_DEGREE, _ARCMIN = "pixels_per_degree", "shift_arcmin"


@contextmanager
def study_responses(source: str) -> Iterator[StudyResponses]:
    """The responses in a study folder or a database URL, as they are now. Raises StudyError where there is no study."""
    with reading(source) as (session, study_id):
        yield StudyResponses(session, study_id)


def response_rows(source: str) -> list[dict[str, Any]]:
    """One row for each answered trial in a study folder or a database URL, in order of arrival and trial.

    Raises StudyError where there is no study.
    """
    with reading(source) as (session, study_id):
        return list(rows_of_study(session, study_id))


def rows_of_study(session: Session, study_id: int | None) -> Iterator[dict[str, Any]]:
    """The rows of one study, or of all in the database, without the questions that a participant has not answered."""
    responses = StudyResponses(session, study_id)
    for batch in responses.batches(responses.columns):
        for values in zip(*batch.values(), strict=True):
            row = dict(zip(batch, values, strict=True))
            yield {
                name: value for name, value in row.items() if value is not None or not name.startswith(QUESTION_PREFIX)
            }


class StudyResponses:
    """The answered trials of one study, or of all in the database, in order of arrival and trial.

    Marked as excluded are participants whom the researcher has excluded, and those whom a rule of [acceptance] does not
    use; all other rules are the analysis's to apply.

    `session` sees one state of the database (`Database.reading_one_state`), and must last as long as this is used.
    asked: ids of questions that have a column even if nobody has answered them.
    """

    def __init__(self, session: Session, study_id: int | None, asked: Sequence[str] = ()) -> None:
        """Raises StudyError where the studies of the database have different tasks, and none of them is named."""
        self._session, self._study_id = session, study_id
        self._task = _task(session, study_id)
        self._answers = _question_answers(session, study_id)
        answered = sorted({question for answers in self._answers.values() for question in answers})
        questions = dict.fromkeys([*asked, *answered])
        self.columns = (*columns_of(self._task), *(f"{QUESTION_PREFIX}{question}" for question in questions))
        """Names of all columns, in their order."""

    def batches(self, columns: Collection[str]) -> Iterator[Mapping[str, Sequence[Any]]]:
        """Column → its values in the next rows, of these columns alone."""
        names = [name for name in self.columns if name in columns]
        parts = _Parts(self._session, self._study_id, self._task, self._answers)
        own = self._task.columns
        needed = {name for name in names if name in _STORED}
        needed |= {"pixel_scale"} if {*names} & {_PER_DEGREE, _ARCMIN} else set()
        needed |= {"response"} if {*names} & {*own.answer} else set()
        stored = [name for name in _STORED if name in needed]
        shown = [Trial.arrangement, Trial.repetition] if {*names} & {*own.trial, *own.answer} else []
        query = _in_order(
            select(Trial.participant_id, Trial.stimulus_id, *(_STORED[name] for name in stored), *shown),
            self._study_id,
        )
        # By the connection: the session would make a second list of each batch.
        connection = self._session.connection()
        for rows in connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}).partitions():
            people, stimuli, *values = zip(*rows, strict=True)
            batch = _Batch(people, stimuli, dict(zip(stored, values, strict=False)), values[len(stored) :])
            yield {name: parts.column(name, batch) for name in names}


def _task(session: Session, study_id: int | None) -> Task[Any]:
    """The task of the study, or the one that all studies of the database have. Raises StudyError where they differ."""
    query = select(Study.task).distinct().order_by(Study.task)
    names = session.scalars(query if study_id is None else query.where(Study.id == study_id)).all()
    if len(names) > 1:
        raise StudyError(
            f"the studies of this database have different tasks ({', '.join(names)}): name one of them with #NAME"
        )
    return task(names[0]) if names else task(DEFAULT)


def _in_order(query: Select[Any], study_id: int | None) -> Select[Any]:
    query = (
        query.select_from(Participant)
        .join(Trial, Trial.participant_id == Participant.id)
        .join(Response, Response.trial_id == Trial.id)
        .order_by(Participant.study_id, Participant.number, Trial.position)
    )
    return query if study_id is None else query.where(Participant.study_id == study_id)


@dataclass(frozen=True)
class _Batch:
    """What is stored of some rows: ids of participants and stimuli, columns, and how trials were shown if asked for."""

    people: Sequence[int]
    stimuli: Sequence[int]
    stored: Mapping[str, Sequence[Any]]
    shown: Sequence[Sequence[Any]]
    """Arrangements, then repetitions."""


class Measured(NamedTuple):
    """What a participant measured of the screen and how they sit before it."""

    device_pixels_per_cm: float
    viewing_distance_cm: float


class _Person(NamedTuple):
    study: str
    task: str
    participant: str
    simulated: bool
    participant_state: str
    excluded: bool
    exclusion_reason: str


class _Parts:
    """What a row has of its participant, its stimulus and how that was shown: there are few of each."""

    def __init__(
        self, session: Session, study_id: int | None, task: Task[Any], answers: Mapping[int, Mapping[str, str]]
    ) -> None:
        self._own = task.columns
        self._people = _people(session, study_id)
        self._answers = answers
        self._stimuli = _stimuli(session, study_id, task)
        self._calibrations = last_calibrations(session)
        self._per_degree = cache(self._pixels_per_degree)
        self._of_person = cache(self._by_person)
        self._of_stimulus = cache(self._by_stimulus)
        self._of_trial = cache(lambda name, shown, repetition: self._own.trial[name](_roles(shown), repetition))
        self._of_answer = cache(lambda name, shown, response: self._own.answer[name](_roles(shown), response))

    def column(self, name: str, batch: _Batch) -> Sequence[Any]:
        """The values of a column."""
        people, stimuli, stored, own = batch.people, batch.stimuli, batch.stored, self._own
        if name == "schema":
            return [SCHEMA] * len(people)
        if name in _MOMENTS:
            return [*map(_in_milliseconds, stored[name])]
        if name in _STORED:
            return stored[name]
        if name in (own.stimulus, own.group, *_OF_GROUP, *own.manifest):
            return [*map(self._of_stimulus(name).__getitem__, stimuli)]
        if name in own.trial:
            return [*map(self._of_trial, repeat(name), *batch.shown)]
        if name in own.answer:
            return [*map(self._of_answer, repeat(name), batch.shown[0], stored["response"])]
        if name in (_PER_DEGREE, _ARCMIN):
            per_degree = [*map(self._per_degree, people, stored["pixel_scale"])]
            if name == _PER_DEGREE:
                return per_degree
            distances = self._of_stimulus(_ARCMIN)
            return [60 * distances[id] / each if each else None for id, each in zip(stimuli, per_degree, strict=True)]
        if name.startswith(QUESTION_PREFIX):
            question, nothing = name.removeprefix(QUESTION_PREFIX), dict[str, str]()
            return [self._answers.get(person, nothing).get(question) for person in people]
        return [*map(self._of_person(name).__getitem__, people)]

    def _by_person(self, name: str) -> dict[int, Any]:
        return {id: getattr(person, name) for id, person in self._people.items()}

    def _by_stimulus(self, name: str) -> dict[int, Any]:
        if name == _ARCMIN and self._own.distance_px:
            return {id: self._own.distance_px(values) for id, values in self._stimuli.items()}
        return {id: values[name] for id, values in self._stimuli.items()}

    def _pixels_per_degree(self, person: int, pixel_scale: int) -> float | None:
        calibration = self._calibrations.get(person)
        return pixels_per_degree(calibration, pixel_scale) if calibration else None


def _in_milliseconds(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


def _people(session: Session, study_id: int | None) -> dict[int, _Person]:
    query = select(
        Participant.id, Study.name, Study.task, Participant.simulated, Participant.number, Participant.stage,
        Participant.failed_rules, Participant.excluded_reason,
    ).join(Study, Study.id == Participant.study_id)  # fmt: skip
    if study_id is not None:
        query = query.where(Participant.study_id == study_id)
    people = {}
    for id, study, task_name, simulated, number, stage, failed_rules, excluded_reason in session.execute(query):
        reasons = [failed_rules] if failed_rules else []
        reasons += [EXCLUDED_BY_RESEARCHER] if excluded_reason is not None else []
        state = "finished" if stage in ANSWERED_ALL else "unfinished"
        name, why = label(simulated, number), ";".join(reasons)
        people[id] = _Person(study, task_name, name, simulated, state, bool(reasons), why)
    return people


def _stimuli(session: Session, study_id: int | None, task: Task[Any]) -> dict[int, dict[str, Any]]:
    """Stimulus's id → its columns."""
    own = task.columns
    query = select(
        Stimulus.id, Stimulus.name, StimulusGroup.name, StimulusGroup.source_sha256, StimulusGroup.selection
    ).join(StimulusGroup, StimulusGroup.id == Stimulus.group_id)
    if study_id is not None:
        query = query.where(Stimulus.study_id == study_id)
    names = (own.stimulus, own.group, *_OF_GROUP)
    found = {id: dict(zip(names, parts, strict=True)) for id, *parts in session.execute(query)}
    for id, values in stimulus_values(session, study_id, task).items():
        found[id] |= values
    return found


def stimulus_values(session: Session, study_id: int | None, task: Task[Any]) -> dict[int, dict[str, Any]]:
    """Stimulus's id → its values in the columns of the manifest that the task joins to responses."""
    kinds = {f.name: str(f.type) for f in fields(task.row_type)}
    read: dict[str, Callable[[str], Any]] = {
        column: int if kinds[column] == "int" else intern for column in task.columns.manifest
    }
    query = select(StimulusValue.stimulus_id, StimulusValue.column, StimulusValue.value)
    if study_id is not None:
        query = query.join(Stimulus, Stimulus.id == StimulusValue.stimulus_id).where(Stimulus.study_id == study_id)
    found: dict[int, dict[str, Any]] = {}
    for id, column, value in session.execute(query):
        found.setdefault(id, {})[column] = read[column](value)
    return found


def _roles(arrangement: str) -> tuple[str, ...]:
    return tuple(arrangement.split())


def _question_answers(session: Session, study_id: int | None) -> dict[int, dict[str, str]]:
    query = select(QuestionAnswer.participant_id, QuestionAnswer.question, QuestionAnswer.answer)
    if study_id is not None:
        query = query.join(Participant, Participant.id == QuestionAnswer.participant_id)
        query = query.where(Participant.study_id == study_id)
    answers: dict[int, dict[str, str]] = {}
    for person, question, answer in session.execute(query):
        # Many give the same answers, and what is read from a database is a new text each time.
        answers.setdefault(person, {})[intern(question)] = intern(answer)
    return answers


def last_calibrations(session: Session) -> dict[int, Measured]:
    """Participant's id → what they measured last, of those who did."""
    last = select(func.max(Calibration.id)).group_by(Calibration.participant_id)
    query = select(Calibration.participant_id, Calibration.device_pixels_per_cm, Calibration.viewing_distance_cm)
    return {person: Measured(*found) for person, *found in session.execute(query.where(Calibration.id.in_(last)))}


def pixels_per_degree(calibration: Measured, pixel_scale: int) -> float:
    """Image pixels in a degree of visual angle at the centre of gaze, each `pixel_scale` device pixels wide."""
    pixel_cm = pixel_scale / calibration.device_pixels_per_cm
    return 1 / math.degrees(2 * math.atan(pixel_cm / 2 / calibration.viewing_distance_cm))
