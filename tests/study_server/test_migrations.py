"""Databases of earlier versions: brought to the present tables with everything in them, or left as they were."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner, Result
from sqlalchemy import Engine, create_engine, inspect, select, text, update
from sqlalchemy.pool import NullPool

import shift_study
from requests_of_a_participant import answer
from schema_0001 import add_database, as_text, exported_then, make_folder, token_of
from schema_comparison import constraints, differences, engine_of
from study_server.export.participants import IDENTITY_COLUMNS, participant_rows
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.storage import upgrade as upgrading
from study_server.storage.database import Database, with_driver
from study_server.storage.migrations import v0001_first_tables as v0001
from study_server.storage.models import FreeSlot, Participant, Study
from study_server.storage.schema import HEAD
from study_server.storage.upgrade import migrate, upgrade
from study_server.web.app import create_app
from study_server.web.background_server import running_server


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "before"
    make_folder(path)
    return path


@pytest.fixture
def folder(made_folder: Path, tmp_path: Path) -> Path:
    """A study folder of a test's own, without a database."""
    return Path(shutil.copytree(made_folder, tmp_path / "before"))


@pytest.fixture
def before(folder: Path) -> StudyFolder:
    """A study folder with a database of version 0001."""
    return add_database(folder)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(upgrading._MIGRATIONS, version_locations=[upgrading._MIGRATIONS])
    assert scripts.get_heads() == [HEAD]
    assert scripts.get_bases() == ["0001"]


# --- what is in a database survives ----------------------------------------------------------------------------------


def test_the_export_says_what_it_said_before(before: StudyFolder) -> None:
    upgrade(before.database_url)
    then = exported_then()
    now = response_rows(str(before.path))
    names = [name for name in then[0] if name != "schema"]
    assert as_text(now, names) == [{name: row[name] for name in names} for row in then]
    new = ("visit", "window_changes", "refresh_rate_hz", "sent_after_ms")
    assert all(row[name] is None for row in now for name in new)


def test_slots_and_states_follow_from_the_answers(before: StudyFolder) -> None:
    upgrade(before.database_url)
    database = Database(before.database_url)
    with database.reading() as session:
        study = session.scalars(select(Study)).one()
        people = {p.number: p for p in session.scalars(select(Participant))}
        free = session.scalars(select(FreeSlot.slot)).all()
    database.close()
    assert (study.state, study.next_slot, list(free)) == ("open", 6, [4])
    assert [people[n].slot for n in range(1, 8)] == [0, 1, 2, None, None, 5, 3]
    assert [people[n].answered for n in range(1, 8)] == [4, 4, 4, 2, 0, 0, 1]
    assert [people[n].passed for n in range(1, 8)] == [True, False, True, None, None, None, None]
    assert [people[n].released_reason for n in range(1, 8)] == [None] * 3 + ["timed_out"] * 2 + [None] * 2
    assert len({p.withdrawal_code for p in people.values()}) == 7
    assert all(re.fullmatch("[A-Z2-9]{10}", p.withdrawal_code) for p in people.values())
    assert len(study.secret_key) == 43


@pytest.mark.parametrize(("name", "answered"), [("gina", 1), ("dora", 2)])
def test_a_participant_goes_on_with_the_cookie_from_before(before: StudyFolder, name: str, answered: int) -> None:
    upgrade(before.database_url)
    app = create_app(before)
    database = app.extensions["study"].database
    with database.writing() as session:  # they came today
        session.execute(update(Participant).values(consented_at=datetime.now(UTC)))
    client = app.test_client()
    client.set_cookie("shift_study_before", token_of(name))
    assert client.get("/").headers["Location"] == "/trials"
    progress = client.get("/api/trials").json
    assert (progress["answered"], progress["total"]) == (answered, 4)
    for trial in progress["trials"]:
        assert answer(client, trial["id"]).status_code == 200
    assert client.get("/").headers["Location"] == "/questions"
    database.close()
    assert len(response_rows(str(before.path))) == len(exported_then()) + 4 - answered


def test_the_first_databases_had_no_simulation_key(folder: Path) -> None:
    before = add_database(folder, "ALTER TABLE study DROP COLUMN simulation_key")
    upgrade(before.database_url)
    with closing(sqlite3.connect(before.path / "study.db")) as database:
        assert len(database.execute("SELECT simulation_key FROM study").fetchone()[0]) == 22
    assert len(response_rows(str(before.path))) == len(exported_then())


