"""Fixtures: a small study, its application and client, a real server, a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
from made_studies import linked, made_once, make_registered, register, unchanged
from postgres import Cluster, running_cluster
from recruiting import changed
from served import served
from small_study import make_small_study
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.web.app import create_app

SHARED_MEMORY = Path("/dev/shm")
"""Where the tests' folders lie if it has room: on a disk, their databases would wait for it at every answer."""

# No test depends on how fast the machine is; and where a change is judged, the same examples judge it every time.
settings.register_profile("shift-study", deadline=None, derandomize="CI" in os.environ)
# `make test-fast` looks at few examples of each property, the whole suite at all of them.
settings.register_profile("few-examples", settings.get_profile("shift-study"), max_examples=15)
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


def _has_room(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    system = os.statvfs(folder)
    # Some tests run what they have installed in their folder.
    return system.f_bavail * system.f_frsize > 2**31 and not system.f_flag & os.ST_NOEXEC


def pytest_configure(config: pytest.Config) -> None:
    if _has_room(SHARED_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SHARED_MEMORY))
    if config.option.markexpr == "not slow":
        settings.load_profile("few-examples")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no process is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def made_study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study of ten demo images with full-size crops, made once; tests get copies."""
    make = partial(make_study, source="demo", count=10, seed=3)
    with unchanged(made_once(tmp_path_factory, "study", partial(make_registered, make))) as path:
        yield path


@pytest.fixture(scope="session")
def made_tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same with tiny crops, though not so tiny that any of them is smaller as PNG than as WebP."""
    make = partial(make_study, source="demo", count=10, size=32, seed=3)
    with unchanged(made_once(tmp_path_factory, "tiny-study", partial(make_registered, make))) as path:
        yield path


@pytest.fixture(scope="session")
def made_odd_one_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An odd-one-out study of ten demo images with full-size crops: three images a trial, shifts 1–9."""
    make = partial(make_study, task_name="odd-one-out", source="demo", count=10, seed=3)
    with unchanged(made_once(tmp_path_factory, "odd-one-out", partial(make_registered, make))) as path:
        yield path


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Path:
    """Of what `study` is a copy: full-size crops where a browser or many observers see them, tiny ones elsewhere."""
    slow = request.node.get_closest_marker("slow")
    path: Path = request.getfixturevalue("made_study" if slow else "made_tiny_study")
    return path


@pytest.fixture
def study(made: Path, tmp_path: Path) -> StudyFolder:
    """A study folder of a test's own but for its images: 10 of them, shifts 0–9, one trial of each shift."""
    return StudyFolder(linked(made, tmp_path / "study"))


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A real PostgreSQL; a test that stops it starts it again."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_with_tables(postgres_cluster: Cluster) -> str:
    """URL of a database whose tables are made, to be copied."""
    url = postgres_cluster.new_database()
    Database(url).close()
    return url


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> Iterator[str]:
    """URL of an empty database."""
    url = postgres_cluster.new_database()
    yield url
    postgres_cluster.start()  # a test may have stopped it
    postgres_cluster.drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def other_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test on both databases: nothing (a study's own SQLite), or the URL of a PostgreSQL with empty tables."""
    if request.param == "sqlite":
        yield ""
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    url = cluster.new_database(request.getfixturevalue("postgres_with_tables"))
    yield url
    cluster.start()
    cluster.drop_database(url)


@pytest.fixture(scope="session")
def made_small_study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study of 30 trials with tiny images, for any number of participants from one address; tests get copies."""
    with unchanged(made_once(tmp_path_factory, "small-study", partial(make_registered, make_small_study))) as path:
        yield path


@pytest.fixture
def small_study(made_small_study: Path, tmp_path: Path, other_database: str) -> StudyFolder:
    """A study folder of a test's own: 30 images, shifts 0–9, 3 trials of each shift; on both databases."""
    study = StudyFolder(linked(made_small_study, tmp_path / "small"), other_database)
    register(study, made_small_study)
    return study


@pytest.fixture
def app(study: StudyFolder, made: Path) -> Iterator[Flask]:
    register(study, made)
    app = create_app(study)
    app.config["TESTING"] = False  # error pages, as in production
    yield app
    app.extensions["study"].database.close()


@pytest.fixture
def configure(study: StudyFolder, made: Path) -> Iterator[Callable[..., Flask]]:
    """Make the application of the study, with other settings."""
    register(study, made)
    apps = []

    def make(**recruitment: Any) -> Flask:
        app = create_app(changed(study, recruitment=recruitment, completion={"code": "OWN"}))
        apps.append(app)
        return app

    yield make
    for app in apps:
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
