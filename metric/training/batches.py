"""The order in which a training sees its triplets: shuffled in each epoch, the same however many processes share it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Batch:
    """One step.

    Attributes:
        epoch: of the training, from 0.
        last: whether it is the epoch's last.
        samples: of the whole step, by their places in the set.
    """

    epoch: int
    last: bool
    samples: tuple[int, ...]

    def share(self, rank: int, size: int) -> tuple[int, ...]:
        """The samples of one of several processes.

        >>> Batch(0, False, (4, 2, 7)).share(1, 2)
        (2,)
        """
        return self.samples[rank::size]


@dataclass(frozen=True)
class Order:
    """All steps of a training.

    Attributes:
        samples: of the set.
        batch: samples a step; an epoch's last step may have fewer.
        epochs: of the training.
        seed: of the shuffling.
    """

    samples: int
    batch: int
    epochs: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which each sample is seen once.

        >>> Order(7, 3, 10, 0).steps_per_epoch
        3
        """
        return -(-self.samples // self.batch)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """The steps from the one after `start` steps on."""
        first, done = divmod(start, self.steps_per_epoch)
        for epoch in range(first, self.epochs):
            shuffled = np.random.default_rng([self.seed, epoch]).permutation(self.samples).tolist()
            for step in range(done if epoch == first else 0, self.steps_per_epoch):
                samples = shuffled[step * self.batch : (step + 1) * self.batch]
                yield Batch(epoch, step + 1 == self.steps_per_epoch, tuple(samples))


class ProcessSampler(Sampler[list[int]]):
    """What a process's loader reads, step by step.

    Where a step has fewer samples than there are processes, those without one read its first, which counts nothing.
    """

    def __init__(self, order: Order, start: int, rank: int, size: int) -> None:
        self._order, self._start, self._rank, self._size = order, start, rank, size

    def __len__(self) -> int:
        return self._order.steps - self._start

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._order.batches(self._start):
            yield list(batch.share(self._rank, self._size)) or [batch.samples[0]]
