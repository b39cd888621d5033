"""Runs that several processes share."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch.distributed
from click.testing import CliRunner, Result

import shift_study
from metric.errors import MetricError
from metric.loading import load_metric
from metric.scoring.journal import journal_files
from metric.scoring.manifest_pairs import ImagePair, read_manifest
from metric.scoring.processes import Processes
from metric.scoring.run import run

_ALONE: dict[str, str | None] = {"RANK": None, "WORLD_SIZE": None, "MASTER_ADDR": None, "MASTER_PORT": None}


@pytest.fixture
def pairs(study_folder: Path) -> list[ImagePair]:
    return read_manifest(study_folder)


def _score(folder: Path, *arguments: str, env: dict[str, str | None] | None = None, metric: str = "l2") -> Result:
    verb = ["score", str(folder), "--metric", metric, *arguments]
    return CliRunner().invoke(shift_study.main, verb, env=_ALONE | (env or {}))


def test_processes_share_pairs_by_reference(pairs: list[ImagePair]) -> None:
    shares = [Processes(rank, 2).share(pairs) for rank in range(2)]
    assert sorted(pair.pair for share in shares for pair in share) == sorted(pair.pair for pair in pairs)
    assert not {pair.reference for pair in shares[0]} & {pair.reference for pair in shares[1]}
    assert all(shares)


def test_steps_taken_together_end_in_a_sentence_where_another_process_has_ended() -> None:
    closed = RuntimeError("[/third_party/gloo/gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]")
    for broken in (closed, torch.distributed.DistBackendError("NCCL error")):
        with pytest.raises(MetricError, match="Process 1 waited for one that has ended"), Processes(1, 2).together():
            raise broken
    with pytest.raises(RuntimeError, match="gloo"), Processes().together():  # alone, it is of something else
        raise closed
    with pytest.raises(RuntimeError, match="shape"), Processes(1, 2).together():
        raise RuntimeError("shape")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"RANK": "x"}, 'RANK is "x" and not a whole number; start with torchrun, or unset it.'),
        ({"WORLD_SIZE": "-2"}, 'WORLD_SIZE is "-2" and not a whole number; start with torchrun, or unset it.'),
        ({"RANK": "1"}, "RANK is 1 but WORLD_SIZE only 1; start with torchrun, or unset both."),
        ({"RANK": "1", "WORLD_SIZE": "2"}, "MASTER_ADDR expected, but not set); start with torchrun, or unset it."),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "x"}, "processes of WORLD_SIZE"),
    ],
)
def test_variables_that_torchrun_would_not_set_are_refused(
    study_folder: Path, variables: dict[str, str | None], sentence: str
) -> None:
    refused = _score(study_folder, "--all-pairs", env=variables)
    assert refused.exit_code == 1
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


class _Distributed:
    """Stands in for `torch.distributed`: what process 1 of two asks of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, others: Callable[[Any], Any]) -> None:
        self.others = others
        self.timeouts: list[timedelta] = []
        for name in ("init_process_group", "new_group", "all_gather_object", "destroy_process_group"):
            monkeypatch.setattr(torch.distributed, name, getattr(self, name))

    def init_process_group(self, backend: str) -> None:
        pass

    def new_group(self, *, timeout: timedelta) -> _Distributed:
        self.timeouts.append(timeout)
        return self

    def all_gather_object(self, gathered: list[Any], content: Any, group: _Distributed) -> None:
        assert group is self
        gathered[:] = [self.others(content), content]

    def destroy_process_group(self) -> None:
        pass


def test_a_process_waits_days_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = _Distributed(monkeypatch, others=lambda content: "theirs")
    with Processes(1, 2) as processes:
        assert processes.gather("mine") == ["theirs", "mine"]
    assert min(distributed.timeouts) > timedelta(days=30)


@dataclass
class _Judgments:
    pairs: list[str]
    note: str = ""
    simulated: None = None


def test_all_processes_score_the_pairs_of_the_first(
    study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response may come in between."""

    def others(content: Any) -> Any:
        if isinstance(content, tuple):  # what was found
            raise RuntimeError("Connection closed by peer")
        return ["00000_n-1", "00001_n-1"] if isinstance(content, list) else content

    _Distributed(monkeypatch, others)
    monkeypatch.setattr(shift_study.Doors, "judgments", lambda self, source: _Judgments(["00000_n-1"]))
    result = _score(study_folder, "-o", str(tmp_path / "d.csv"), env={"RANK": "1", "WORLD_SIZE": "2"})
    assert result.exit_code == 1
    assert "Process 1 waited for one that has ended; see what that one said." in result.stderr
    _, scored = (tmp_path / "d.csv.partial-1").read_text().splitlines()
    assert json.loads(scored)[0] == "00001_n-1"


def test_processes_that_would_compute_otherwise_are_refused(
    pairs: list[ImagePair], monkeypatch: pytest.MonkeyPatch
) -> None:
    _Distributed(monkeypatch, others=lambda settings: {"l2": {"metric": "l2", "device": "cuda"}})
    with (
        Processes(1, 2) as processes,
        pytest.raises(MetricError, match=r"Process 1 would compute l2 with another device .* \(cpu instead of cuda\)"),
    ):
        run(pairs, [load_metric("l2")], settings={"l2": {"metric": "l2", "device": "cpu"}}, processes=processes)


def _command(*arguments: object) -> Sequence[str]:
    return [sys.executable, "-m", "shift_study", "score", *map(str, arguments), "--all-pairs"]


def _read(path: Path) -> dict[str, float]:
    with path.open(newline="") as file:
        return {row["pair"]: float(row["distance"]) for row in csv.DictReader(file)}


@pytest.mark.long
@pytest.mark.slow
def test_two_processes_write_what_one_does(study_folder: Path, tmp_path: Path) -> None:
    verb = (study_folder, "--metric", "stlpips-alex", "--json", "-o")
    _, *arguments = _command(*verb, tmp_path / "two.csv")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    alone = _score(study_folder, "--all-pairs", *map(str, verb[3:]), str(tmp_path / "one.csv"), metric="stlpips-alex")
    assert alone.exit_code == 0, alone.stderr
    one, two = _read(tmp_path / "one.csv"), _read(tmp_path / "two.csv")
    assert list(two) == list(one)
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-5)
    assert journal_files(tmp_path / "two.csv") == []


@pytest.mark.slow
def test_a_process_says_that_another_has_ended(study_folder: Path, tmp_path: Path) -> None:
    (study_folder / "stimuli" / "00001_1.png").write_bytes(b"")  # of the second process's part
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = [
        subprocess.Popen(
            _command(study_folder, "--metric", "l2", "--device", "cpu", "-o", tmp_path / "d.csv"),
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **{"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
            },
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[1].splitlines()[-1] for process in running]
    assert [process.returncode for process in running] == [1, 1]
    assert said[0] == "Error: Process 0 waited for one that has ended; see what that one said."
    assert "00001_1.png is not a PNG, JPEG, TIFF, BMP or WebP image" in said[1]
    assert [path.name for path in journal_files(tmp_path / "d.csv")] == ["d.csv.partial", "d.csv.partial-1"]
