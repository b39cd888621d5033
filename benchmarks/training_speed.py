"""A training step, beside the way of the repository that accompanies the paper, in one run.

    python -m benchmarks.training_speed
    python -m benchmarks.training_speed --network alex-before-activation-stride1 --size 64 --batch 10 --json

Both train the whole network with the paper's loss and dropout and with Adam, on the same triplets, in memory, with as
many threads. The other way is that of the authors' trainer with their package: the network in training mode is given
the reference and the first image, and then the reference and the second, so that a reference goes through it twice;
channel weights below 0 are put back to it after the step. They take turns of one step each, so that a busy machine
slows both alike: `ratio` is their time over ours, the median of the turns, and `processor_ratio` that of the
processor's time.

`loss_difference` and `gradient_difference` are between both from the same weights without dropout, the latter as the
largest difference in a tensor over its largest entry. `convolution`, `blur and pooling` and `rest` are the shares of
our step, on one thread, by PyTorch's profiler.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from benchmarks.published import import_stlpips
from metric.networks.photographs import read_photographs
from metric.text_table import align
from metric.training.configuration import Configuration
from metric.training.reading import read_configuration
from metric.training.step import Step
from metric.training.trainee import Trainee
from metric.training.triplet_images import TripletBatch
from metric.triplets.distortions import distort

PEERS = {
    "alex": ("alex", "vanilla"),
    "alex-before-activation-stride1": ("alex", "shift_tolerant"),
    "vgg": ("vgg", "vanilla"),
    "vgg-blur-pad2": ("vgg", "shift_tolerant"),
}
"""Our network → theirs, and its variant."""
SIZES = {64: 10, 256: 2}
"""Pixels → triplets a step."""
_LEAST_TURNS = 3
_CONVOLVING = ("convolution", "conv2d")
_POOLING = ("pool", "reflection_pad")


def triplets(size_px: int, count: int) -> TripletBatch:
    """Crops of photographs, each with two distorted versions; what is preferred is drawn."""
    generator = np.random.default_rng(0)
    photographs = list(read_photographs().values())
    images = []
    for number in range(count):
        taken = photographs[number % len(photographs)]
        y, x = (int(generator.integers(side - size_px + 1)) for side in taken.shape[:2])
        reference = taken[y : y + size_px, x : x + size_px]
        others = [distort(reference, "traditional", generator.uniform(0.1, 1), generator).pixels for _ in range(2)]
        images.append(np.stack([reference, *others]))
    judge = torch.from_numpy(generator.integers(0, 6, count) / 5).float()
    stacked = torch.from_numpy(np.stack(images)).permute(0, 1, 4, 2, 3).contiguous()
    return TripletBatch(stacked, judge, torch.ones(count), torch.arange(count))


class Ours:
    """A step of `shift-study train`."""

    def __init__(self, configuration: Configuration, batch: TripletBatch) -> None:
        self.batch = batch
        self.trainee = Trainee(configuration)
        self.trainee.prepare()
        self.trainee.train()
        self.step = Step(self.trainee, self.trainee, torch.device("cpu"), 0, 0, 1)
        self.optimizer = Adam(self.trainee.parameters(), lr=1e-4, betas=(0.5, 0.999))

    def gradient(self) -> float:
        """The loss; its gradient is the parameters'."""
        self.optimizer.zero_grad(set_to_none=True)
        return self.step.gradient(self.batch, 0, len(self.batch.place)).loss / len(self.batch.place)

    def __call__(self) -> None:
        self.gradient()
        self.optimizer.step()
        self.trainee.clamp()


class Theirs:
    """A step as the authors' trainer does it, with their package."""

    def __init__(self, network: str, dropout: float, batch: TripletBatch) -> None:
        self.images = batch.images.float() / 255
        self.judge = batch.judge.view(-1, 1, 1, 1)
        name, variant = PEERS[network]
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model: Any = import_stlpips().LPIPS(
                net=name, variant=variant, pretrained=False, pnet_tune=True, eval_mode=False, verbose=False
            )
        self.model.train()
        for module in self.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
        self.clamp()
        self.optimizer = Adam(self.model.parameters(), lr=1e-4, betas=(0.5, 0.999))

    @torch.no_grad()
    def clamp(self) -> None:
        """Puts channel weights below 0 back to it."""
        for lin in self.model.lins:
            lin.model[1].weight.clamp_(min=0)

    def gradient(self) -> float:
        """The loss; its gradient is the parameters'."""
        self.optimizer.zero_grad()
        reference, first, second = self.images.unbind(dim=1)
        d0 = self.model(reference, first, normalize=True)
        d1 = self.model(reference, second, normalize=True)
        loss = nn.functional.mse_loss(d0 / (d0 + d1), self.judge)
        loss.backward()
        return float(loss.detach())

    def __call__(self) -> None:
        self.gradient()
        self.optimizer.step()
        self.clamp()

    def state(self) -> dict[str, Tensor]:
        """In the layout of the authors' checkpoints; the package lists channel weights twice."""
        return {name: tensor for name, tensor in self.model.state_dict().items() if not name.startswith("lins.")}


