"""Databases from before a study named its task: the same answers, the same trials, and who was under way goes on."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, MetaData, NullPool, create_engine, insert, inspect, select, text, update

from requests_of_a_participant import ANSWER, pixels, sign_in
from schema_0001 import token_of
from schema_0003 import DATA, add_database, make_folder, table_then, waiting
from schema_comparison import constraints, differences, engine_of
from study_server.export.participants import COLUMNS, IDENTITY_COLUMNS, participant_rows
from study_server.export.responses import columns_of, response_rows
from study_server.export.table_files import to_csv
from study_server.folder.study_folder import StudyFolder
from study_server.participants.progress import image_names
from study_server.stimuli.photographs import pixels_sha256
from study_server.storage.database import Database
from study_server.storage.models import FreeSlot, Participant, Stimulus, StimulusGroup, StimulusValue, Study, Trial
from study_server.storage.schema import HEAD
from study_server.storage.upgrade import migrate, upgrade
from study_server.web.app import create_app

UNTOUCHED = (
    "free_slot", "participant", "identity", "later_ids", "id_use", "login", "invitation", "calibration", "event",
    "question_answer",
)  # fmt: skip


@pytest.fixture(scope="module")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "before"
    make_folder(path)
    return path


@pytest.fixture
def before(made_folder: Path, tmp_path: Path) -> StudyFolder:
    """A study folder with a database of version 0003."""
    return add_database(Path(shutil.copytree(made_folder, tmp_path / "before")))


def sqlite_engine(folder: StudyFolder) -> Engine:
    return create_engine(f"sqlite:///{folder.path / 'study.db'}", poolclass=NullPool)


def copy_to_postgresql(folder: StudyFolder, engine: Engine) -> None:
    """Tables of version 0003 with the rows of the SQLite database, and counters of ids that go on behind them."""
    with sqlite_engine(folder).connect() as old, engine.begin() as new:
        migrate(new, None, "0003")
        tables = MetaData()
        tables.reflect(new)
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = [dict(row) for row in old.execute(select(table)).mappings()]
            for row in rows:
                row |= {k: v.replace(tzinfo=UTC) for k, v in row.items() if isinstance(v, datetime)}
            if rows:
                new.execute(insert(table), rows)
            if "id" in table.c:
                new.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), coalesce(max(id), 0) + 1, false) "
                        f"FROM {table.name}"
                    )
                )


@pytest.fixture
def upgraded(before: StudyFolder, request: pytest.FixtureRequest) -> Iterator[StudyFolder]:
    """The study with its database brought to the present tables: its own SQLite, or the same in PostgreSQL."""
    if request.param == "sqlite":
        done = upgrade(before.database_url)
        assert (done.before, done.after) == ("0003", HEAD)
        yield before
        return
    url: str = request.getfixturevalue("postgres")
    with engine_of(url) as engine:
        copy_to_postgresql(before, engine)
    done = upgrade(url)
    assert (done.before, done.after, done.backup) == ("0003", HEAD, None)
    yield StudyFolder(before.path, url)


on_both = pytest.mark.parametrize(
    "upgraded", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


def source(folder: StudyFolder) -> str:
    return folder.other_database or str(folder.path)


def as_csv(rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, str]]:
    lines = to_csv([{name: row.get(name) for name in names} for row in rows], names)
    return list(csv.DictReader(io.StringIO(lines, newline="")))


# --- what is in a database survives -----------------------------------------------------------------------------------


def test_the_stimuli_of_then_are_those_that_are_made_now(made_folder: Path) -> None:
    assert (made_folder / "manifest.csv").read_bytes() == (DATA / "manifest.csv").read_bytes()


@on_both
def test_the_exports_are_those_of_then_and_name_the_task(upgraded: StudyFolder) -> None:
    then, now = table_then("responses.csv"), response_rows(source(upgraded))
    assert as_csv(now, [*then[0]]) == then
    added = {"task": "same-different", "simulated": False, "exactness": None, "page_altered": None}
    assert [*now[0]] == [name for name in now[0] if name in then[0] or name in added]
    assert all(row[name] == value for row in now for name, value in added.items())
    assert [*columns_of(upgraded.task)] == [name for name in now[0] if not name.startswith("question_")]
    people = participant_rows(source(upgraded), identities=True)
    then = [row | {"schema": "shift-study/participants/3"} for row in table_then("participants.csv")]
    assert as_csv(people, [*then[0]]) == then
    assert [*people[0]] == [*COLUMNS, *IDENTITY_COLUMNS]
    assert set(people[0]) - set(then[0]) == {"simulated"}
    assert {row["simulated"] for row in people} == {False}


def test_all_that_no_task_has_to_do_with_stays_as_it_was(before: StudyFolder) -> None:
    def rows(name: str) -> list[tuple[Any, ...]]:
        with sqlite_engine(before).connect() as connection:
            assert name in inspect(connection).get_table_names()
            return [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))]

    as_it_was = {name: rows(name) for name in UNTOUCHED}
    visits, trials = rows("visit"), rows("trial")
    assert {name for name, found in as_it_was.items() if not found} == {"login"}
    upgrade(before.database_url)
    # Nobody had given back a slot whose trials they had not been given.
    as_it_was["participant"] = [(*participant, None) for participant in as_it_was["participant"]]
    assert {name: rows(name) for name in UNTOUCHED} == as_it_was
    # Each visit but for whether its page brings receipts that are still known.
    assert [(*visit[:-1], None) for visit in visits] == rows("visit")
    assert {visit[-1] for visit in visits} == {1}
    assert len(rows("trial")) == len(trials) == 7 * 4


@on_both
def test_pairs_are_stimuli_in_groups_and_everybody_has_the_trials_of_their_slot(upgraded: StudyFolder) -> None:
    app = create_app(upgraded)  # the study is not another one than that with which they have begun
    study = app.extensions["study"]
    with study.database.reading() as session:
        stored = session.scalars(select(Study)).one()
        assert (stored.task, stored.next_slot, stored.frozen_at is not None) == ("same-different", 6, True)
        assert session.scalars(select(FreeSlot.slot)).all() == [4]
        found = {
            stimulus.name: (stimulus.group.name, stimulus.stratum, {v.column: v.value for v in stimulus.values})
            for stimulus in session.scalars(select(Stimulus))
        }
        assert len(session.scalars(select(StimulusValue)).all()) == 2 * len(found) == 32
        assert {trial.repetition for trial in session.scalars(select(Trial))} == {1}
    assert found == {
        row.name: (row.group, row.stratum, {"shift_px": str(row.shift_px), "direction": row.direction})  # type: ignore[attr-defined]
        for row in upgraded.rows
    }
    assert len({values["direction"] for _, _, values in found.values()}) == 4
    with study.database.reading() as session:
        holding = session.scalars(select(Participant).where(Participant.slot.is_not(None))).all()
        assert {person.number: person.slot for person in holding} == {1: 0, 2: 1, 3: 2, 6: 5, 7: 3}
        for person in holding:
            shown = select(StimulusGroup.name, Stimulus.stratum, Trial.arrangement).select_from(Trial)
            shown = shown.join(Stimulus, Stimulus.id == Trial.stimulus_id).join(StimulusGroup)
            of_person = shown.where(Trial.participant_id == person.id).order_by(Trial.position)
            assert [tuple(row) for row in session.execute(of_person)] == [
                (study.groups[trial.group], trial.stratum, " ".join(trial.arrangement))
                for trial in study.task.plan_trials(study.settings, person.slot, person.number)
            ]
    study.database.close()


# --- who was under way goes on ----------------------------------------------------------------------------------------


def served(folder: StudyFolder) -> tuple[Flask, Any]:
    """The application, and the browser of gina, who consented and answered just now: nobody's time is over."""
    app, now = create_app(folder), datetime.now(UTC)
    with app.extensions["study"].database.writing() as session:
        session.execute(update(Participant).values(consented_at=now, last_answer_at=now))
    client = app.test_client()
    client.set_cookie("shift_study_before", token_of("gina"))
    return app, client


