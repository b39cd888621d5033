"""Several processes, on one host or many, that score a part each, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from metric.errors import MetricError

_PATIENCE = timedelta(days=365)
"""How long the first that is done waits for the last. torch's half an hour is for steps of a training; here parts may
take days, and differ by hours. A process that ends is noticed at once: its connections close, and torchrun ends all."""


class _WithReference(Protocol):
    @property
    def reference(self) -> Path: ...


_Item = TypeVar("_Item", bound=_WithReference)


@dataclass
class Processes:
    """This process among all: `rank` of `size`, and `local_rank` among those of its host."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    _group: Any = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def from_environment(cls) -> Self:
        """What `torchrun` says; one process where it did not start this one.

        Raises:
            MetricError: for variables of torchrun that are no numbers, or do not fit each other.
        """
        rank, size, local_rank = (_number(name, default) for name, default in _VARIABLES.items())
        if rank >= size:
            raise MetricError(f"RANK is {rank} but WORLD_SIZE only {size}; start with torchrun, or unset both.")
        return cls(rank, size, local_rank)

    def __enter__(self) -> Self:
        """Meets the other processes.

        Raises:
            MetricError: where there is nothing that says where, or half an hour later not all have come.
        """
        if self.size > 1:
            import torch.distributed

            try:
                torch.distributed.init_process_group("gloo")
                self._group = torch.distributed.new_group(timeout=_PATIENCE)
            except (ValueError, RuntimeError) as error:
                reason = str(error).partition("\n")[0]
                raise MetricError(
                    f"The {self.size} processes of WORLD_SIZE do not meet ({reason}); start with torchrun, or unset it."
                ) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self.size > 1:
            import torch.distributed

            torch.distributed.destroy_process_group()

    def share(self, items: Iterable[_Item]) -> list[_Item]:
        """This process's part of the pairs or triplets; those of one reference stay together.

        >>> Processes().share([])
        []
        """
        numbers: dict[object, int] = {}
        return [item for item in items if numbers.setdefault(item.reference, len(numbers)) % self.size == self.rank]

    def device(self, name: str) -> str:
        """The device for this process: `auto` gives each process of a host a GPU of its own, in turn."""
        if self.size == 1 or name != "auto":
            return name
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return f"cuda:{self.local_rank % count}" if count else "cpu"

    @contextmanager
    def together(self) -> Iterator[None]:
        """For steps that processes take together: where another has ended, so does this one, with a sentence.

        Raises:
            MetricError: in place of what torch says of a broken connection.
        """
        try:
            yield
        except RuntimeError as error:
            import torch.distributed

            # Of gloo there is no class of its own.
            if self.size == 1 or not (isinstance(error, torch.distributed.DistError) or "gloo" in str(error)):
                raise
            raise MetricError(f"Process {self.rank} waited for one that has ended; see what that one said.") from error

    def gather(self, content: Any) -> list[Any]:
        """What every process has, in the order of their ranks; each waits for all.

        Raises:
            MetricError: where another process has ended before.
        """
        if self.size == 1:
            return [content]
        import torch.distributed

        gathered: list[Any] = [None] * self.size
        try:
            torch.distributed.all_gather_object(gathered, content, self._group)
        except RuntimeError as error:
            raise MetricError(f"Process {self.rank} waited for one that has ended; see what that one said.") from error
        return gathered


def _number(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    if not (text.isascii() and text.isdecimal()):
        raise MetricError(f'{name} is "{text}" and not a whole number; start with torchrun, or unset it.')
    return int(text)


_VARIABLES = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
