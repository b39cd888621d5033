"""The responses column by column are those that the objects of the database tell one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.responses.tidy_table import from_rows
from benchmarks.half_a_million import copy_participants
from study_server.demonstration import fill
from study_server.export import responses
from study_server.export.column_texts import csv_rows, json_lines
from study_server.export.responses import StudyResponses, columns_of, response_rows
from study_server.export.table_files import to_csv
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.directions import distance_px
from study_server.storage.database import Database
from study_server.storage.models import (
    Calibration,
    Participant,
    Response,
    Stimulus,
    StimulusGroup,
    StimulusValue,
    Study,
    Trial,
)  # fmt: skip
from study_server.tasks import task


@pytest.fixture
def filled(small_study: StudyFolder) -> Iterator[tuple[Database, StudyFolder]]:
    """A study with twelve observers, some of whom have measured their screens, one excluded and one not used."""
    fill(small_study, 12)
    database = Database(small_study.database_url)
    with database.writing() as session:
        people = session.scalars(select(Participant).order_by(Participant.number)).all()
        directions = select(StimulusValue).where(
            StimulusValue.column == "direction", StimulusValue.stimulus_id % 2 == 0
        )
        for value in session.scalars(directions):
            value.value = "up-left"
        people[2].excluded_reason = "fell asleep"
        people[3].failed_rules = "hurried;catch_errors"
        for person, per_cm in ((people[0], 40.0), (people[1], 37.8), (people[1], 50.0)):
            session.add(
                Calibration(
                    participant_id=person.id, measured_at=person.consented_at, device_pixels_per_cm=per_cm,
                    viewing_distance_cm=57.3,
                )
            )  # fmt: skip
            session.flush()
    yield database, small_study
    database.close()


def source(study: StudyFolder) -> str:
    """What names the study's data on the command line."""
    return study.other_database or str(study.path)


def one_by_one(session: Session) -> list[dict[str, Any]]:
    """The rows, each of its objects."""
    rows = []
    query = (
        select(Study, Participant, Trial, Response, Stimulus, StimulusGroup)
        .join_from(Response, Trial, Trial.id == Response.trial_id)
        .join(Participant, Participant.id == Trial.participant_id)
        .join(Stimulus, Stimulus.id == Trial.stimulus_id)
        .join(StimulusGroup, StimulusGroup.id == Stimulus.group_id)
        .join(Study, Study.id == Trial.study_id)
    )
    found = sorted(session.execute(query), key=lambda row: (row.Participant.number, row.Trial.position))
    for study, person, trial, response, pair, image in found:
        values = {each.column: each.value for each in pair.values}
        shift_px, direction = int(values["shift_px"]), values["direction"]
        measured = session.scalars(
            select(Calibration).where(Calibration.participant_id == person.id).order_by(Calibration.id.desc())
        ).first()
        per_degree = responses.pixels_per_degree(measured, response.pixel_scale) if measured else None  # type: ignore[arg-type]
        reasons = [name for name in (person.failed_rules or "").split(";") if name]
        reasons += ["excluded_by_researcher"] if person.excluded_reason is not None else []
        of_objects: dict[str, Any] = {
            "schema": "shift-study/responses/3", "study": study.name, "task": "same-different",
            "participant": person.label, "simulated": person.simulated,
            "participant_state": "finished" if person.finished_at else "unfinished", "trial": trial.position,
            "pair": pair.name, "image": image.name, "photograph": image.source_sha256, "selection": image.selection,
            "shift_px": shift_px, "direction": direction,
            "reference_side": {"reference shifted": "left", "shifted reference": "right"}[trial.arrangement],
            "answered_at": response.answered_at.isoformat(timespec="milliseconds"),
            "images_sent_at": response.images_sent_at and response.images_sent_at.isoformat(timespec="milliseconds"),
            "pixels_per_degree": per_degree,
            "shift_arcmin": 60 * distance_px(shift_px, direction) / per_degree if per_degree else None,
            "excluded": bool(reasons), "exclusion_reason": ";".join(reasons),
        }  # fmt: skip
        row = {
            name: of_objects[name] if name in of_objects else getattr(response, name)
            for name in columns_of(task(study.task))
        }
        rows.append(row | {f"question_{answer.question}": answer.answer for answer in person.answers})
    return rows


def test_rows_are_those_of_the_objects(filled: tuple[Database, StudyFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    database, folder = filled
    monkeypatch.setattr(responses, "ROWS_AT_ONCE", 7)
    with database.reading() as session:
        expected = one_by_one(session)
    assert len({row["exclusion_reason"] for row in expected}) == 3
    assert {row["pixels_per_degree"] is None for row in expected} == {True, False}
    assert any(row["direction"] == "up-left" and row["shift_arcmin"] is not None for row in expected)
    assert response_rows(source(folder)) == expected


@pytest.mark.parametrize("names", [("shift_arcmin",), ("schema", "answered_at", "participant"), ("pair", "hidden")])
def test_some_columns_are_as_in_the_whole(filled: tuple[Database, StudyFolder], names: tuple[str, ...]) -> None:
    database, folder = filled
    with database.reading_one_state() as session:
        batches = list(StudyResponses(session, None).batches(names))
    rows = response_rows(source(folder))
    assert {*batches[0]} == {*names}
    for name in names:
        assert [value for batch in batches for value in batch[name]] == [row[name] for row in rows]


def test_a_question_that_nobody_has_answered_has_a_column_if_it_is_asked(filled: tuple[Database, StudyFolder]) -> None:
    database, _ = filled
    with database.reading_one_state() as session:
        found = StudyResponses(session, None, ["never"])
        assert "question_never" in found.columns
        assert {value for batch in found.batches(["question_never"]) for value in batch["question_never"]} == {None}


def test_columns_become_the_lines_that_rows_become() -> None:
    columns = {
        "a": ["=1", 'x"y', None, "é"],
        "b%s": [1.5, 1e-9, 3.0, 0.1],
        "c": [True, False, None, True],
        "d": [1, 2, 3, 4],
        "e": [True, False, False, True],
    }
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    assert csv_rows(columns) == to_csv(rows, list(columns)).partition("\n")[2]
    assert json_lines(columns) == "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_a_study_is_copied_within_its_database(filled: tuple[Database, StudyFolder], tmp_path: Path) -> None:
    database, folder = filled
    before = response_rows(source(folder))
    with database.writing() as session:
        copy_participants(session, 2)
    rows = response_rows(source(folder))
    assert [row["response"] for row in rows] == 3 * [row["response"] for row in before]
    assert len(from_rows(rows)["participant"].unique()) == 3 * len({row["participant"] for row in before})
