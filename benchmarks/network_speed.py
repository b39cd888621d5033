"""How much faster shift-tolerant LPIPS is than the authors' package, by image size and number of pairs, in one run.

    python -m benchmarks.network_speed
    python -m benchmarks.network_speed --threads 1 --json
    SHIFT_STUDY_COMPILED=0 python -m benchmarks.network_speed

Images are in memory as tensors: crops of photographs inside installed packages, and the same shifted by 3 pixels. The
package and ours, with the reference's features computed anew and with them kept, take turns of one call each, so that a
busy machine slows all alike. `ratio` is the package's time over ours, the median of the turns; beside it stands that of
the processor's time, which others on the machine hardly change but in which waiting threads count too (`--threads 1`
has none). `relative_difference` is the largest of the distances.

`convolution` is the share of the machine's convolution rate: what the features' convolutions multiply and add, by
Winograd's filtering where that is used, by the time of *all* that the features take, over the rate of torch's own
convolution of 256 channels of 64 × 64 positions, which is timed in the same turns.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.published import published_stlpips
from metric.interface import FeatureMetric
from metric.loading import load_metric
from metric.networks.compiler import compiled
from metric.networks.folding import FoldedConvBlur
from metric.networks.photographs import read_photographs
from metric.networks.winograd import WinogradConv2d
from metric.pixels import to_tensor
from metric.text_table import align

_LEAST_TURNS = 5
_SHIFT_PX = 3


def pairs(size: int, count: int) -> tuple[Tensor, Tensor]:
    """References and the same shifted, (count, 3, size, size)."""
    images = [to_tensor(pixels) for pixels in read_photographs().values()]
    images = [image.reshape(-1, 3, *image.shape[-2:])[:, :, 30:, 50:] for image in images]
    images += [image.flip(3) for image in images]
    taken = [images[k % len(images)] for k in range(count)]
    both = [[image[:, :, :size, by : by + size] for image in taken] for by in (0, _SHIFT_PX)]
    return torch.cat(both[0]), torch.cat(both[1])


def run(network: str, size: int, count: int, seconds: float) -> dict[str, Any]:
    """The figures of one network, image size and number of pairs."""
    theirs, ours = published_stlpips(network).eval(), load_metric(f"stlpips-{network}", "cpu")
    reference, images = pairs(size, count)
    with torch.inference_mode():
        kept = ours.features(reference)
        convolution, maps = _plain_convolution()
        calls: dict[str, Callable[[], Any]] = {
            "peer": lambda: theirs(reference, images, normalize=True),
            "ours": lambda: ours(reference, images),
            "kept": lambda: ours.distance(kept, ours.features(images)),
            "features": lambda: ours.features(images),
            "convolution": lambda: convolution(maps),
        }
        wall, processor = _take_turns(calls, seconds)
        found, expected = calls["kept"](), calls["peer"]().flatten()
        rate = _operations(convolution, maps) / median(wall["convolution"])
        done = operations(ours, images) / median(wall["features"])
    return {
        "network": network,
        "size_px": size,
        "pairs": count,
        "peer_ms": 1000 * median(wall["peer"]) / count,
        "kept_ms": 1000 * median(wall["kept"]) / count,
        "ratio": _ratio(wall, "ours"),
        "ratio_kept": _ratio(wall, "kept"),
        "processor_ratio": _ratio(processor, "ours"),
        "processor_ratio_kept": _ratio(processor, "kept"),
        "relative_difference": float((found / expected - 1).abs().max()),
        "convolution_gflops": rate / 1e9,
        "convolution": done / rate,
        "turns": len(wall["peer"]),
    }


def operations(metric: FeatureMetric, images: Tensor) -> float:
    """Multiplications and additions of the convolutions for the features of images."""
    counted: list[float] = []
    hooks = []
    for module in metric.modules():
        if isinstance(module, WinogradConv2d | FoldedConvBlur | nn.Conv2d):
            hooks.append(module.register_forward_hook(lambda *call: counted.append(_count(*call))))
    metric.features(images)
    for hook in hooks:
        hook.remove()
    return sum(counted)


def _count(module: nn.Module, given: tuple[Tensor, ...], found: Tensor) -> float:
    images, channels = given[0].shape[:2]
    filters, height, width = found.shape[1:]
    if isinstance(module, WinogradConv2d):
        windows = -(-height // module.outputs) * -(-width // module.outputs)
        return 2.0 * images * windows * module.window**2 * channels * filters
    if isinstance(module, FoldedConvBlur):
        side = module.convolution.kernel_size[0] + (module.blur.size - 1) * module.convolution.stride[0]
        return 2.0 * found.numel() * channels * side**2
    return _operations(module, given[0]) if isinstance(module, nn.Conv2d) else 0.0


def _operations(convolution: nn.Conv2d, maps: Tensor) -> float:
    side = (maps.shape[2] + 2 * int(convolution.padding[0]) - convolution.kernel_size[0]) // convolution.stride[0] + 1
    other = (maps.shape[3] + 2 * int(convolution.padding[0]) - convolution.kernel_size[0]) // convolution.stride[0] + 1
    return 2.0 * len(maps) * side * other * convolution.weight.numel()


def _plain_convolution() -> tuple[nn.Conv2d, Tensor]:
    convolution = nn.Conv2d(256, 256, 3, padding=1).to(memory_format=torch.channels_last)
    return convolution, torch.rand(2, 256, 64, 64).contiguous(memory_format=torch.channels_last)


def _take_turns(
    calls: dict[str, Callable[[], Any]], seconds: float
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of each call by the clock, and of the processor."""
    wall: dict[str, list[float]] = {name: [] for name in calls}
    processor: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    began, order = perf_counter(), list(calls)
    while len(wall[order[0]]) < _LEAST_TURNS or perf_counter() - began < seconds:
        for name in order:
            start = perf_counter(), process_time()
            calls[name]()
            wall[name].append(perf_counter() - start[0])
            processor[name].append(process_time() - start[1])
        order.reverse()
    return wall, processor