def _configuration(network: str, size_px: int, dropout: float) -> Configuration:
    read = read_configuration("paper", [f"network.name={network}", f"data.size_px={size_px}"])
    return replace(read, loss=replace(read.loss, dropout=dropout))


def differences(network: str, size_px: int, batch: TripletBatch) -> dict[str, float]:
    """How far loss and gradient of the two ways are from each other, from the same weights, without dropout."""
    ours, theirs = Ours(_configuration(network, size_px, 0.0), batch), Theirs(network, 0.0, batch)
    metric = ours.trainee.metric
    metric.load_stlpips(theirs.state())
    loss, other = ours.gradient(), theirs.gradient()
    gradients = {name: p.grad for name, p in theirs.model.named_parameters() if p.grad is not None}
    names, apart = metric.stlpips_names(), []
    for name, parameter in metric.named_parameters():
        expected = gradients[names[name]]
        assert parameter.grad is not None
        apart.append(float((parameter.grad - expected).abs().max() / expected.abs().max()))
    return {"loss_difference": abs(loss / other - 1), "gradient_difference": max(apart)}


def compare(network: str, size_px: int, count: int, seconds: float) -> dict[str, Any]:
    """The figures of one network at one size."""
    batch = triplets(size_px, count)
    found = differences(network, size_px, batch)
    configuration = _configuration(network, size_px, 0.01)
    ways: dict[str, Callable[[], None]] = {
        "ours": Ours(configuration, batch),
        "theirs": Theirs(network, configuration.loss.dropout, batch),
    }
    wall: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    began, turn = perf_counter(), list(ways)
    while len(wall["ours"]) < _LEAST_TURNS or perf_counter() - began < seconds:
        for name in turn:
            start = perf_counter(), process_time()
            ways[name]()
            wall[name].append(perf_counter() - start[0])
            processor[name].append(process_time() - start[1])
        turn.reverse()
    return {
        "network": network,
        "size_px": size_px,
        "triplets": count,
        "images_per_second": 3 * count / median(wall["ours"]),
        "peer_images_per_second": 3 * count / median(wall["theirs"]),
        "ratio": _ratio(wall),
        "processor_ratio": _ratio(processor),
        "turns": len(wall["ours"]),
        **found,
        "shares": shares(ways["ours"]),
    }


def _ratio(seconds: Mapping[str, Sequence[float]]) -> float:
    return median(theirs / ours for theirs, ours in zip(seconds["theirs"], seconds["ours"], strict=True))


def shares(step: Callable[[], None]) -> dict[str, float]:
    """Kind of work → its share of a step's time on one thread, without waiting for other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profile:
            step()
    finally:
        torch.set_num_threads(threads)
    spent = {"convolution": 0.0, "blur and pooling": 0.0, "rest": 0.0}
    for event in profile.key_averages(group_by_input_shape=True):
        spent[_kind(event.key, event.input_shapes)] += event.self_cpu_time_total
    return {kind: time / sum(spent.values()) for kind, time in spent.items()}


def _kind(name: str, shapes: Sequence[Sequence[int]]) -> str:
    if any(part in name for part in _CONVOLVING):
        # A blur is a convolution of filters that each see one channel of many: their weights are (C, 1, k, k).
        blurs = any(len(shape) == 4 and shape[1] == 1 and shape[0] > 1 and shape[2] > 1 for shape in shapes[1:])
        return "blur and pooling" if blurs else "convolution"
    return "blur and pooling" if any(part in name for part in _POOLING) else "rest"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each network and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", choices=list(PEERS), help="only this")
    parser.add_argument("--size", action="append", type=int, help="pixels (64 and 256)")
    parser.add_argument("--batch", type=int, help="triplets a step (10 at 64 px, 2 at 256 px)")
    parser.add_argument("--threads", type=int, default=2, help="of both (2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each row at least (10)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)

    torch.set_num_threads(options.threads)
    rows = [
        compare(network, size, options.batch or SIZES.get(size, 2), options.seconds)
        for network in options.network or list(PEERS)[:3]
        for size in options.size or SIZES
    ]
    if options.json:
        print(json.dumps({"threads": options.threads, "rows": rows}, indent=2))
        return
    titles = ("network", "px", "triplets", "images/s", "theirs", "ratio", "processor", "loss", "gradient")
    print(align([(*titles, "convolution", "blur, pooling", "rest"), *map(_row, rows)]))
    print(f"\n{options.threads} threads. loss, gradient: largest relative difference from theirs.")


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["network"],
        str(row["size_px"]),
        str(row["triplets"]),
        *(f"{row[name]:.1f}" for name in ("images_per_second", "peer_images_per_second")),
        *(f"{row[name]:.2f}" for name in ("ratio", "processor_ratio")),
        *(f"{row[name]:.1e}" for name in ("loss_difference", "gradient_difference")),
        *(f"{share:.0%}" for share in row["shares"].values()),
    )


if __name__ == "__main__":
    main()
