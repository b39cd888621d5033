"""The curves of a training, for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from metric.errors import MetricError

FOLDER = "tensorboard"


class Curves:
    """Writes `FOLDER/tensorboard`; what a broken-off run wrote after its last checkpoint is superseded.

    Each method raises `MetricError` where it cannot be written; that may be known some steps later.
    """

    def __init__(self, folder: Path, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder / FOLDER
        with self._told():
            self._writer = SummaryWriter(str(self._folder), purge_step=start + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._told():
                self._writer.close()
        except MetricError:
            if error is None:  # else what ended the training is to be said
                raise

    def step(self, step: int, loss: float, agreement: float, learning_rate: float) -> None:
        """The means over a step's samples."""
        with self._told():
            for name, value in (("loss", loss), ("2AFC", agreement), ("learning rate", learning_rate)):
                self._writer.add_scalar(f"step/{name}", value, step)

    def epoch(self, step: int, loss: float, agreement: float) -> None:
        """The means over an epoch's samples, as they were met."""
        with self._told():
            for name, value in (("loss", loss), ("2AFC", agreement)):
                self._writer.add_scalar(f"epoch/{name}", value, step)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MetricError(f"{self._folder} cannot be written: {error.strerror or error}.") from error
