"""Rows of the tidy response table (docs/responses.md) from a study's database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import selectinload

from study_server.errors import StudyError
from study_server.folder.study_folder import DATABASE, StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import ANSWERED_ALL, Image, Pair, Participant, Response, Study, Trial

SCHEMA = "shift-study/responses/2"
COLUMNS = (
    "schema", "study", "participant", "participant_state", "trial", "pair", "image", "shift_px", "direction",
    "reference_side", "response", "reaction_time_ms", "answered_at", "device_pixel_ratio", "pixel_scale",
    "viewport_width", "viewport_height", "hidden", "visit", "window_changes", "refresh_rate_hz", "sent_after_ms",
    "pixels_per_degree", "shift_arcmin", "excluded", "exclusion_reason",
)  # fmt: skip


def response_rows(source: str) -> list[dict[str, Any]]:
    """One row for each answered trial in a study folder or a database URL, in order of arrival and trial.

    Nothing is marked as excluded: that is the analysis's to do. Raises StudyError where there is no study.
    """
    if "://" in source:
        return _rows(Database(source, create=False))
    folder = StudyFolder(Path(source))
    if not (folder.path / DATABASE).exists():
        raise StudyError(f"{folder.path} has no responses yet: serve it with shift-study serve {folder.path}")
    return _rows(Database(folder.database_url, create=False))


def _rows(database: Database) -> list[dict[str, Any]]:
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
    )
    try:
        with database.reading() as session:
            return [_row(*parts) for parts in session.execute(query)]
    except DatabaseError as error:  # damaged, or altered by hand
        raise StudyError(f"the responses in {database.engine.url} cannot be read: {error.orig}") from error
    finally:
        database.close()


def _row(
    study: Study, participant: Participant, trial: Trial, response: Response, pair: Pair, image: Image
) -> dict[str, Any]:
    finished = participant.stage in ANSWERED_ALL
    values = (
        SCHEMA, study.name, participant.label, "finished" if finished else "unfinished", trial.position,
        pair.name, image.name, pair.shift_px, pair.direction, trial.reference_side,
        response.response, response.reaction_time_ms, response.answered_at.isoformat(timespec="milliseconds"),
        response.device_pixel_ratio, response.pixel_scale, response.viewport_width, response.viewport_height,
        response.hidden, None, None, None, None, None, None, False, "",
    )  # fmt: skip
    answers = {f"question_{answer.question}": answer.answer for answer in participant.answers}
    return dict(zip(COLUMNS, values, strict=True)) | answers