@on_both
def test_who_was_under_way_goes_on_with_what_waited_in_the_browser(upgraded: StudyFolder) -> None:
    app, client = served(upgraded)
    assert client.get("/").headers["Location"] == "/trials"
    (given,) = waiting()
    assert {"left_sent", "right_sent"} < given["body"].keys()
    for _ in range(2):  # an outbox may send it twice
        stored = client.put(f"/api/trials/{given['trial']}/response", json=given["body"])
        assert (stored.status_code, stored.json["answered"]) == (200, 2)
    another = given["body"] | {"response": "same" if given["body"]["response"] == "different" else "different"}
    assert client.put(f"/api/trials/{given['trial']}/response", json=another).status_code == 409
    screen = {"screen_width": 1, "screen_height": 1, "device_pixel_ratio": 1.0, "color_depth": 24, "touch_points": 0}
    sign_in(client)
    assert client.post("/api/visits", json=screen | {"language": "en"}).json["visit"] == 2
    left = client.get("/api/trials").json["trials"]
    assert len(left) == 2 and given["trial"] not in {trial["id"] for trial in left}
    for trial in left:
        body = ANSWER | {"visit": 2, "idempotency_key": f"key-of-{trial['id']}".replace("_", "x")}
        address = f"/api/trials/{trial['id']}/response"
        assert client.put(address, json=body).status_code == 409  # now images bring receipts again
        sent = {place: client.get(url).headers["X-Shift-Study-Sent"] for place, url in trial["images"].items()}
        assert client.put(address, json=body | {"sent": sent}).status_code == 200
    assert client.get("/").headers["Location"] == "/questions"
    rows = [row for row in response_rows(source(upgraded)) if row["participant"] == "p0007"]
    assert len(rows) == len({row["pair"] for row in rows}) == 4
    assert [row["images_sent_at"] is None for row in rows] == [False, True, False, False]
    assert (rows[1]["response"], rows[1]["reaction_time_ms"], rows[1]["visit"]) == ("different", 2000.0, 1)
    app.extensions["study"].database.close()


