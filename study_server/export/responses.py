"""Rows of the tidy response table (docs/responses.md) from a study's database."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from study_server.export.source import reading
from study_server.stimuli.directions import distance_px
from study_server.storage.models import (
    ANSWERED_ALL,
    Calibration,
    Image,
    Pair,
    Participant,
    Response,
    Study,
    Trial,
)

SCHEMA = "shift-study/responses/3"
COLUMNS = (
    "schema", "study", "participant", "participant_state", "trial", "pair", "image", "photograph", "selection",
    "shift_px", "direction", "reference_side", "response", "reaction_time_ms", "answered_at", "device_pixel_ratio",
    "pixel_scale", "viewport_width", "viewport_height", "hidden", "visit", "window_changes", "refresh_rate_hz",
    "sent_after_ms", "pixels_per_degree", "shift_arcmin", "images_sent_at", "excluded", "exclusion_reason",
)  # fmt: skip

EXCLUDED_BY_RESEARCHER = "excluded_by_researcher"


def response_rows(source: str) -> list[dict[str, Any]]:
    """One row for each answered trial in a study folder or a database URL, in order of arrival and trial.

    Marked as excluded are participants whom the researcher has excluded, and those whom a rule of [acceptance] does not
    use; all other rules are the analysis's to apply.
    Raises StudyError where there is no study.
    """
    with reading(source) as (session, study_id):
        return list(rows_of_study(session, study_id))


def rows_of_study(session: Session, study_id: int | None) -> Iterator[dict[str, Any]]:
    """The rows of one study, or of all in the database, read as they are asked for: there may be many."""
    query = (
        select(Study, Participant, Trial, Response, Pair, Image)
        .select_from(Response)
        .join(Trial)
        .join(Participant, Participant.id == Trial.participant_id)
        .join(Pair, Pair.id == Trial.pair_id)
        .join(Image, Image.id == Pair.image_id)
        .join(Study, Study.id == Trial.study_id)
        .options(selectinload(Participant.answers))
        .order_by(Participant.study_id, Participant.number, Trial.position)
        .execution_options(yield_per=1000)
    )
    if study_id is not None:
        query = query.where(Trial.study_id == study_id)
    calibrations = last_calibrations(session)
    for parts in session.execute(query):
        yield _row(*parts, calibrations.get(parts[1].id))


def last_calibrations(session: Session) -> dict[int, Calibration]:
    """Participant's id → their last calibration, of those who made one."""
    last = select(func.max(Calibration.id)).group_by(Calibration.participant_id)
    return {c.participant_id: c for c in session.scalars(select(Calibration).where(Calibration.id.in_(last)))}


def pixels_per_degree(calibration: Calibration, pixel_scale: int) -> float:
    """Image pixels in a degree of visual angle at the centre of gaze, each `pixel_scale` device pixels wide."""
    pixel_cm = pixel_scale / calibration.device_pixels_per_cm
    return 1 / math.degrees(2 * math.atan(pixel_cm / 2 / calibration.viewing_distance_cm))


def _row(
    study: Study,
    participant: Participant,
    trial: Trial,
    response: Response,
    pair: Pair,
    image: Image,
    calibration: Calibration | None,
) -> dict[str, Any]:
    finished = participant.stage in ANSWERED_ALL
    per_degree = pixels_per_degree(calibration, response.pixel_scale) if calibration else None
    reasons = [participant.failed_rules] if participant.failed_rules else []
    reasons += [EXCLUDED_BY_RESEARCHER] if participant.excluded_reason is not None else []
    sent_at = response.images_sent_at.isoformat(timespec="milliseconds") if response.images_sent_at else None
    values = (
        SCHEMA, study.name, participant.label, "finished" if finished else "unfinished", trial.position,
        pair.name, image.name, image.source_sha256, image.selection, pair.shift_px, pair.direction,
        trial.reference_side,
        response.response, response.reaction_time_ms, response.answered_at.isoformat(timespec="milliseconds"),
        response.device_pixel_ratio, response.pixel_scale, response.viewport_width, response.viewport_height,
        response.hidden, response.visit, response.window_changes, response.refresh_rate_hz, response.sent_after_ms,
        per_degree, 60 * distance_px(pair.shift_px, pair.direction) / per_degree if per_degree else None, sent_at,
        bool(reasons), ";".join(reasons),
    )  # fmt: skip
    answers = {f"question_{answer.question}": answer.answer for answer in participant.answers}
    return dict(zip(COLUMNS, values, strict=True)) | answers
