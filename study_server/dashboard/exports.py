"""Files to take away, written while they are sent: a study's answers need not fit into memory."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.export import participants, responses
from study_server.export.table_files import cell
from study_server.folder.settings import Settings
from study_server.folder.study_toml import write_settings
from study_server.participants.running_study import RunningStudy
from study_server.storage.models import Event, Participant, QuestionAnswer

SECRET = {
    "completion": ("code",),
    "recruitment": (
        "general_token", "link_key", "prolific_completion_code", "prolific_screen_out_code", "prolific_no_consent_code",
        "prolific_webhook_secret", "sona_completion_url",
    ),
    "server": ("database_url", "password_hash"),
}  # fmt: skip
"""Settings that are left out of the study.toml to take away: with them one could claim pay, or get at the data."""

_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Export:
    """A file to take away."""

    file: str
    about: str
    mimetype: str
    write: Callable[[RunningStudy], Iterator[str]]
    names_people: bool = False


def _responses_csv(study: RunningStudy) -> Iterator[str]:
    with study.database.reading() as session:
        columns = [*responses.COLUMNS, *_question_columns(session, study)]
        yield from _csv(columns, responses.rows_of_study(session, study.id))


def _responses_jsonl(study: RunningStudy) -> Iterator[str]:
    with study.database.reading() as session:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in responses.rows_of_study(session, study.id))
        yield from _chunks(lines)


def _question_columns(session: Session, study: RunningStudy) -> list[str]:
    asked = [question.id for question in study.settings.questions]
    answered = session.scalars(
        select(QuestionAnswer.question)
        .join(Participant, Participant.id == QuestionAnswer.participant_id)
        .where(Participant.study_id == study.id)
        .distinct()
    )
    return [f"question_{name}" for name in dict.fromkeys([*asked, *sorted(answered)])]


def _participants_csv(identities: bool) -> Callable[[RunningStudy], Iterator[str]]:
    columns = [*participants.COLUMNS, *(participants.IDENTITY_COLUMNS if identities else ())]

    def write(study: RunningStudy) -> Iterator[str]:
        with study.database.reading() as session:
            yield from _csv(columns, participants.rows_of_study(session, study.id, identities=identities))

    return write


def _manifest(study: RunningStudy) -> Iterator[str]:
    yield study.folder.manifest_path.read_text(encoding="utf-8")


def _settings(study: RunningStudy) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        write_settings(without_secrets(study.settings), path)
        yield path.read_text(encoding="utf-8")


def without_secrets(settings: Settings) -> Settings:
    """The settings, each of SECRET as if it were not set."""
    default = Settings()
    return replace(
        settings,
        **{
            section: replace(
                getattr(settings, section), **{name: getattr(getattr(default, section), name) for name in names}
            )
            for section, names in SECRET.items()
        },
    )  # fmt: skip


def _audit(study: RunningStudy) -> Iterator[str]:
    with study.database.reading() as session:
        query = (
            select(Event, Participant)
            .outerjoin(Participant, Participant.id == Event.participant_id)
            .where(Event.study_id == study.id)
            .order_by(Event.id)
            .execution_options(yield_per=1000)
        )
        rows = (
            {
                "at": event.at.isoformat(timespec="seconds"), "kind": event.kind, "actor": event.actor,
                "participant": who.label if who else "", "detail": event.detail,
            }
            for event, who in session.execute(query)
        )  # fmt: skip
        yield from _csv(["at", "kind", "actor", "participant", "detail"], rows)


EXPORTS: dict[str, Export] = {
    "responses.csv": Export(
        "responses.csv", "Every answer, one row each (docs/responses.md).", "text/csv", _responses_csv
    ),
    "responses.jsonl": Export(
        "responses.jsonl", "The same, one JSON object a line.", "application/x-ndjson", _responses_jsonl
    ),
    "participants.csv": Export(
        "participants.csv",
        "Every participant: whom to pay, whose answers to use and why not, on which screen they took part.",
        "text/csv",
        _participants_csv(False),
    ),
    "participants-with-identities.csv": Export(
        "participants-with-identities.csv",
        "The same with the ids by which Prolific, MTurk or SONA know them. Personal data: to pay with, not to publish.",
        "text/csv",
        _participants_csv(True),
        names_people=True,
    ),
    "manifest.csv": Export("manifest.csv", "The stimuli (docs/manifest.md).", "text/csv", _manifest),
    "study.toml": Export(
        "study.toml",
        "The settings, without the secret ones: password, database, completion codes and tokens.",
        "application/toml",
        _settings,
    ),
    "audit.csv": Export("audit.csv", "The audit trail, the oldest first.", "text/csv", _audit),
}


def _csv(columns: list[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")

    def lines() -> Iterator[str]:
        writer.writerow(columns)
        for row in rows:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
            writer.writerow([cell(row.get(column)) for column in columns])
        yield text.getvalue()

    yield from _chunks(lines())


def _chunks(lines: Iterable[str]) -> Iterator[str]:
    """The lines, put together to pieces that are worth sending."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)
