"""What a backup holds, and whether it is the study of a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, text

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.storage.models import Participant, Response, Trial
from study_server.storage.registration import refuse_other
from study_server.storage.schema import HEAD, schema_version


@dataclass(frozen=True)
class KeptStudy:
    """One study of a database. answers: how many it holds; until: when the last of them was given."""

    version: str
    frozen_at: datetime | None
    settings: str
    manifest_sha256: str
    answers: int = 0
    until: datetime | None = None


def kept_study(connection: Connection, name: str, backup: Path) -> KeptStudy:
    """The study of this name. Raises StudyError where there is none, or a newer Shift Study has made the tables."""
    version = schema_version(connection)
    if version is None or not inspect(connection).has_table("study"):
        raise StudyError(f"{backup} is no database of a study")
    refuse_newer(version, backup)
    rows = {row.name: row for row in connection.execute(text("SELECT * FROM study"))}
    if name not in rows:
        raise StudyError(other_name(backup, list(rows), name))
    row = rows[name]
    # Columns that every version of the tables has.
    answers = (
        select(func.count(), func.max(Response.answered_at))
        .select_from(Response.__table__.join(Trial.__table__).join(Participant.__table__))
        .where(Participant.study_id == row.id)
    )
    count, until = connection.execute(answers).one()
    return KeptStudy(version, moment(row.frozen_at), row.settings, row.manifest_sha256, count, until)


def refuse_newer(version: str, backup: Path) -> None:
    """Raise StudyError for tables that this program does not know."""
    if version > HEAD:
        raise StudyError(
            f"{backup} has tables of version {version}, made by a newer Shift Study; this one knows version {HEAD}: "
            "upgrade shift-study"
        )


def refuse_other_study(study: KeptStudy, folder: StudyFolder, backup: Path) -> None:
    """Raise StudyError where the folder is not the one whose answers these are."""
    if study.frozen_at is None:
        return
    try:
        refuse_other(folder, study.frozen_at, study.settings, study.manifest_sha256)
    except json.JSONDecodeError as error:
        raise StudyError(f"{backup} is damaged: its study's settings cannot be read: {error}") from error
    except StudyError as error:
        raise StudyError(
            f"{backup} is of another study than {folder.path}, or of another state of it: {error}"
        ) from error


def other_name(backup: Path, names: list[str], wanted: str) -> str:
    """That a backup is of other studies."""
    held = ", ".join(map(repr, sorted(names))) or "no study"
    return f"{backup} holds {held}, and the folder's study is {wanted!r}: name the folder that the backup is of"


def moment(value: object) -> datetime | None:
    """A moment as a database gives it to who does not know the columns' types."""
    if value is None or value == "":
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
