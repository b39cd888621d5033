"""Files to take away, written while they are sent: a study's answers need not fit into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select

from study_server.export import participants
from study_server.export.column_texts import csv_lines, csv_rows, json_lines
from study_server.export.responses import StudyResponses
from study_server.export.table_files import cell
from study_server.folder.study_toml import write_settings
from study_server.participants.running_study import RunningStudy
from study_server.settings import Settings
from study_server.storage.models import Event, Participant

SECRET = {
    "completion": ("code",),
    "recruitment": (
        "general_token", "link_key", "prolific_completion_code", "prolific_screen_out_code", "prolific_no_consent_code",
        "prolific_webhook_secret", "sona_completion_url",
    ),
    "server": ("database_url", "password_hash"),
}  # fmt: skip
"""Settings that are left out of the study.toml to take away: with them one could claim pay, or get at the data."""

_AT_ONCE = 1000  # rows that are made to text before they are sent


@dataclass(frozen=True)
class Export:
    """A file to take away."""

    file: str
    about: str
    mimetype: str
    write: Callable[[RunningStudy], Iterator[str]]
    names_people: bool = False


def _responses_csv(study: RunningStudy) -> Iterator[str]:
    with _responses(study) as answers:
        yield csv_lines([answers.columns])
        yield from map(csv_rows, answers.batches(answers.columns))


def _responses_jsonl(study: RunningStudy) -> Iterator[str]:
    with _responses(study) as answers:
        yield from map(json_lines, answers.batches(answers.columns))


@contextmanager
def _responses(study: RunningStudy) -> Iterator[StudyResponses]:
    with study.database.reading_one_state() as session:
        yield StudyResponses(session, study.id, [question.id for question in study.settings.questions])


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
    yield csv_lines([columns])
    remaining = iter(rows)
    while part := list(islice(remaining, _AT_ONCE)):
        yield csv_lines([cell(row.get(column)) for column in columns] for row in part)
