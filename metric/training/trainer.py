"""From judged triplets to the file of a metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from metric.device import exact_float32
from metric.errors import MetricError
from metric.scoring.processes import Processes
from metric.training.about import about_training
from metric.training.batches import Batch, Order, ProcessSampler
from metric.training.checkpoint import FILE_NAME, Checkpoint
from metric.training.configuration import Configuration
from metric.training.curves import Curves
from metric.training.judged_set import JudgedSet
from metric.training.outcome import RESULT, Trained, identity, trained_before
from metric.training.progress import Nobody, Watch
from metric.training.reading import configuration_to_json
from metric.training.step import Step, StepResult
from metric.training.trained_file import write_trained
from metric.training.trainee import Trainee
from metric.training.triplet_images import Collated, TripletBatch, TripletImages, collate, readable


@dataclass(frozen=True)
class Trainer:
    """How trainings are run.

    Attributes:
        device: of this process.
        processes: that share each batch.
        workers: processes that read images ahead; 0 reads them in between.
        checkpoint_every: seconds between checkpoints; there is one after each epoch too.
        download: whether trained convolutions that are nowhere here may be downloaded.
        force: begin anew, whatever there is in the folder.
        watch: sees each step.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    processes: Processes = field(default_factory=Processes)
    workers: int = 0
    checkpoint_every: float = 60.0
    download: bool = False
    force: bool = False
    watch: Watch = field(default_factory=Nobody)

    def train(self, configuration: Configuration, judged: JudgedSet, folder: Path) -> Trained:
        """Trains a metric and writes it to `folder/metric.safetensors`; goes on where an earlier run was broken off.

        On one machine, with as many threads, a run that was broken off gives the same weights as one that was not, to
        the last bit; on a GPU the library of convolutions may round otherwise each time.

        Args:
            configuration: of the training.
            judged: what people prefer.
            folder: is made; holds the checkpoint, the curves for TensorBoard and the result.

        Raises:
            MetricError: where the folder holds another training or cannot be written, trained convolutions are
                missing, an image cannot be read, the loss is no longer a number, or the GPU's memory is too small.
        """
        of = identity(configuration_to_json(configuration), judged.sha256)
        result = folder / RESULT
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MetricError(f"{folder} cannot be made: {error.strerror or error}.") from error
        if result.exists() and not self.force:
            return trained_before(result, of)
        with ExitStack() as stack:
            stack.enter_context(exact_float32())
            stack.enter_context(self.processes.together())
            run = _Run.begin(self, configuration, judged, folder, of)
            run.go(stack.enter_context(Curves(folder, run.done)) if self.processes.rank == 0 else None)
        if self.processes.rank == 0:
            write_trained(result, run.step.trainee.metric, about_training(configuration, judged, run.found))
            (folder / FILE_NAME).unlink(missing_ok=True)
        loss, two_afc = run.means
        return Trained(result, run.done, run.seconds, loss, two_afc, run.resumed)


