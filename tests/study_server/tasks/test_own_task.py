"""A task of another package: the one in docs/tasks.md, from `new` to the exported table."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def code_of_docs() -> str:
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module")
def other_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installed package that offers the task of the docs."""
    home = tmp_path_factory.mktemp("site")
    (home / "my_package").mkdir()
    (home / "my_package" / "__init__.py").touch()
    (home / "my_package" / "abx.py").write_text(code_of_docs(), encoding="utf-8")
    information = home / "my_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[shift_study.tasks]\nabx = my_package.abx:TASK\nbroken = json:loads\n"
    )
    return home


def shift_study(other_package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(other_package), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "shift_study", *arguments], capture_output=True, text=True, cwd=other_package,
        env=os.environ | {"PYTHONPATH": path}, check=False,
    )  # fmt: skip


def test_the_task_of_the_docs_takes_fewer_than_a_hundred_lines() -> None:
    assert len(code_of_docs().splitlines()) < 100


def test_a_study_with_it_from_new_to_the_exported_table(other_package: Path, tmp_path: Path) -> None:
    study = str(tmp_path / "study")
    made = shift_study(
        other_package, "new", study, "--task", "abx", "--images", "demo", "--count", "8", "--max-shift", "4",
        "--size", "64", "--seed", "1",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert shift_study(other_package, "check", study).returncode == 0
    simulated = shift_study(other_package, "simulate", study, "--participants", "8", "--seed", "2", "--json")
    assert simulated.returncode == 0, simulated.stderr
    figures = json.loads(simulated.stdout)
    assert (figures["finished"], figures["stored"], figures["problems"]) == (8, 64, [])
    exported = shift_study(other_package, "export", study, "--output", str(tmp_path / "responses.csv"))
    assert exported.returncode == 0, exported.stderr
    with (tmp_path / "responses.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 64
    assert {row["task"] for row in rows} == {"abx"}
    assert {row["response"] for row in rows} <= {"left", "right"} == {row["right_answer"] for row in rows}
    # In these slots each of 8 images at 4 shifts is judged twice; observers are right more often than a coin.
    assert Counter(row["pair"] for row in rows) == dict.fromkeys({row["pair"] for row in rows}, 2)
    assert sum(row["response"] == row["right_answer"] for row in rows) > 32
    said = shift_study(other_package, "table1", str(tmp_path / "responses.csv"))
    assert said.returncode == 1
    assert "abx" in said.stderr


@pytest.mark.parametrize("name", ["broken", "unknown"])
def test_what_is_no_task_is_said(other_package: Path, tmp_path: Path, name: str) -> None:
    said = shift_study(other_package, "new", str(tmp_path / "study"), "--task", name, "--images", "demo")
    assert said.returncode == 1
    assert f"'{name}'" in said.stderr
    assert "docs/tasks.md" in said.stderr or "same-different, 2afc, odd-one-out, abx" in said.stderr
    assert not (tmp_path / "study").exists()
