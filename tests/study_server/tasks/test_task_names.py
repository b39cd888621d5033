"""Tasks by name: those that are built in, and those of other packages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from study_server import tasks
from study_server.errors import StudyError
from study_server.folder.study_toml import read_settings
from study_server.tasks import BUILT_IN, DEFAULT, GROUP, task, task_names
from study_server.tasks.same_different import TASK


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What other packages offer, by name: to be filled."""
    offered: dict[str, str] = {}
    monkeypatch.setattr(
        tasks, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in offered.items()]
    )
    task.cache_clear()
    yield offered
    task.cache_clear()


def test_each_built_in_task_has_its_name_and_the_default_is_one() -> None:
    assert [task(name).name for name in BUILT_IN] == [*BUILT_IN]
    assert task(DEFAULT) is TASK
    assert DEFAULT == "same-different"  # what a study.toml or a table without a task is of


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_answer_has_a_key_and_words_and_each_place_an_image(name: str) -> None:
    found = task(name)
    settings = found.settings_type()
    assert settings.study.name == "shift-study"
    assert {*found.keys(settings).values()} == {*found.answers} == {*found.words.answers} == {*found.words.keys}
    assert len(found.keys(settings)) == len(found.answers)
    assert all(len(answer) <= 16 for answer in found.answers)  # as wide as the column of the database


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("json:loads", "does not lead to a task of this name: docs/tasks.md"),
        ("study_server.tasks.same_different:TASK", "does not lead to a task of this name: docs/tasks.md"),
        ("json:no_such_name", "cannot be loaded: module 'json' has no attribute 'no_such_name'"),
        ("no_such_package:TASK", "cannot be loaded: No module named 'no_such_package'"),
    ],
)
def test_an_entry_point_that_leads_to_no_task_is_named(
    offer: dict[str, str], tmp_path: Path, value: str, why: str
) -> None:
    offer["mine"] = value
    assert task_names() == [*BUILT_IN, "mine"]
    with pytest.raises(StudyError, match=f"the entry point 'mine' of {GROUP} {why}"):
        task("mine")
    (tmp_path / "study.toml").write_text('study.task = "mine"')
    with pytest.raises(StudyError, match=f"the entry point 'mine' of {GROUP} {why}"):
        read_settings(tmp_path / "study.toml")


def test_no_other_package_takes_the_place_of_a_built_in_task(offer: dict[str, str]) -> None:
    offer["same-different"] = "json:loads"
    assert task("same-different") is TASK
    assert task_names() == [*BUILT_IN]


def test_a_task_that_there_is_not_is_said_with_those_that_there_are(offer: dict[str, str]) -> None:
    offer["mine"] = "json:loads"
    with pytest.raises(StudyError, match=r"there is no task 'abx': name one of same-different, .*, mine, or install"):
        task("abx")