@dataclass
class _Run:
    """A training under way."""

    trainer: Trainer
    judged: JudgedSet
    configuration: Configuration
    folder: Path
    of: Mapping[str, Any]
    order: Order
    step: Step
    optimizer: Adam
    schedule: LambdaLR
    done: int = 0
    resumed: int = 0
    seconds: float = 0.0
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)
    saved: int = 0

    @classmethod
    def begin(
        cls, trainer: Trainer, configuration: Configuration, judged: JudgedSet, folder: Path, of: Mapping[str, Any]
    ) -> _Run:
        part = configuration.schedule
        trainee = Trainee(configuration, download=trainer.download)
        if trainee.has_batch_statistics and trainer.processes.size > 1 and trainer.device.type == "cpu":
            raise MetricError(
                f"{configuration.network.variant.backbone} has batch normalisation, which torch shares between "
                "processes on GPUs only; train it from scratch in one process, or keep a pretrained trunk."
            )
        trainee.to(trainer.device)
        parameters = [parameter for parameter in trainee.parameters() if parameter.requires_grad]
        optimizer = Adam(parameters, lr=part.learning_rate, betas=part.betas)
        run = cls(
            trainer,
            judged,
            configuration,
            folder,
            of,
            Order(len(judged.triplets), part.batch, part.epochs + part.decay_epochs, part.seed),
            Step(trainee, trainee, trainer.device, configuration.computing.at_once, part.seed, trainer.processes.size),
            optimizer,
            LambdaLR(optimizer, lambda epoch: 1 - max(0, epoch - part.epochs) / max(1, part.decay_epochs)),
        )
        if trainer.force:
            run._remove_earlier()
        elif checkpoint := Checkpoint.read(folder, of):
            run._restore(checkpoint)
        trainee.prepare()
        trainee.train()
        run.step.shared = _shared(trainee, trainer)
        return run

    def _remove_earlier(self) -> None:
        """Else a run that begins anew and is killed would be taken for the one before by the next."""
        for name in (RESULT, FILE_NAME) if self.trainer.processes.rank == 0 else ():
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise MetricError(f"{self.folder / name} cannot be removed: {error.strerror or error}.") from error

    def _restore(self, checkpoint: Checkpoint) -> None:
        try:
            self.step.trainee.load_state_dict(checkpoint.model)
            self.optimizer.load_state_dict(dict(checkpoint.optimizer))
            self.schedule.load_state_dict(dict(checkpoint.schedule))
            torch.set_rng_state(checkpoint.random["cpu"])
            if self.trainer.device.type == "cuda" and "cuda" in checkpoint.random:
                torch.cuda.set_rng_state(checkpoint.random["cuda"], self.trainer.device)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MetricError(
                f"{self.folder / FILE_NAME} does not fit what is trained, though it says so: it is of another version "
                "or damaged. Remove it to begin anew, or give another folder with -o."
            ) from error
        self.done = self.resumed = self.saved = checkpoint.step
        self.seconds, self.sums = checkpoint.seconds, checkpoint.sums

    @property
    def found(self) -> dict[str, Any]:
        """What the file says of the training's course."""
        loss, two_afc = self.means
        return {
            "steps": self.done,
            "epochs": self.order.epochs,
            "untrained": self.step.trainee.untrained,
            "training_loss": loss,
            "training_two_afc": two_afc,
            "device": self.trainer.device.type,
        }

    @property
    def means(self) -> tuple[float, float]:
        """Of the epoch so far: loss, and agreement with the judgments."""
        loss, agreement, samples = self.sums
        return loss / samples, agreement / samples

    def go(self, curves: Curves | None) -> None:
        """All steps that are left."""
        processes = self.trainer.processes
        began, before = monotonic(), self.seconds
        last_checkpoint = began
        self.trainer.watch.begin(self.order.steps, self.done)
        for batch, images in zip(self.order.batches(self.done), readable(self._images()), strict=True):
            if self.done % self.order.steps_per_epoch == 0:
                self.sums = (0.0, 0.0, 0.0)
            found = self._one(batch, images)
            self.sums = (self.sums[0] + found.loss, self.sums[1] + found.agreement, self.sums[2] + found.samples)
            self.seconds = before + monotonic() - began
            if processes.rank == 0 and curves is not None:
                curves.step(
                    self.done,
                    found.loss / found.samples,
                    found.agreement / found.samples,
                    self.optimizer.param_groups[0]["lr"],
                )
                if batch.last:
                    curves.epoch(self.done, *self.means)
            if batch.last:
                self.schedule.step()
            self.trainer.watch.step(batch.epoch, *self.means)
            if processes.rank == 0 and (batch.last or monotonic() - last_checkpoint >= self.trainer.checkpoint_every):
                self._save(batch)
                last_checkpoint = monotonic()

    def _one(self, batch: Batch, images: TripletBatch) -> StepResult:
        """A step, with the parameters changed by it."""
        processes = self.trainer.processes
        counts = bool(batch.share(processes.rank, processes.size))
        self.optimizer.zero_grad(set_to_none=True)
        found = self.step.gradient(images, batch.epoch, len(batch.samples), counts=counts)
        if not found.finite:
            raise MetricError(self._diverged("the loss is no longer a number", batch, self.done + 1))
        self.optimizer.step()
        self.step.trainee.clamp()
        if not any(bool((weights > 0).any()) for weights in self.step.trainee.metric.channel_weights):
            raise MetricError(self._diverged("every channel weight has become 0", batch, self.done + 1))
        self.done += 1
        return found

    def _diverged(self, what: str, batch: Batch, step: int) -> str:
        kept = (
            f"the checkpoint of step {self.saved} in {self.folder} is kept as it is"
            if self.saved
            else "there was no checkpoint yet"
        )
        return (
            f"At step {step} (epoch {batch.epoch + 1}) {what}; {kept}. Try a lower "
            f"schedule.learning_rate than {self.configuration.schedule.learning_rate:g}, in another folder."
        )

    def _images(self) -> Iterable[Collated]:
        processes = self.trainer.processes
        sampler = ProcessSampler(self.order, self.done, processes.rank, processes.size)
        workers = self.trainer.workers
        return DataLoader(
            TripletImages(self.judged, self.configuration.data),
            batch_sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            pin_memory=self.trainer.device.type == "cuda",
            # Threads of this process are not forked into those of readers.
            multiprocessing_context="forkserver" if workers else None,
        )

    def _save(self, batch: Batch) -> None:
        # The loss would show it in the next step, when the checkpoint that was good is gone.
        if not all(bool(parameter.isfinite().all()) for parameter in self.step.trainee.parameters()):
            raise MetricError(self._diverged("weights are no longer numbers", batch, self.done))
        random = {"cpu": torch.get_rng_state()}
        if self.trainer.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.trainer.device)
        Checkpoint(
            of=self.of,
            step=self.done,
            seconds=self.seconds,
            sums=self.sums,
            model=self.step.trainee.state_dict(),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            random=random,
        ).write(self.folder)
        self.saved = self.done


def _shared(trainee: Trainee, trainer: Trainer) -> nn.Module:
    if trainer.processes.size == 1:
        return trainee
    on_gpu = trainer.device.type == "cuda"
    if trainee.has_batch_statistics:
        trainee = nn.SyncBatchNorm.convert_sync_batchnorm(trainee)  # type: ignore[no-untyped-call]
    group = torch.distributed.new_group(backend="nccl" if on_gpu else "gloo")
    return DistributedDataParallel(trainee, device_ids=[trainer.device] if on_gpu else None, process_group=group)