def _ratio(seconds: dict[str, list[float]], name: str) -> float:
    return median(peer / ours for peer, ours in zip(seconds["peer"], seconds[name], strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each network, size and number of pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=["alex", "vgg"], action="append")
    parser.add_argument("--size", type=int, action="append", help="pixels (64 and 256)")
    parser.add_argument("--pairs", type=int, action="append", help="at a time (1 and 8)")
    parser.add_argument("--threads", type=int, default=2, help="of both (2)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row, at least (5)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)

    torch.set_num_threads(options.threads)
    rows = [
        run(network, size, count, options.seconds)
        for network in options.network or ("alex", "vgg")
        for size in options.size or (64, 256)
        for count in options.pairs or (1, 8)
    ]
    if options.json:
        print(json.dumps({"networks": compiled().how, "threads": options.threads, "rows": rows}, indent=2))
        return
    print(align([_TITLES, *map(_row, rows)]))
    print(f"\n{options.threads} threads. Ours: networks {compiled().how}.")


_TITLES = (
    "network",
    "px",
    "pairs",
    "peer ms",
    "kept ms",
    "ratio",
    "kept",
    "processor",
    "kept",
    "rel. diff.",
    "of rate",
)


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    ratios = [f"{row[name]:.2f}" for name in ("ratio", "ratio_kept", "processor_ratio", "processor_ratio_kept")]
    times = [f"{row[name]:.1f}" for name in ("peer_ms", "kept_ms")]
    share = f"{row['convolution']:.0%} of {row['convolution_gflops']:.0f} GFLOP/s"
    return (
        row["network"],
        str(row["size_px"]),
        str(row["pairs"]),
        *times,
        *ratios,
        f"{row['relative_difference']:.1e}",
        share,
    )


if __name__ == "__main__":
    main()
