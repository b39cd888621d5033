"""One step of a training: from a batch to a gradient that all processes share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from metric.errors import MetricError
from metric.training.differences import dropout_key
from metric.training.trainee import Trainee
from metric.training.triplet_images import TripletBatch


@dataclass(frozen=True)
class StepResult:
    """Of all processes together.

    Attributes:
        loss: sum of the samples' losses, weighed.
        agreement: sum of the shares of people who prefer the image that was found nearer, a tie counting half.
        samples: their number.
        finite: whether the loss and every gradient is a number.
    """

    loss: float
    agreement: float
    samples: int
    finite: bool


@dataclass
class Step:
    """How the gradient of a batch is computed.

    Attributes:
        trainee: the metric that is trained.
        shared: the same, or with its gradients shared among processes.
        device: where.
        at_once: triplets that are computed together; 0 for all.
        seed: of dropout.
        processes: how many share a batch.
    """

    trainee: Trainee
    shared: nn.Module
    device: torch.device
    at_once: int
    seed: int
    processes: int

    def gradient(self, batch: TripletBatch, epoch: int, samples: int, *, counts: bool = True) -> StepResult:
        """Adds the gradient of the mean loss over the `samples` of all processes' batches to the parameters'.

        Args:
            batch: this process's.
            epoch: of the training, from 0.
            samples: of all processes.
            counts: False where this process has no sample of its own and was given one that counts nothing.

        Raises:
            MetricError: where the GPU has too little memory, with the number of triplets at once that it would take.
        """
        sums: tuple[float, float] | None = None
        with suppress(torch.OutOfMemoryError):
            sums = self._gradient(batch, epoch, samples, counts)
        if sums is None:  # here, for as long as there is the error it holds all features of the forward pass
            fitting, alike = self._fitting(batch, epoch), not self.trainee.has_batch_statistics
            raise MetricError(_too_large(len(batch.place), self.at_once, fitting, alike=alike))
        finite = all(bool(p.grad.isfinite().all()) for p in self.shared.parameters() if p.grad is not None)
        total = torch.tensor([*sums, float(not finite)], dtype=torch.float64)
        if self.processes > 1:
            torch.distributed.all_reduce(total)
        loss, agreement, unfit = total.tolist()
        return StepResult(loss, agreement, samples, isfinite(loss) and unfit == 0)

    def _gradient(self, batch: TripletBatch, epoch: int, samples: int, counts: bool) -> tuple[float, float]:
        loss_sum = agreement = 0.0
        parts = _parts(len(batch.place), self.at_once)
        for number, part in enumerate(parts):
            with self._alone(shares=number + 1 == len(parts)):
                losses, distances, judge = self._forward(self.shared, batch, part, epoch)
                weighed = losses * batch.weight[part].to(self.device) * float(counts)
                # Processes' gradients are averaged, and the mean wanted is that over all of their samples.
                (weighed.sum() / samples * self.processes).backward()  # type: ignore[no-untyped-call]
            if counts:
                loss_sum += float(weighed.detach().double().sum())
                agreement += float(_agreement(distances.detach(), judge).sum())
        return loss_sum, agreement

    def _alone(self, *, shares: bool) -> AbstractContextManager[object]:
        """Leaves gradients to be shared after the last part of a batch."""
        if shares or not isinstance(self.shared, DistributedDataParallel):
            return nullcontext()
        kept: AbstractContextManager[object] = self.shared.no_sync()
        return kept

    def _forward(
        self, module: nn.Module, batch: TripletBatch, part: slice, epoch: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        keys = [dropout_key(self.seed, epoch, sample) for sample in batch.place[part].tolist()]
        judge = batch.judge[part].to(self.device)
        images = batch.images[part].to(self.device, non_blocking=True)
        losses, distances = module(images, judge, keys)
        return losses, distances, judge

    def _fitting(self, batch: TripletBatch, epoch: int) -> int:
        """The largest part of a batch that the memory takes, found by trying halves; 0 where not one triplet fits."""
        number = min(self.at_once or len(batch.place), len(batch.place)) // 2
        while number:
            self.trainee.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            try:
                losses, _, _ = self._forward(self.trainee, batch, slice(0, number), epoch)
                losses.sum().backward()  # type: ignore[no-untyped-call]
            except torch.OutOfMemoryError:
                number //= 2
            else:
                return number
        return 0


def _parts(number: int, at_once: int) -> Sequence[slice]:
    size = at_once or number
    return [slice(start, start + size) for start in range(0, number, size)]


def _agreement(distances: Tensor, judge: Tensor) -> Tensor:
    first, second = distances.unbind(dim=1)
    return torch.where(first < second, 1 - judge, torch.where(first > second, judge, 0.5))


def _too_large(batch: int, at_once: int, fitting: int, *, alike: bool) -> str:
    tried = f"{min(at_once or batch, batch)} triplets at once"
    if not fitting:
        return f"The GPU's memory does not take {tried}, nor one alone; make data.size_px smaller."
    return f"The GPU's memory does not take {tried}, but {fitting}: add --set computing.at_once={fitting}, for " + (
        "the same gradient but for rounding." if alike else f"statistics of batches that are of {fitting} triplets."
    )
