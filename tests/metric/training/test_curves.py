"""Curves that cannot be written end a training in one sentence."""

from __future__ import annotations

import gc
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from metric.errors import MetricError
from metric.training.curves import FOLDER, Curves

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::pytest.{kind}Warning")
    for kind in ("PytestUnhandledThreadException", "PytestUnraisableException")
]
"""TensorBoard's own thread, which writes, says it too."""


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """What that thread says is of the test that began it, and of none that comes later."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)
        assert not thread.is_alive()
    gc.collect()


@pytest.fixture
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))  # as a disk that has no more room
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(folder: Path) -> None:
    with Curves(folder, 0) as curves:
        for step in range(1, 100):
            curves.step(step, 0.5, 0.5, 1e-4)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / FOLDER).touch()
    with pytest.raises(MetricError, match=r"tensorboard cannot be written: "):
        write(tmp_path)


def test_a_full_disk(tmp_path: Path, full_disk: None) -> None:
    with pytest.raises(MetricError, match=r"tensorboard cannot be written: File too large"):
        write(tmp_path)


def test_what_ended_the_training_is_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SummaryWriter.close

    def close(self: SummaryWriter) -> None:
        whole(self)  # else its thread goes on, and fails in a test that comes later
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("torch.utils.tensorboard.SummaryWriter.close", close)
        with pytest.raises(MetricError, match=r"^No number\.$"), Curves(tmp_path, 0):
            raise MetricError("No number.")
        with pytest.raises(MetricError, match="No space left on device"), Curves(tmp_path, 0):
            pass