def test_what_was_on_the_left_still_is(before: StudyFolder) -> None:
    with sqlite_engine(before).connect() as connection:
        then = connection.execute(
            text(
                "SELECT trial.token, reference_file, stimulus_file, reference_side FROM trial "
                "JOIN pair ON pair.id = trial.pair_id WHERE participant_id = 7 ORDER BY position"
            )
        ).all()
    upgrade(before.database_url)
    app, client = served(before)
    digests = {row.files[role]: row.digests[role] for row in before.rows for role in row.files}
    trials = {trial["id"]: trial["images"] for trial in client.get("/api/trials").json["trials"]}
    assert [*trials] == [row.token for row in then][1:]
    assert {row.reference_side for row in then} == {"left", "right"}
    for token, reference, shifted, side in then[1:]:
        files = (reference, shifted) if side == "left" else (shifted, reference)
        shown = [pixels_sha256(pixels(client.get(trials[token][place]).data)) for place in ("left", "right")]
        assert shown == [digests[file] for file in files]
    app.extensions["study"].database.close()


@on_both
def test_newcomers_get_the_slot_that_was_given_back_and_then_new_ones(upgraded: StudyFolder) -> None:
    app, _ = served(upgraded)
    for _ in range(2):
        client = app.test_client()
        sign_in(client)
        assert client.post("/consent").status_code == 303
    with app.extensions["study"].database.reading() as session:
        newest = select(Participant.number, Participant.slot).order_by(Participant.number.desc()).limit(2)
        assert [tuple(row) for row in session.execute(newest)] == [(9, 6), (8, 4)]
        trials = session.scalars(select(Trial).order_by(Trial.id.desc()).limit(8)).all()
        names = {name for trial in trials for name in image_names(("left", "right"), trial.images_token).values()}
    assert len(names) == 16
    app.extensions["study"].database.close()


# --- the tables are those of a new database ---------------------------------------------------------------------------


def from_0003(folder: StudyFolder) -> None:
    """The database as it is."""


def from_an_empty_one(version: str | None) -> Callable[[StudyFolder], None]:
    def make(folder: StudyFolder) -> None:
        (folder.path / "study.db").unlink()
        with sqlite_engine(folder).begin() as connection:
            migrate(connection, None, version or "0001")

    return make


@pytest.mark.parametrize("fill", [from_0003, *map(from_an_empty_one, ("0001", "0002", "0003"))])
def test_upgraded_tables_are_those_of_a_new_database(
    before: StudyFolder, tmp_path: Path, fill: Callable[[StudyFolder], None]
) -> None:
    fill(before)
    upgrade(before.database_url)
    new = Database(f"sqlite:///{tmp_path / 'new.db'}")
    with sqlite_engine(before).connect() as migrated, new.engine.connect() as fresh:
        assert differences(migrated) == differences(fresh) == []
        assert constraints(migrated) == constraints(fresh)
    new.close()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
def test_upgraded_tables_of_postgresql_are_those_of_a_new_database(
    before: StudyFolder, postgres: str, version: str
) -> None:
    with engine_of(postgres) as engine:
        if version == "0003":
            copy_to_postgresql(before, engine)
        else:
            with engine.begin() as connection:
                migrate(connection, None, version)
        assert upgrade(postgres).before == version
        with engine.connect() as connection:
            assert differences(connection) == []
            migrated = constraints(connection)
        with engine.begin() as connection:
            for table in inspect(connection).get_table_names():
                connection.execute(text(f'DROP TABLE "{table}" CASCADE'))
        Database(postgres).close()
        with engine.connect() as connection:
            assert constraints(connection) == migrated
