"""Fixtures: a small study, its application and client, a real server, a real browser."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import Phase, settings
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from playwright.sync_api import Page

from browser import Launch, close_browsers, open_browser, open_own_browser
from postgres import Cluster, running_cluster
from recruiting import changed
from served import served
from small_study import make_small_study
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app

# No test depends on how fast the machine is; and where a change is judged, the same examples judge it every time.
settings.register_profile("shift-study", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shift-study")
if "MUTANT_UNDER_TEST" in os.environ:  # mutmut asks whether a test fails, not for the simplest example
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None)
    settings.load_profile("mutants")


class _CompiledTemplates(BytecodeCache):
    """Templates are compiled once, not for the application of each test."""

    code: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.code:
            bucket.bytecode_from_string(self.code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _CompiledTemplates()}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no process is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def copied(folder: Path, to: Path) -> Path:
    """A copy of a folder with hundreds of files, several times as fast as `shutil.copytree` makes it."""
    subprocess.run(["cp", "-R", folder, to], check=True)
    return to


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first of the test processes makes, and the others wait for."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = shared / f"made-{name}" / "study"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            draft = shared / f"making-{name}"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft / "study")
            draft.rename(path.parent)
    return path


@pytest.fixture(scope="session")
def made_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of ten demo images with full-size crops, made once; tests get copies."""
    return made_once(tmp_path_factory, "study", lambda path: make_study(path, source="demo", count=10, seed=3))


@pytest.fixture
def study(made_study: Path, tmp_path: Path) -> StudyFolder:
    """A study folder of a test's own: 10 images, shifts 0–9, one trial of each shift."""
    return StudyFolder(copied(made_study, tmp_path / "study"))


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A real PostgreSQL; a test that stops it starts it again."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> str:
    """URL of an empty database."""
    return postgres_cluster.new_database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def other_database(request: pytest.FixtureRequest) -> str:
    """Runs a test on both databases: nothing (a study's own SQLite), or the URL of an empty PostgreSQL database."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture(scope="session")
def made_small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 30 trials with small images, for any number of participants from one address; tests get copies."""
    return made_once(tmp_path_factory, "small-study", make_small_study)


@pytest.fixture
def small_study(made_small_study: Path, tmp_path: Path, other_database: str) -> StudyFolder:
    """A study folder of a test's own: 30 images, shifts 0–9, 3 trials of each shift; on both databases."""
    return StudyFolder(copied(made_small_study, tmp_path / "small"), other_database)


@pytest.fixture
def app(study: StudyFolder) -> Iterator[Flask]:
    app = create_app(study)
    app.config["TESTING"] = False  # error pages, as in production
    yield app
    app.extensions["study"].database.close()


@pytest.fixture
def configure(study: StudyFolder) -> Iterator[Callable[..., Flask]]:
    """Make the application of the study, with other settings."""
    made = []

    def make(**recruitment: Any) -> Flask:
        app = create_app(changed(study, recruitment=recruitment, completion={"code": "OWN"}))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["study"].database.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def server(study: StudyFolder) -> Iterator[str]:
    """Address of the study, served by a thread: as `shift-study serve` would, and up at once."""
    with served(study) as url:
        yield url


@pytest.fixture(scope="session", autouse=True)
def browsers() -> Iterator[None]:
    """Whatever browsers the tests have opened are closed behind the last of them."""
    yield
    close_browsers()


@pytest.fixture
def browse(server: str) -> Launch:
    """Open a page of the served study in a real Chromium; anything on its console fails the test."""

    @contextmanager
    def launch(
        *,
        scale: float = 1,
        size: tuple[int, int] = (1280, 800),
        zoomable: bool = False,
        allowed_complaint: str | None = None,
    ) -> Iterator[Page]:
        with (open_own_browser if zoomable else open_browser)(scale=scale, size=size) as browser:
            page = browser.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url} {request.failure}"))
            page.goto(server)
            yield page
            # A page that is left while it is still loading breaks off its requests: that is no failure.
            allowed = ["net::ERR_ABORTED", *([allowed_complaint] if allowed_complaint else [])]
            unexpected = [c for c in complaints if not any(text in c for text in allowed)]
            assert not unexpected

    return launch