def to_version_0002(before: StudyFolder) -> None:
    """The database of version 0001 as the program of that time upgraded it, with somebody who came from a platform."""
    engine = create_engine(before.database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        migrate(connection, "0001", "0002")
        connection.exec_driver_sql(
            "INSERT INTO identity VALUES (1, 1, 'mturk', 'A1', '3HIT', '3ASSIGN', 'www.mturk.com', 1)"
        )
        connection.exec_driver_sql(
            "INSERT INTO visit VALUES (1, 1, '2026-05-04 10:00:00', 60.0, 1920, 1080, 1.0, 24, 0, 'en')"
        )


def test_a_database_of_version_0002_keeps_everything_and_says_when_each_answered_last(before: StudyFolder) -> None:
    to_version_0002(before)
    done = upgrade(before.database_url)
    assert (done.before, done.after) == ("0002", HEAD)
    then, now = exported_then(), response_rows(str(before.path))
    names = [name for name in then[0] if name != "schema"]
    assert as_text(now, names) == [{name: row[name] for name in names} for row in then]
    assert all(row["images_sent_at"] is None for row in now)
    rows = {row["participant"]: row for row in participant_rows(str(before.path), identities=True)}
    assert [rows["p0001"][name] for name in IDENTITY_COLUMNS] == ["mturk", "A1", "3HIT", "3ASSIGN", None]
    last = {row["participant"]: max(r["answered_at"] for r in now if r["participant"] == row["participant"])
            for row in now}  # fmt: skip
    found = {label: row["last_answer_at"] for label, row in rows.items()}
    assert {label: moment[:19] if moment else None for label, moment in found.items()} == {
        label: last[label][:19] if label in last else None for label in rows
    }
    assert [row["use"] for row in rows.values()].count(True) == 2


def test_a_server_notes_the_photographs_of_a_study_that_was_made_before_they_were_noted(before: StudyFolder) -> None:
    upgrade(before.database_url)
    assert {row["photograph"] for row in response_rows(str(before.path))} == {None}
    create_app(before).extensions["study"].database.close()
    hashes = {row.image: row.source_sha256 for row in before.rows}
    rows = response_rows(str(before.path))
    assert rows and all(row["photograph"] == hashes[row["image"]] for row in rows)
    assert {row["selection"] for row in rows} == {None}


@pytest.mark.slow
def test_a_postgresql_database_of_version_0002_is_upgraded_alike(before: StudyFolder, postgres: str) -> None:
    with engine_of(postgres) as engine:
        fill_as_0001(engine, before)
        with engine.begin() as connection:
            migrate(connection, "0001", "0002")
        assert upgrade(postgres).before == "0002"
        to_version_0002(before)
        upgrade(before.database_url)
        assert response_rows(postgres) == response_rows(str(before.path))
        with engine.connect() as connection:
            assert differences(connection) == []


# --- the tables are those of the models ------------------------------------------------------------------------------


def test_upgraded_tables_are_those_of_a_new_database(before: StudyFolder, tmp_path: Path) -> None:
    upgrade(before.database_url)
    new = Database(f"sqlite:///{tmp_path / 'new.db'}")
    old = Database(before.database_url)
    with old.engine.connect() as migrated, new.engine.connect() as fresh:
        assert differences(migrated) == differences(fresh) == []
        assert constraints(migrated) == constraints(fresh)
    old.close()
    new.close()


def test_tables_made_by_all_migrations_are_those_of_the_models(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}", poolclass=NullPool)
    with engine.begin() as connection:
        migrate(connection, None, HEAD)
        assert differences(connection) == []


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def fill_as_0001(engine: Engine, before: StudyFolder) -> None:
    """Tables of version 0001 with the rows of the SQLite database."""
    source = create_engine(before.database_url, poolclass=NullPool)
    with source.connect() as old, engine.begin() as connection:
        v0001.metadata.create_all(connection)
        for table in v0001.metadata.sorted_tables:
            rows = [dict(row) for row in old.execute(select(table)).mappings()]
            for row in rows:
                row |= {k: v.replace(tzinfo=UTC) for k, v in row.items() if isinstance(v, datetime)}
            connection.execute(table.insert(), rows)


@pytest.mark.slow
def test_a_postgresql_database_is_upgraded_alike(before: StudyFolder, postgres: str) -> None:
    with engine_of(postgres) as engine:
        fill_as_0001(engine, before)
        done = upgrade(postgres)
        assert (done.before, done.after, done.backup) == ("0001", HEAD, None)
        assert upgrade(postgres).before == HEAD
        with engine.connect() as connection:
            assert differences(connection) == []
            migrated = constraints(connection)
        upgrade(before.database_url)
        assert response_rows(postgres) == response_rows(str(before.path))
        with engine.begin() as connection:
            for table in inspect(connection).get_table_names():
                connection.execute(text(f'DROP TABLE "{table}" CASCADE'))
        Database(postgres).close()
        with engine.connect() as connection:
            assert constraints(connection) == migrated


@pytest.mark.slow
def test_a_postgresql_database_is_left_as_it_was_by_a_failure_and_while_a_server_uses_it(
    before: StudyFolder, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine_of(postgres) as engine:
        fill_as_0001(engine, before)
        with engine.connect() as connection:
            as_it_was = constraints(connection)
        server = create_engine(with_driver(postgres), poolclass=NullPool)
        with server.connect(), pytest.raises(upgrading.StudyError, match="in use by 1 connections of servers"):
            upgrade(postgres)
        with monkeypatch.context() as patch:
            patch.setattr(upgrading.MigrationContext, "stamp", fail)
            with pytest.raises(ZeroDivisionError):
                upgrade(postgres)
        with engine.connect() as connection:
            assert constraints(connection) == as_it_was
        assert upgrade(postgres).before == "0001"


# --- the verb --------------------------------------------------------------------------------------------------------


def fail(*_: object) -> None:
    raise ZeroDivisionError


def test_upgrade_says_what_it_did_keeps_a_copy_and_does_nothing_the_second_time(before: StudyFolder) -> None:
    as_it_was = dump(before.path / "study.db")
    refused = run("export", before.path, "-o", before.path / "responses.csv")
    assert refused.exit_code == 1
    assert "shift-study upgrade" in refused.output
    done = run("upgrade", before.path)
    assert done.exit_code == 0, done.output
    assert f"upgraded from version 0001 to {HEAD}" in done.output
    (copy,) = before.path.glob("study.db.0001-*")
    assert str(copy) in done.output
    assert copy.stat().st_mode & 0o077 == 0
    assert dump(copy) == as_it_was
    upgraded = dump(before.path / "study.db")
    again = run("upgrade", before.path)
    assert (again.exit_code, "nothing to do" in again.output) == (0, True)
    assert dump(before.path / "study.db") == upgraded
    assert len(list(before.path.glob("study.db.*-*"))) == 1


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    before: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_was = dump(before.path / "study.db")
    with monkeypatch.context() as patch:
        patch.setattr(upgrading.MigrationContext, "stamp", fail)  # after all the work
        with pytest.raises(ZeroDivisionError):
            upgrade(before.database_url)
    assert dump(before.path / "study.db") == as_it_was
    assert upgrade(before.database_url).before == "0001"


def test_rows_that_belong_to_nothing_are_refused(folder: Path) -> None:
    before = add_database(folder, "DELETE FROM trial WHERE id = 1")
    as_it_was = dump(before.path / "study.db")
    done = run("upgrade", before.path)
    assert done.exit_code == 1
    assert "the database is damaged" in done.output
    assert dump(before.path / "study.db") == as_it_was
    assert [path.name for path in before.path.glob("study.db*")] == ["study.db"]


def test_a_database_that_somebody_has_open_is_not_upgraded(
    before: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "_LOCK_WAIT_S", 0)
    with closing(sqlite3.connect(before.path / "study.db")) as other:
        other.execute("SELECT count(*) FROM study").fetchone()
        done = run("upgrade", before.path)
    assert done.exit_code == 1
    assert "is in use (database is locked): stop its server" in done.output
    assert upgrade(before.database_url).before == "0001"


@pytest.mark.slow
def test_a_database_with_a_running_server_is_not_upgraded(before: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(before.database_url)
    with running_server(before):
        # As if a later version of the program were started beside it.
        monkeypatch.setattr(upgrading, "_LOCK_WAIT_S", 0)
        monkeypatch.setattr(upgrading, "HEAD", "9999")
        with pytest.raises(upgrading.StudyError, match="is in use"):
            upgrade(before.database_url)


def test_other_databases_are_refused_in_a_sentence(before: StudyFolder, tmp_path: Path) -> None:
    with closing(sqlite3.connect(before.path / "study.db")) as database:
        database.execute("UPDATE schema_version SET version = 12")
        database.commit()
    assert "made by a newer Shift Study" in run("upgrade", before.path).output
    (before.path / "study.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    assert "file is not a database" in run("upgrade", before.path).output
    (before.path / "study.db").unlink()
    assert "no database yet" in run("upgrade", before.path).output
    for url, reason in [
        (f"sqlite:///{tmp_path}/nothing.db", "does not exist"),
        ("nonsense://x", "no database URL"),
    ]:
        done = run("upgrade", before.path, "--database-url", url)
        assert (done.exit_code, reason in done.output) == (1, True), done.output
