"""A database file that is moved, deleted or replaced under a running server: nothing is acknowledged into nowhere."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from kill_runs import processes_of, stored_keys
from made_studies import linked, register
from persistent_participant import PersistentParticipant
from requests_of_a_participant import ANSWER, answer, begin, receipts_of
from study_server.dashboard.passwords import set_password
from study_server.errors import FileMoved
from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import Study
from study_server.web.background_server import free_port, running_server

NAMES = ("study.db", "study.db-wal")


def away(file: Path) -> Path:
    return file.with_name(f"elsewhere-{file.name}")


def move(file: Path) -> None:
    file.rename(away(file))


def delete(file: Path) -> None:
    os.link(file, away(file))  # so that the test can bring it back
    file.unlink()


def replace_by_a_copy(file: Path) -> None:
    move(file)
    shutil.copyfile(away(file), file)


def bring_back(file: Path) -> None:
    away(file).replace(file)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{path}")) as database:
        write(database, "before")
        yield database


def write(database: Database, name: str) -> None:
    with database.writing() as session:
        session.add(Study(name=name, task="same-different", settings="", manifest_sha256=""))


def names(database: Database) -> set[str]:
    with database.reading() as session:
        return {study.name for study in session.query(Study)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trouble", [move, delete, replace_by_a_copy])
def test_what_is_not_in_its_place_is_neither_read_nor_written_until_it_is_back(
    opened: Database, path: Path, trouble: Callable[[Path], None], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = path.with_name(name)
    trouble(file)
    for _ in range(2):
        with pytest.raises(FileMoved, match=name):
            write(opened, "meanwhile")
        with pytest.raises(FileMoved, match=name):
            names(opened)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert str(path) in caplog.text
    bring_back(file)
    write(opened, "after")
    assert names(opened) == {"before", "after"}
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


def test_no_new_connection_makes_an_empty_database_or_opens_another_one(opened: Database, path: Path) -> None:
    opened.engine.dispose()
    move(path)
    with pytest.raises(FileMoved, match="moved or deleted"):
        names(opened)
    assert not path.exists()
    shutil.copyfile(away(path), path)
    with pytest.raises(FileMoved, match="restart the server to go on with this one"):
        names(opened)
    bring_back(path)
    assert names(opened) == {"before"}


def test_what_is_moved_during_a_transaction_is_not_acknowledged(opened: Database, path: Path) -> None:
    with pytest.raises(FileMoved), opened.writing_rows() as connection:
        connection.exec_driver_sql("UPDATE study SET settings = 'meanwhile'")
        move(path)
    bring_back(path)
    with pytest.raises(FileMoved), opened.writing() as session:
        session.add(Study(name="meanwhile", task="same-different", settings="", manifest_sha256=""))
        session.flush()
        move(path)
    bring_back(path)
    assert names(opened) == {"before", "meanwhile"}  # where it can be found again


def test_a_log_that_went_with_its_last_connection_is_not_missed(opened: Database, path: Path) -> None:
    opened.engine.dispose()
    assert not path.with_name("study.db-wal").exists()
    write(opened, "after")
    assert names(opened) == {"before", "after"}


def test_a_database_behind_a_link_is_watched_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "study.db").symlink_to(tmp_path / "disk" / "kept.db")
    with closing(Database(f"sqlite:///{tmp_path / 'study.db'}")) as database:
        write(database, "before")
        log = tmp_path / "disk" / "kept.db-wal"
        move(log)
        with pytest.raises(FileMoved, match=r"kept\.db-wal"):
            names(database)
        bring_back(log)
        assert names(database) == {"before"}
        (tmp_path / "study.db").unlink()
        (tmp_path / "study.db").symlink_to(shutil.copy(tmp_path / "disk" / "kept.db", tmp_path / "other.db"))
        with pytest.raises(FileMoved, match="replaced"):
            names(database)


def test_participants_are_asked_to_come_again_and_the_dashboard_says_why(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    folder: StudyFolder = app.extensions["study"].folder
    set_password(folder, "long enough for us")
    researcher = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', researcher.get("/dashboard/login").text)
    assert token is not None
    form = {"password": "long enough for us", "csrf_token": token.group(1)}
    assert researcher.post("/dashboard/login", data=form).status_code == 303
    trials = begin(client)
    sent = receipts_of(app, trials[0]["id"])
    move(folder.path / "study.db")
    refused = client.put(f"/api/trials/{trials[0]['id']}/response", json=ANSWER | sent)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "study.db" not in refused.text  # participants cannot mend it
    for page in ("/dashboard/", "/dashboard/participants"):
        shown = researcher.get(page)
        assert (shown.status_code, "study.db was moved or deleted" in shown.text) == (503, True), shown.text
        assert str(folder.path) not in shown.text
    assert app.test_client().get("/dashboard/").status_code == 302
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
    with client.get("/static/icon.svg") as page:
        assert page.status_code == 200
    bring_back(folder.path / "study.db")
    assert answer(client, trials[0]["id"]).status_code == 200
    assert researcher.get("/dashboard/").status_code == 200


@pytest.mark.slow
def test_a_real_server_acknowledges_nothing_into_a_file_that_is_not_there(
    made_small_study: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = StudyFolder(linked(made_small_study, tmp_path / "small"))
    register(study, made_small_study)
    file = study.path / "study.db"
    port = free_port()
    acknowledged: set[str] = set()
    with running_server(study, port=port) as url, PersistentParticipant(url) as participant:
        trials = iter(participant.begin())
        for trouble in (move, delete, replace_by_a_copy):
            acknowledged.add(participant.answer(next(trials)))
            participant.look_at(trial := next(trials))
            trouble(file)
            refused = [participant.try_to_answer(trial) for _ in range(40)]  # by either process
            assert {response.status_code for response in refused} == {503}
            if trouble is replace_by_a_copy:
                # A process that takes the place of a dead one is of the same server: it does not take the copy either.
                _, workers = processes_of(port)
                for pid in workers:
                    os.kill(pid, signal.SIGKILL)
                assert _status(url, participant, trial) in (None, 503)
            bring_back(file)
            acknowledged.add(participant.answer(trial))
    with closing(Database(study.database_url)) as database:
        assert stored_keys(database) == acknowledged
    assert len(acknowledged) == 6


def _status(url: str, participant: PersistentParticipant, trial: str) -> int | None:
    """What a server whose processes wait for the database says; None where nobody takes the connection."""
    with suppress(requests.RequestException):
        return requests.get(f"{url}/api/trials", timeout=3).status_code
    return None
