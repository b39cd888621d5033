"""A scoring pass over BAPPS, beside the way of the repository that accompanies the paper, in one run.

    python -m benchmarks.bapps
    python -m benchmarks.bapps --quick --json
    python -m benchmarks.bapps --metric lpips-vgg --size 256 --memory

Both score the same made triplets (256 × 256 pixels, BAPPS's layout) on whole images and on the crops of shifts 0 to 3,
in one process, in turns of a few triplets, so that a busy machine slows both alike: `ratio` is their time over ours,
the median of the turns.

The other way is written after `test_shiftedDataset_model.py` of the repository, with the authors' packages: a pass over
the whole images and one for each shift; in each pass every image is decoded, resized and put through the network again
in the main process, the reference once for each of the two images, in batches of up to 8 (its default of 50 takes no
less time on a CPU, and gigabytes at 256 px).

Of our time on one thread, `network_share` is spent in the network (convolutions, activations and pooling),
`convolution_share` in its convolutions alone with their transforms, by PyTorch's profiler, and `waiting_share` in
waiting for images. `max_relative_difference` is of our distances from theirs. `--memory` scores sets of two lengths
in processes of their own: `peak_memory_mib`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest import mock

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose, Resize, ToTensor
from tqdm import tqdm

from benchmarks.metric_speed import _MEASURED, _backbone
from benchmarks.originals import lpips_model
from benchmarks.published import published_stlpips
from metric.interface import FeatureMetric
from metric.loading import load_metric
from metric.networks import compiled
from metric.networks.photographs import read_photographs
from metric.text_table import align
from metric.triplets.decoding import DecodedTriplet, Decoder
from metric.triplets.distances import Comparison
from metric.triplets.judged_folders import TWO_AFC, read_folders
from metric.triplets.made_set import MadeSet
from metric.triplets.photograph_files import Photograph
from metric.triplets.run import TripletRun
from metric.triplets.triplet import Triplet, TripletSet

PEERS: dict[str, Callable[[], Any]] = {
    "stlpips-alex": lambda: published_stlpips("alex"),
    "lpips-vgg": lambda: lpips_model("vgg", _backbone("lpips-vgg")),
}
"""Our metric → the authors' module."""
_SHIFTS = (0, 1, 2, 3)
_TURN = {64: 6, 256: 2}
"""Triplets a turn."""
_PEER_BATCH = 8
_CONVOLVING = ("convolution", "conv2d", "bmm", "::mm", "addmm")
"""Parts of the names of operations that convolve; Winograd's way multiplies matrices."""


def theirs(model: Any, triplets: Sequence[Triplet], size_px: int) -> dict[str, list[float]]:
    """Key → distances, in the order of ours, as the repository's scripts compute them."""
    transform = Compose([Resize(size_px, Image.BICUBIC), ToTensor()])
    found: dict[str, list[float]] = {triplet.key: [] for triplet in triplets}

    def read(paths: Iterable[Path]) -> Tensor:
        return torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])

    for shift in (None, *_SHIFTS):
        for start in range(0, len(triplets), _PEER_BATCH):
            batch = triplets[start : start + _PEER_BATCH]
            images = [read(t.compared[place] for t in batch) for place in (0, 1)]
            reference = read(t.reference for t in batch)
            if shift is not None:
                width = reference.shape[3] - 3
                reference = reference[..., :width]
                images = [image[..., shift : width + shift] for image in images]
            with torch.no_grad():
                values = [model(reference, image, normalize=True).flatten().tolist() for image in images]
            for triplet, *pair in zip(batch, *values, strict=True):
                found[triplet.key] += pair
    return found


def ours(metric: FeatureMetric, triplets: Sequence[Triplet], size_px: int) -> dict[str, list[float]]:
    """Key → distances, as `shift-study bapps score` computes them."""
    found = TripletRun(TripletSet("bapps", triplets), [metric], size_px=size_px, shifts=_SHIFTS).run()
    return {key: list(distances) for key, distances in found.distances[metric.spec.name].items()}


