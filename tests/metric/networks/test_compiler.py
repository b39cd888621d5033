"""Code is compiled where it can be; whatever goes wrong, torch computes, and `metrics` says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from metric.networks.compiler import SWITCH, Compiled, cache_folder, compiled
from metric.verbs.metrics import metrics_verb

_build = compiled.__wrapped__


@pytest.fixture(autouse=True)
def _an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.delenv("CXX", raising=False)


def _script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_without_a_compiler_torch_computes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _build() == Compiled(
        None, "by torch alone, as no C++ compiler was found; with g++ or clang++ they take half the time"
    )
    monkeypatch.setenv("CXX", "g++-99")
    assert "g++-99, which CXX names, was not found" in _build().how


def test_a_switch_leaves_all_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0")
    assert _build() == Compiled(None, "by torch alone, as SHIFT_STUDY_COMPILED=0 says")
    assert not cache_folder().exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo 'cc1plus: fatal error: no memory' >&2; exit 1", "cc1plus: fatal error: no memory"),
        ('for last; do :; done; echo rubbish > "$last"', "file too short"),
        ("exit 0", "No such file"),
    ],
)
def test_a_broken_compiler_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str
) -> None:
    monkeypatch.setenv("CXX", _script(tmp_path / "broken", text))
    found = _build()
    assert found.library is None
    assert said in found.how


def test_what_is_damaged_in_the_cache_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if compiled().library is None:
        pytest.skip("no C++ compiler")
    assert _build().library is not None
    (made,) = cache_folder().iterdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "damaged"))
    cache_folder().mkdir(parents=True)
    (cache_folder() / made.name).touch()
    assert _build().library is not None
    assert (cache_folder() / made.name).stat().st_size == made.stat().st_size


def test_a_cache_that_cannot_be_written_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("CXX", _script(tmp_path / "compiler", "exit 0"))
    assert _build().library is None
    assert "by torch alone" in _build().how


def test_a_user_without_a_home_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "expanduser", unknown)
    monkeypatch.setenv("CXX", _script(tmp_path / "compiler", "exit 0"))
    assert _build().library is None
    assert "(Could not determine home directory.)" in _build().how


def test_the_verb_says_which_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ([], ["--json"]):
        done = CliRunner().invoke(metrics_verb, arguments)
        assert done.exit_code == 0
        said = json.loads(done.stdout)["convolutions"] if arguments else " ".join(done.stdout.split())
        assert compiled().how in said


_PROGRAM = """
import os, torch
from torch import nn
from metric.networks import compiled
from metric.networks.winograd import WinogradConv2d

torch.manual_seed(0)
convolution = WinogradConv2d(nn.Conv2d(64, 64, 3, padding=1), 4)
maps = torch.rand(2, 64, 40, 40)
with torch.no_grad():
    before = convolution(maps)
    torch.set_num_threads(1)
    child = os.fork()
    if not child:  # as multiprocessing does on Linux: the threads of the parent are not there
        os._exit(0 if torch.equal(convolution(maps), before) else 7)
_, status = os.waitpid(child, 0)
print(compiled.available(), os.waitstatus_to_exitcode(status), float(before.sum()))
"""


@pytest.mark.slow
def test_several_processes_compile_at_once_and_fork(tmp_path: Path) -> None:
    if compiled().library is None:
        pytest.skip("no C++ compiler")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "fresh"), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "error", "-c", _PROGRAM]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[0] for process in processes}
    assert len(said) == 1
    assert said.pop().startswith("True 0 ")
    (made,) = (tmp_path / "fresh" / "shift-study" / "compiled").iterdir()
    assert made.suffix == ".so"
