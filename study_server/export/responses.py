"""The tidy response table (docs/responses.md) from a study's database, column by column: there may be many rows."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from study_server.export.source import reading
from study_server.stimuli.directions import distance_px
from study_server.storage.models import (
    ANSWERED_ALL,
    Calibration,
    Image,
    Pair,
    Participant,
    QuestionAnswer,
    Response,
    Study,
    Trial,
    label,
)

SCHEMA = "shift-study/responses/3"
COLUMNS = (
    "schema", "study", "participant", "participant_state", "trial", "pair", "image", "photograph", "selection",
    "shift_px", "direction", "reference_side", "response", "reaction_time_ms", "answered_at", "device_pixel_ratio",
    "pixel_scale", "viewport_width", "viewport_height", "hidden", "visit", "window_changes", "refresh_rate_hz",
    "sent_after_ms", "pixels_per_degree", "shift_arcmin", "images_sent_at", "excluded", "exclusion_reason",
)  # fmt: skip

EXCLUDED_BY_RESEARCHER = "excluded_by_researcher"
QUESTION_PREFIX = "question_"

ROWS_AT_ONCE = 2_500

_STORED: dict[str, InstrumentedAttribute[Any]] = {
    "trial": Trial.position, "reference_side": Trial.reference_side, "response": Response.response,
    "reaction_time_ms": Response.reaction_time_ms, "answered_at": Response.answered_at,
    "device_pixel_ratio": Response.device_pixel_ratio, "pixel_scale": Response.pixel_scale,
    "viewport_width": Response.viewport_width, "viewport_height": Response.viewport_height,
    "hidden": Response.hidden, "visit": Response.visit, "window_changes": Response.window_changes,
    "refresh_rate_hz": Response.refresh_rate_hz, "sent_after_ms": Response.sent_after_ms,
    "images_sent_at": Response.images_sent_at,
}  # fmt: skip
"""Columns that are stored with each answer or trial; the others are of its participant, its pair, or both."""

_MOMENTS = ("answered_at", "images_sent_at")
_OF_PAIR = ("pair", "image", "photograph", "selection", "shift_px", "direction")
_CALIBRATED = ("pixels_per_degree", "shift_arcmin")


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
            yield {name: value for name, value in row.items() if value is not None or name in COLUMNS}


class StudyResponses:
    """The answered trials of one study, or of all in the database, in order of arrival and trial.

    Marked as excluded are participants whom the researcher has excluded, and those whom a rule of [acceptance] does not
    use; all other rules are the analysis's to apply.

    `session` sees one state of the database (`Database.reading_one_state`), and must last as long as this is used.
    asked: ids of questions that have a column even if nobody has answered them.
    """

    def __init__(self, session: Session, study_id: int | None, asked: Sequence[str] = ()) -> None:
        self._session, self._study_id = session, study_id
        self._answers = _question_answers(session, study_id)
        answered = sorted({question for answers in self._answers.values() for question in answers})
        questions = dict.fromkeys([*asked, *answered])
        self.columns = (*COLUMNS, *(f"{QUESTION_PREFIX}{question}" for question in questions))
        """Names of all columns, in their order."""

    def batches(self, columns: Collection[str]) -> Iterator[Mapping[str, Sequence[Any]]]:
        """Column → its values in the next rows, of these columns alone."""
        names = [name for name in self.columns if name in columns]
        parts = _Parts(self._session, self._study_id, self._answers)
        stored = [name for name in names if name in _STORED]
        if {*names} & {*_CALIBRATED} and "pixel_scale" not in stored:
            stored.append("pixel_scale")
        query = _in_order(
            select(Trial.participant_id, Trial.pair_id, *(_STORED[name] for name in stored)), self._study_id
        )
        # By the connection: the session would make a second list of each batch.
        connection = self._session.connection()
        for rows in connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}).partitions():
            people, pairs, *values = zip(*rows, strict=True)
            found = dict(zip(stored, values, strict=True))
            yield {name: parts.column(name, people, pairs, found) for name in names}


def _in_order(query: Select[Any], study_id: int | None) -> Select[Any]:
    query = (
        query.select_from(Participant)
        .join(Trial, Trial.participant_id == Participant.id)
        .join(Response, Response.trial_id == Trial.id)
        .order_by(Participant.study_id, Participant.number, Trial.position)
    )
    return query if study_id is None else query.where(Participant.study_id == study_id)


class _PairParts(NamedTuple):
    pair: str
    image: str
    photograph: str | None
    selection: str | None
    shift_px: int
    direction: str


class Measured(NamedTuple):
    """What a participant measured of the screen and how they sit before it."""

    device_pixels_per_cm: float
    viewing_distance_cm: float


class _Person(NamedTuple):
    study: str
    participant: str
    participant_state: str
    excluded: bool
    exclusion_reason: str


class _Parts:
    """What a row has of its participant and its pair, by their ids: there are few of them."""

    def __init__(self, session: Session, study_id: int | None, answers: Mapping[int, Mapping[str, str]]) -> None:
        self._people = _people(session, study_id)
        self._answers = answers
        self._pairs = _pairs(session, study_id)
        self._calibrations = last_calibrations(session)
        self._per_degree = cache(self._pixels_per_degree)
        self._of_person = cache(self._by_person)
        self._of_pair = cache(self._by_pair)

    def column(
        self, name: str, people: Sequence[int], pairs: Sequence[int], stored: Mapping[str, Sequence[Any]]
    ) -> Sequence[Any]:
        """The values of a column; ids of participants and pairs and what is stored are of the same rows."""
        if name == "schema":
            return [SCHEMA] * len(people)
        if name in _MOMENTS:
            return [*map(_in_milliseconds, stored[name])]
        if name in _STORED:
            return stored[name]
        if name in _OF_PAIR:
            return [*map(self._of_pair(name).__getitem__, pairs)]
        if name in _CALIBRATED:
            per_degree = [*map(self._per_degree, people, stored["pixel_scale"])]
            if name == "pixels_per_degree":
                return per_degree
            distances = {id: 60 * distance_px(pair.shift_px, pair.direction) for id, pair in self._pairs.items()}
            return [distances[pair] / each if each else None for pair, each in zip(pairs, per_degree, strict=True)]
        if name.startswith(QUESTION_PREFIX):
            question, nothing = name.removeprefix(QUESTION_PREFIX), dict[str, str]()
            return [self._answers.get(person, nothing).get(question) for person in people]
        return [*map(self._of_person(name).__getitem__, people)]

    def _by_person(self, name: str) -> dict[int, Any]:
        return {id: getattr(person, name) for id, person in self._people.items()}

    def _by_pair(self, name: str) -> dict[int, Any]:
        return {id: getattr(pair, name) for id, pair in self._pairs.items()}

    def _pixels_per_degree(self, person: int, pixel_scale: int) -> float | None:
        calibration = self._calibrations.get(person)
        return pixels_per_degree(calibration, pixel_scale) if calibration else None


def _in_milliseconds(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


def _people(session: Session, study_id: int | None) -> dict[int, _Person]:
    query = select(
        Participant.id, Study.name, Participant.simulated, Participant.number, Participant.stage,
        Participant.failed_rules, Participant.excluded_reason,
    ).join(Study, Study.id == Participant.study_id)  # fmt: skip
    if study_id is not None:
        query = query.where(Participant.study_id == study_id)
    people = {}
    for id, study, simulated, number, stage, failed_rules, excluded_reason in session.execute(query):
        reasons = [failed_rules] if failed_rules else []
        reasons += [EXCLUDED_BY_RESEARCHER] if excluded_reason is not None else []
        state = "finished" if stage in ANSWERED_ALL else "unfinished"
        people[id] = _Person(study, label(simulated, number), state, bool(reasons), ";".join(reasons))
    return people


def _pairs(session: Session, study_id: int | None) -> dict[int, _PairParts]:
    query = select(Pair.id, Pair.name, Image.name, Image.source_sha256, Image.selection, Pair.shift_px, Pair.direction)
    query = query.join(Image, Image.id == Pair.image_id)
    if study_id is not None:
        query = query.where(Pair.study_id == study_id)
    return {id: _PairParts._make(parts) for id, *parts in session.execute(query)}


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
