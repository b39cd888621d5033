"""The study of tests/data/schema-0003: a folder whose database has the last tables that know one task alone."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder

DATA = Path(__file__).parents[1] / "data" / "schema-0003"


def make_folder(path: Path) -> None:
    """The study folder without a database, and with the settings and the manifest that are made now."""
    make_study(path, source="demo", count=4, size=32, max_shift=3, seed=3, direction="mixed", name="before")


def add_database(path: Path) -> StudyFolder:
    """The folder with its settings, manifest and database of then."""
    for name in ("study.toml", "manifest.csv"):
        shutil.copy(DATA / name, path)
    with closing(sqlite3.connect(path / "study.db")) as database:
        database.executescript((DATA / "study.sql").read_text(encoding="utf-8"))
        database.execute("PRAGMA journal_mode = WAL")
    return StudyFolder(path)


def table_then(name: str) -> list[dict[str, str]]:
    """A table that the code of that time exported of this study, as text."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def waiting() -> list[dict[str, Any]]:
    """Trial and body of each answer that gina's browser had not sent yet."""
    answers: list[dict[str, Any]] = json.loads((DATA / "waiting.json").read_text(encoding="utf-8"))
    return answers