def compare(name: str, size_px: int, triplets: Sequence[Triplet]) -> dict[str, Any]:
    """The figures of one metric at one size."""
    metric = load_metric(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the peers
        model = PEERS[name]()
        turns = [triplets[start : start + _TURN[size_px]] for start in range(0, len(triplets), _TURN[size_px])]
        ways = {"ours": partial(ours, metric), "theirs": partial(theirs, model)}
        for way in ways.values():
            way(triplets[:1], size_px)  # the first call of each sets up its kernels
        seconds: dict[str, list[float]] = {who: [] for who in ways}
        distances: dict[str, dict[str, list[float]]] = {who: {} for who in ways}
        order = list(ways)
        for turn in tqdm(turns, desc=f"{name}, {size_px} px"):
            for who in order:
                began = perf_counter()
                distances[who] |= ways[who](turn, size_px)
                seconds[who].append((perf_counter() - began) / len(turn))
            order.reverse()
    return {
        "ratio": median(their / our for their, our in zip(seconds["theirs"], seconds["ours"], strict=True)),
        "triplets_per_second": 1 / median(seconds["ours"]),
        "peer_triplets_per_second": 1 / median(seconds["theirs"]),
        "triplets": len(triplets),
        "max_relative_difference": max(
            abs(our / their - 1)
            for key in distances["ours"]
            for our, their in zip(distances["ours"][key], distances["theirs"][key], strict=True)
            if their > 1e-4
        ),
        **shares(metric, turns[0], size_px),
    }


def shares(metric: FeatureMetric, triplets: Sequence[Triplet], size_px: int) -> dict[str, float]:
    """Where our time goes, triplet by triplet, on one thread: the profiler sees no others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    spent = {"network": 0.0, "waiting": 0.0}

    def waited(decoded: Iterator[DecodedTriplet]) -> Iterator[DecodedTriplet]:
        while True:
            began = perf_counter()
            one = next(decoded, None)
            spent["waiting"] += perf_counter() - began
            if one is None:
                return
            yield one

    network: Any = metric.network
    began_network: list[float] = []
    hooks = [
        network.register_forward_pre_hook(lambda *_: began_network.append(perf_counter())),
        network.register_forward_hook(
            lambda *_: spent.__setitem__("network", spent["network"] + perf_counter() - began_network.pop())
        ),
    ]
    began = perf_counter()
    for _ in Comparison([metric], _SHIFTS).stream(waited(Decoder(size_px).decode(triplets))):
        pass
    whole = perf_counter() - began
    for hook in hooks:
        hook.remove()
    with (
        mock.patch.object(compiled, "_call", _named(compiled._call)),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
    ):
        for _ in Comparison([metric], _SHIFTS).stream(Decoder(size_px).decode(triplets)):
            pass
    torch.set_num_threads(threads)
    events = profile.key_averages()
    convolving = sum(e.self_cpu_time_total for e in events if any(part in e.key for part in _CONVOLVING))
    return {
        "network_share": spent["network"] / whole,
        "convolution_share": convolving / sum(event.self_cpu_time_total for event in events),
        "waiting_share": spent["waiting"] / whole,
    }


def _named(call: Callable[..., None]) -> Callable[..., None]:
    """Compiled code under the name of what it computes, for the profiler."""

    def named(name: str, *given: Any) -> None:
        what = "convolution" if name in ("winograd", "direct") else "compiled"
        with torch.profiler.record_function(f"{what}::{name}"):
            call(name, *given)

    return named


def peak_memory_mib(home: Path, made: Path, name: str, size_px: int, lengths: Sequence[int]) -> dict[str, int]:
    """Length of a set → the memory of `shift-study bapps score` on so many triplets, in a process of its own."""
    found = {}
    for length in lengths:
        folder = home / f"{length}"
        for part in TWO_AFC.parts:
            files = sorted((made / "2afc" / "val" / "traditional" / part).iterdir())
            (folder / "2afc" / "val" / "traditional" / part).mkdir(parents=True, exist_ok=True)
            for number in range(length):
                file = files[number % len(files)]
                link = folder / "2afc" / "val" / "traditional" / part / f"{number:06d}{file.suffix}"
                if not link.exists():
                    os.link(file, link)
        verb = ["bapps", "score", str(folder), "--metric", name, "--size", str(size_px), "--force", "-o"]
        command = [sys.executable, "-c", _MEASURED, *verb, str(home / "scores.parquet")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[str(length)] = int(done.stderr.split()[-2]) // 1024  # "VmHWM: 123456 kB"
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each metric at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metric", action="append", choices=list(PEERS))
    parser.add_argument("--size", action="append", type=int, choices=list(_TURN), help="pixels")
    parser.add_argument("--quick", action="store_true", help="one turn")
    parser.add_argument("--memory", action="store_true", help="measure memory at two lengths too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)

    found: dict[str, dict[str, dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        demo = read_photographs()
        photographs = [Photograph.of(name, partial(demo.__getitem__, name)) for name in demo]
        MadeSet(count=5).make(photographs, home / "made")
        triplets = read_folders(home / "made", TWO_AFC).triplets
        for name in options.metric or PEERS:
            for size_px in options.size or _TURN:
                count = _TURN[size_px] * (1 if options.quick else 5)
                figures = compare(name, size_px, triplets[:: max(1, len(triplets) // count)][:count])
                if options.memory:
                    lengths = (60, 600) if size_px == 64 else (4, 16)
                    figures["peak_memory_mib"] = peak_memory_mib(home, home / "made", name, size_px, lengths)
                found.setdefault(name, {})[str(size_px)] = figures
    print(json.dumps(found, indent=2) if options.json else _table(found))


def _table(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows: list[tuple[str, ...]] = [
        ("metric", "px", "ours/s", "theirs/s", "ratio", "max rel. diff.", "network", "convolution", "waiting", "MiB")
    ]
    for name, sizes in found.items():
        for size_px, figures in sizes.items():
            memory = figures.get("peak_memory_mib", {})
            rows.append(
                (
                    name,
                    size_px,
                    f"{figures['triplets_per_second']:.2f}",
                    f"{figures['peer_triplets_per_second']:.2f}",
                    f"{figures['ratio']:.2f}",
                    f"{figures['max_relative_difference']:.1e}",
                    *(f"{figures[f'{part}_share']:.0%}" for part in ("network", "convolution", "waiting")),
                    ", ".join(f"{mib} ({length})" for length, mib in memory.items()) or "–",
                )
            )
    return f"{align(rows)}\n\n{torch.get_num_threads()} threads; triplets a second; MiB (of a set of so many triplets)"


if __name__ == "__main__":
    main()
