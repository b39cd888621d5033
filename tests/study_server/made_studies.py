"""Studies that are made once for all tests, and what each test gets of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from recruiting import changed
from study_server.folder.study_folder import DATABASE, StudyFolder
from study_server.web.app import create_app


def linked(made: Path, to: Path) -> Path:
    """A study folder of a test's own, but for its images, which are those of `made`: nobody may change them."""
    to.mkdir()
    for part in made.iterdir():
        if part.is_dir():
            (to / part.name).symlink_to(part.resolve())
        else:
            shutil.copyfile(part, to / part.name)
    return to


def own(study: StudyFolder, part: str) -> None:
    """Give a linked study a copy of one of its folders of images, so that a test may change them."""
    made = (study.path / part).resolve()
    (study.path / part).unlink()
    shutil.copytree(made, study.path / part)


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


@contextmanager
def unchanged(made: Path) -> Iterator[Path]:
    """A folder that many tests read. None of them has written to it, or this fails."""

    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in made.rglob("*")}

    before = state()
    yield made
    assert state() == before, f"a test has changed {made}, which all share: give it its `own` images"


def make_registered(make: Callable[[Path], object], path: Path) -> None:
    """Make a study and, beside its folder, the database that it has once a server has been started."""
    make(path)
    study = StudyFolder(path, f"sqlite:///{path.with_name(DATABASE)}")
    create_app(study).extensions["study"].database.close()


def register(study: StudyFolder, made: Path) -> None:
    """As the first start of a server with `study`, a copy of `made`, does."""
    if not study.other_database:
        shutil.copyfile(made.with_name(DATABASE), study.path / DATABASE)


@contextmanager
def running(made: Path, path: Path, **sections: dict[str, Any]) -> Iterator[Flask]:
    """The application of a copy of `made`, with other settings: for several tests, which leave it as it is."""
    study = StudyFolder(linked(made, path))
    register(study, made)
    app = create_app(changed(study, **sections))
    yield app
    app.extensions["study"].database.close()
