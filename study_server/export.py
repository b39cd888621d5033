"""Rows of the tidy response table (docs/responses.md) from a study's database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from study_server.database import Database
from study_server.errors import StudyError
from study_server.models import Image, Pair, Participant, Response, Study, Trial
from study_server.study_folder import StudyFolder

SCHEMA = "shift-study/responses/1"


def response_rows(source: str) -> list[dict[str, Any]]:
    """One row for each answered trial in a study folder or a database URL, in order of arrival and trial.

    Nothing is marked as excluded: that is the analysis's to do. Raises StudyError where there is no study.
    """
    if "://" in source:
        return _rows(Database(source, create=False), None)
    folder = StudyFolder(Path(source))
    path = folder.path / "study.db"
    if not path.exists():
        raise StudyError(f"{folder.path} has no responses yet: serve it with shift-study serve {folder.path}")
    return _rows(Database(folder.database_url, create=False), folder.settings.study.name)


def _rows(database: Database, study: str | None) -> list[dict[str, Any]]:
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
    if study is not None:
        query = query.where(Study.name == study)
    with database.reading() as session:
        rows = [_row(*parts) for parts in session.execute(query)]
    database.close()
    return rows


def _row(
    study: Study, participant: Participant, trial: Trial, response: Response, pair: Pair, image: Image
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "study": study.name,
        "participant": participant.label,
        "participant_state": "finished" if participant.stage == "finished" else "unfinished",
        "trial": trial.position,
        "pair": pair.name,
        "image": image.name,
        "shift_px": pair.shift_px,
        "direction": pair.direction,
        "reference_side": trial.reference_side,
        "response": response.response,
        "reaction_time_ms": response.reaction_time_ms,
        "answered_at": response.answered_at.isoformat(timespec="milliseconds"),
        "device_pixel_ratio": response.device_pixel_ratio,
        "pixel_scale": response.pixel_scale,
        "viewport_width": response.viewport_width,
        "viewport_height": response.viewport_height,
        "hidden": response.hidden,
        "excluded": False,
        "exclusion_reason": "",
        **{f"question_{answer.question}": answer.answer for answer in participant.answers},
    }
