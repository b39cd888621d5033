"""Several processes, on one host or many, that score a part each, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from metric.scoring.manifest import ImagePair


@dataclass(frozen=True)
class Processes:
    """This process among all: `rank` of `size`, and `local_rank` among those of its host."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def from_environment(cls) -> Processes:
        """What `torchrun` says; one process where it did not start this one."""
        found = [int(os.environ.get(name, default)) for name, default in _VARIABLES.items()]
        return cls(*found)

    def __enter__(self) -> Processes:
        if self.size > 1:
            import torch.distributed

            torch.distributed.init_process_group("gloo")
        return self

    def __exit__(self, *_: object) -> None:
        if self.size > 1:
            import torch.distributed

            torch.distributed.destroy_process_group()

    def share(self, pairs: Iterable[ImagePair]) -> list[ImagePair]:
        """This process's part of the pairs; those of one reference stay together.

        >>> Processes().share([])
        []
        """
        numbers: dict[object, int] = {}
        return [pair for pair in pairs if numbers.setdefault(pair.reference, len(numbers)) % self.size == self.rank]

    def device(self, name: str) -> str:
        """The device for this process: `auto` gives each process of a host a GPU of its own, in turn."""
        if self.size == 1 or name != "auto":
            return name
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return f"cuda:{self.local_rank % count}" if count else "cpu"

    def gather(self, content: Any) -> list[Any]:
        """What every process has, in the order of their ranks; each waits for all."""
        if self.size == 1:
            return [content]
        import torch.distributed

        gathered: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(gathered, content)
        return gathered


_VARIABLES = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
