"""Files with people's data or keys belong to their owner, or to the group as far as the study says."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import shift_study
from made_studies import linked
from recruiting import changed
from requests_of_a_participant import sign_in
from schema_0001 import add_database, make_folder
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app
from study_server.web.serve import serve

DATABASE_FILES = ["study.db", "study.db-shm", "study.db-wal", "study.db.next", "study.db.turn"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(params=[0o022, 0o000, 0o077], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    with umask(request.param):
        yield


@pytest.fixture
def shared(made_tiny_study: Path) -> Iterator[Path]:
    """A study folder that others can enter, as the folders above it."""
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        folder = linked(made_tiny_study, Path(root) / "my study")
        folder.chmod(0o755)
        (folder / "study.toml").chmod(0o600)
        yield folder


def modes_while_it_is_served(study: StudyFolder) -> dict[str, int]:
    """Of the database and its companions, while a participant is under way."""
    app = create_app(study)
    client = app.test_client()
    sign_in(client)
    assert client.post("/consent").status_code == 303
    found = {path.name: mode(path) for path in study.path.glob("study.db*")}
    app.extensions["study"].database.close()
    return found


def test_a_new_study_is_its_owners_alone(tmp_path: Path, any_umask: None) -> None:
    made = run("new", tmp_path / "study", "--images", "demo", "--count", "4", "--size", "32", "--max-shift", "4")
    assert made.exit_code == 0, made.output
    assert mode(tmp_path / "study") == 0o700
    assert mode(tmp_path / "study" / "study.toml") == 0o600


@pytest.mark.parametrize(("group", "wanted"), [("", 0o600), ("read", 0o640), ("write", 0o660)])
def test_the_database_and_what_belongs_to_it_are_made_as_the_study_says(
    study: StudyFolder, any_umask: None, group: str, wanted: int
) -> None:
    assert modes_while_it_is_served(changed(study, server={"group": group})) == dict.fromkeys(DATABASE_FILES, wanted)


@pytest.mark.parametrize("named", [False, True])
def test_a_database_behind_a_link_is_made_private_too(study: StudyFolder, tmp_path: Path, named: bool) -> None:
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    link = study.path / "study.db"
    link.symlink_to(elsewhere / "data.db")
    with umask(0o000):
        app = create_app(StudyFolder(study.path, f"sqlite:///{link}" if named else ""))
    app.extensions["study"].database.close()
    assert mode(elsewhere / "data.db") == 0o600


def test_a_database_that_is_there_keeps_its_mode_and_its_companions_have_it(study: StudyFolder) -> None:
    create_app(study).extensions["study"].database.close()
    for path in study.path.glob("study.db?*"):
        path.unlink()
    (study.path / "study.db").chmod(0o640)
    with umask(0o000):
        assert modes_while_it_is_served(study) == dict.fromkeys(DATABASE_FILES, 0o640)


def test_settings_that_are_written_anew_keep_their_mode(study: StudyFolder) -> None:
    (study.path / "study.toml").chmod(0o640)
    changed(study, server={"port": 8001})
    assert mode(study.path / "study.toml") == 0o640


def test_what_names_people_is_exported_to_its_owner_alone(study: StudyFolder, tmp_path: Path, any_umask: None) -> None:
    study = changed(study, recruitment={"platforms": ["open", "link"]})
    modes_while_it_is_served(study)
    out = tmp_path / "out"
    out.mkdir()
    for verb, file, *more in (
        ("participants", "people.csv", "--identities"), ("participants", "people.jsonl", "--identities"),
        ("links", "links.csv", "--count", "2"), ("backup", "study.db"), ("backup", "study.zip"),
    ):  # fmt: skip
        done = run(verb, study.path, "-o", out / file, *more)
        assert done.exit_code == 0, done.output
        assert mode(out / file) == 0o600, file
    with zipfile.ZipFile(out / "study.zip") as archive:
        inside = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert inside["study/study.db"] == 0o600
    for path in out.iterdir():
        path.chmod(0o644)  # as an earlier version made them
    assert run("participants", study.path, "-o", out / "people.csv", "--identities", "--force").exit_code == 0
    assert mode(out / "people.csv") == 0o600


def test_the_copy_that_upgrade_makes_is_its_owners_alone(tmp_path: Path) -> None:
    with umask(0o000):
        make_folder(tmp_path / "before")
        study = add_database(tmp_path / "before")
        assert mode(study.path / "study.db") == 0o644  # as SQLite makes it
        done = run("upgrade", study.path, "--json")
    assert done.exit_code == 0, done.output
    assert mode(Path(json.loads(done.stdout)["backup"])) == 0o600


def test_others_who_can_read_are_told_of_by_check_and_serve_with_the_command_that_mends_it(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = StudyFolder(shared)
    create_app(study).extensions["study"].database.close()
    assert json.loads(run("check", shared, "--json").stdout)["warnings"] == []
    for name in ("study.toml", "study.db", "study.db.turn"):
        (shared / name).chmod(0o644)
    said = run("check", shared)
    assert said.exit_code == 0
    (line,) = [line for line in said.output.splitlines() if line.startswith("Warning: Others on this machine can read")]
    assert "study.toml, study.db and study.db.turn" in line
    monkeypatch.setattr("study_server.web.serve._Server.run", lambda server: server.on_ready())
    told: list[str] = []
    serve([study], study.settings.server, told.extend)
    line = line.removeprefix("Warning: ")
    assert line in told[0]
    command = line.partition(": ")[2]
    assert command.startswith("chmod 600 '")
    assert os.system(command) == 0
    assert json.loads(run("check", shared, "--json").stdout)["warnings"] == []


@pytest.mark.parametrize(
    ("group", "file", "folder", "warned"),
    [
        ("", 0o640, 0o750, True),
        ("", 0o640, 0o705, False),  # the group cannot enter
        ("", 0o604, 0o701, True),
        ("", 0o644, 0o700, False),
        ("", 0o602, 0o755, True),
        ("read", 0o640, 0o755, False),
        ("read", 0o660, 0o755, True),
        ("write", 0o660, 0o770, False),
        ("write", 0o664, 0o775, True),
    ],
)
def test_whoever_cannot_enter_the_folder_can_read_nothing_in_it(
    study: StudyFolder, group: str, file: int, folder: int, warned: bool
) -> None:
    changed(study, server={"group": group})
    (study.path / "study.toml").chmod(file)
    study.path.chmod(folder)
    assert bool(json.loads(run("check", study.path, "--json").stdout)["warnings"]) is warned
