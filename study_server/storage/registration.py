"""Put a study folder into the database, and keep both the same once a participant has started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.settings import CHANGEABLE, Settings
from study_server.stimuli.manifest import manifest_sha256
from study_server.storage.database import Database
from study_server.storage.models import Stimulus, StimulusGroup, StimulusValue, Study


def register(folder: StudyFolder, database: Database) -> int:
    """Id of the folder's study in the database, entered or brought up to date there.

    Raises StudyError where a participant has started and the folder's settings or manifest are not the same any more.
    """
    settings, digest = folder.settings.frozen_json(), manifest_sha256(folder.manifest_path)
    name = folder.settings.study.name
    with database.writing_alone() as session:
        study = session.scalar(select(Study).where(Study.name == name).with_for_update(key_share=True))
        if study is None:
            if database.is_sqlite:  # the folder's own; in a shared database two studies may have the same images
                _refuse_renamed(session, name, digest)
            study = Study(name=name, task=folder.task.name, settings="", manifest_sha256="")
            session.add(study)
        elif study.frozen_at is not None:
            refuse_other(folder, study.frozen_at, study.settings, study.manifest_sha256)
            _fill_photographs(session, study, folder)
            study.settings = settings  # settings that did not exist when it was frozen have their defaults
            return study.id
        if (study.settings, study.manifest_sha256) != (settings, digest):
            study.task, study.settings, study.manifest_sha256 = folder.task.name, settings, digest
            _enter_stimuli(session, study, folder)
        session.flush()
        return study.id


def _enter_stimuli(session: Session, study: Study, folder: StudyFolder) -> None:
    study.groups.clear()
    session.flush()
    groups = {
        row.group: StimulusGroup(
            study_id=study.id,
            name=row.group,
            source_file=row.source_file,
            source_sha256=row.source_sha256,
            selection=row.selection or None,
            licence=row.licence,
        )
        for row in folder.rows
    }
    session.add_all(groups.values())
    session.flush()
    entered = session.scalars(
        insert(Stimulus).returning(Stimulus.id, sort_by_parameter_order=True),
        [
            {"study_id": study.id, "group_id": groups[row.group].id, "name": row.name, "stratum": row.stratum}
            for row in folder.rows
        ],
    )
    values = [
        {"stimulus_id": id, "column": column, "value": str(getattr(row, column))}
        for id, row in zip(entered, folder.rows, strict=True)
        for column in folder.task.columns.manifest
    ]
    if values:
        session.execute(insert(StimulusValue), values)


def _fill_photographs(session: Session, study: Study, folder: StudyFolder) -> None:
    """Note the photographs' hashes in a database that was made before they were noted."""
    unknown = session.scalars(
        select(StimulusGroup).where(StimulusGroup.study_id == study.id, StimulusGroup.source_sha256.is_(None))
    ).all()
    if unknown:
        hashes = {row.group: row.source_sha256 for row in folder.rows}
        for group in unknown:
            group.source_sha256 = hashes[group.name]


def refuse_other(folder: StudyFolder, frozen_at: datetime, frozen_settings: str, manifest: str) -> None:
    """Raise StudyError where the folder's settings or manifest are not those with which participants have started."""
    mend = (
        f"participants have started since {frozen_at:%Y-%m-%d %H:%M} UTC, so it may not change: "
        "restore it, or make a new study folder"
    )
    if manifest != manifest_sha256(folder.manifest_path):
        raise StudyError(f"{folder.manifest_path} has been changed; {mend}")
    frozen = json.loads(frozen_settings)
    kept = {name: values for name, values in frozen.items() if name not in CHANGEABLE}
    before = _with_defaults(kept, type(folder.settings)())
    if before["study"]["task"] != folder.task.name:
        raise StudyError(
            f"{folder.path / 'study.toml'}: study.task was {before['study']['task']!r} and is now "
            f"{folder.task.name!r}; {mend}"
        )
    changed = list(_differences(before, json.loads(folder.settings.frozen_json())))
    if changed:
        raise StudyError(f"{folder.path / 'study.toml'}: {'; '.join(changed)}; {mend}")


def _with_defaults(frozen: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Frozen settings, those that there were not at the time filled in: by default a setting changes nothing."""
    defaults = json.loads(settings.frozen_json())
    return {
        name: {**default, **frozen[name]} if isinstance(default, dict) and name in frozen else frozen.get(name, default)
        for name, default in defaults.items()
    }


def _refuse_renamed(session: Session, name: str, digest: str) -> None:
    other = session.scalar(select(Study).where(Study.manifest_sha256 == digest, Study.frozen_at.is_not(None)))
    if other is not None:
        raise StudyError(
            f"study.name is {name!r}, but participants have started under {other.name!r}: restore the name"
        )


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
    elif before != after:
        yield f"{path} was {_short(before)} and is now {_short(after)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
