"""The study of tests/data/schema-0001: a folder whose database has the first tables."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder

_DATA = Path(__file__).parents[1] / "data" / "schema-0001"


def make_folder(path: Path) -> None:
    """The study folder without a database."""
    make_study(path, source="demo", count=4, size=32, max_shift=3, seed=3, name="before")
    for name in ("study.toml", "manifest.csv"):
        shutil.copy(_DATA / name, path)


def add_database(path: Path, *changes: str) -> StudyFolder:
    """The folder with its database, changed by some SQL."""
    with closing(sqlite3.connect(path / "study.db")) as database:
        database.executescript((_DATA / "study.sql").read_text(encoding="utf-8"))
        for change in changes:
            database.execute(change)
        database.commit()
        database.execute("PRAGMA journal_mode = WAL")
    return StudyFolder(path)


def token_of(name: str) -> str:
    """The secret in the cookie of a participant."""
    return f"token-of-{name}-".ljust(43, "x")


def exported_then() -> list[dict[str, str]]:
    """The response table that the code of that time made of this study, as text."""
    with (_DATA / "responses.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_text(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, str]]:
    """Some columns of rows as a CSV file would have them."""
    return [{name: "" if row.get(name) is None else str(row[name]) for name in names} for row in rows]
