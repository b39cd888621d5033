"""Checkpoints: whole or not at all, and of no other training."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest
import torch

from metric.errors import MetricError
from metric.training.checkpoint import FILE_NAME, Checkpoint

OF = {"configuration": {"schedule": {"batch": 50, "betas": [0.5, 0.999]}}, "data": {"sha256": "ab"}}


def checkpoint(step: int = 3, numbers: int = 1000) -> Checkpoint:
    state: dict[str, Any] = {"weights": torch.full((numbers,), float(step))}
    return Checkpoint(OF, step, 1.5, (1.0, 2.0, 3.0), state, {"state": {}}, {"last_epoch": 1}, {"cpu": torch.zeros(2)})


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    checkpoint().write(tmp_path)
    found = Checkpoint.read(tmp_path, OF)
    assert found is not None and (found.step, found.seconds, found.sums) == (3, 1.5, (1.0, 2.0, 3.0))
    assert torch.equal(found.model["weights"], torch.full((1000,), 3.0))


def test_there_may_be_none(tmp_path: Path) -> None:
    assert Checkpoint.read(tmp_path, OF) is None


def test_a_full_disk_leaves_the_one_before_whole(tmp_path: Path) -> None:
    checkpoint(step=3).write(tmp_path)
    before = (tmp_path / FILE_NAME).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # as a disk that has no more room
    try:
        with pytest.raises(MetricError, match=r"checkpoint\.pt cannot be written: File too large"):
            checkpoint(step=4, numbers=100_000).write(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(
    ("of", "sentence"),
    [
        (
            {**OF, "configuration": {"schedule": {"batch": 10, "betas": [0.5, 0.999]}}},
            r"is of another training: its configuration\.schedule\.batch is 50 instead of 10; give another folder",
        ),
        ({**OF, "data": {"sha256": "cd"}}, r'its data\.sha256 is "ab" instead of "cd"'),
        ({**OF, "device": "cuda"}, r'its device is not there instead of "cuda"'),
    ],
)
def test_one_of_another_training_is_refused(tmp_path: Path, of: dict[str, Any], sentence: str) -> None:
    checkpoint().write(tmp_path)
    with pytest.raises(MetricError, match=sentence):
        Checkpoint.read(tmp_path, of)


@pytest.mark.parametrize("kept", [0, 10, 1500])
def test_a_damaged_one_is_refused_in_a_sentence(tmp_path: Path, kept: int) -> None:
    checkpoint().write(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(MetricError, match=r"is no checkpoint that can be read .*; remove it to begin anew"):
        Checkpoint.read(tmp_path, OF)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "was-run",))

    torch.save({"schema": "x", "model": Code()}, tmp_path / FILE_NAME)
    with pytest.raises(MetricError, match="no checkpoint that can be read"):
        Checkpoint.read(tmp_path, OF)
    assert not (tmp_path / "was-run").exists()
