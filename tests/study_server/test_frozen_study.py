"""A study that somebody has started may not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from requests_of_a_participant import begin, database, sign_in
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("study.toml", "gap_px = 20", "gap_px = 21", r"display\.gap_px was 20 and is now 21"),
        (
            "study.toml",
            'strategy = "balanced"',
            'strategy = "paper"',
            r"trials\.strategy was 'balanced' and is now 'paper'",
        ),
        ("study.toml", 'name = "study"', 'name = "other"', r"study\.name is 'other'.*'study'"),
        ("manifest.csv", "public domain", "unknown", r"manifest\.csv has been changed"),
    ],
)
def test_a_changed_study_is_refused_once_somebody_has_started(
    study: StudyFolder, file: str, old: str, new: str, message: str
) -> None:
    before = create_app(study)
    begin(before.test_client())
    before.extensions["study"].database.close()
    change(study.path / file, old, new)
    with pytest.raises(StudyError, match=message):
        create_app(StudyFolder(study.path))


def test_a_study_may_change_before_anybody_has_started_and_its_server_section_always(
    study: StudyFolder,
) -> None:
    create_app(study).extensions["study"].database.close()
    change(study.path / "study.toml", "gap_px = 20", "gap_px = 30")
    app = create_app(StudyFolder(study.path))
    begin(app.test_client())
    app.extensions["study"].database.close()
    change(study.path / "study.toml", "port = 8000", "port = 8001")
    create_app(StudyFolder(study.path)).extensions["study"].database.close()


def test_a_server_that_runs_while_the_study_is_changed_takes_no_more_participants(study: StudyFolder) -> None:
    running = create_app(study)
    change(study.path / "study.toml", "gap_px = 20", "gap_px = 30")
    create_app(StudyFolder(study.path)).extensions["study"].database.close()
    client = running.test_client()
    sign_in(client)
    refused = client.post("/consent")
    assert refused.status_code == 409
    assert "restart the server" in refused.text
    running.extensions["study"].database.close()


def test_a_database_of_a_newer_version_is_refused(study: StudyFolder) -> None:
    app = create_app(study)
    with database(app).writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    app.extensions["study"].database.close()
    with pytest.raises(StudyError, match=r"version 9999.*upgrade shift-study"):
        create_app(StudyFolder(study.path))
