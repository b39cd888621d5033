"""Pairs a second of our metrics and of the packages that others use, on the pairs of the demo study, in one run.

    python -m benchmarks.metric_speed
    python -m benchmarks.metric_speed --quick --json
    python -m benchmarks.metric_speed --study my-study --metric stlpips-vgg

All score the same files in one process, in turns of five references' pairs, so that a busy machine slows all
alike: `ratio` is their time over ours, the median of the turns. Few pairs are scored again until two seconds passed.

Reading the files counts for all; importing and loading the weights for none. Ours goes through `stream_scores`, as
`shift-study score` does: a reference is read and its features are computed once, pixels are checked against the
manifest, and a pair of identical pixels needs no arithmetic. The others are used as their README does: built once,
each pair read and given to them without gradients.

`max_relative_difference` is of our distance from theirs, over the pairs of differing images. `order_changed` counts
the pairs of these that we order otherwise, of those whose distances differ by more than 1%. Of SSIM the fastest
library may be one that counts windows over reflected borders, which ours, like scikit-image, does not; then both are
large. `peak_memory_mib` is that of a process which runs `shift-study score` on the same pairs.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from itertools import chain, groupby, islice
from operator import attrgetter
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.originals import Distance, original_lpips, original_stlpips, seeded_squeezenet
from benchmarks.structural_similarity import ms_ssim_libraries, ssim_libraries
from metric.device import Precision, choose_device
from metric.interface import FeatureMetric
from metric.loading import find_spec, load_metric
from metric.networks.fast import computed_in
from metric.pixels import read_image
from metric.scoring.manifest_pairs import ImagePair, read_manifest
from metric.scoring.score import stream_scores
from metric.text_table import align
from metric.weights.finding import Weights
from study_server.folder.new import make_study


@dataclass(frozen=True)
class Contest:
    """One of our metrics, in one or more precisions, and the packages that it is compared with.

    `peers` gives them by name, on a device. `random_backbone`: both get the same random convolutions, for want of
    trained ones.
    """

    metric: str
    peers: Callable[[torch.device], Mapping[str, Distance]]
    precisions: tuple[str, ...] = ("fp32",)
    random_backbone: bool = False


_REFERENCES_A_TURN = 5
_LEAST_SECONDS = 2.0
"""Few pairs are scored again and again for so long."""
_PRECISIONS: dict[str, Precision] = {"fp32": "float32", "bf16": "bfloat16"}


def _backbone(metric: str) -> dict[str, torch.Tensor]:
    return Weights(metric, find_spec(metric).weights, {}).read("backbone")


CONTESTS = (
    Contest("stlpips-alex", lambda on: {"stlpips_pytorch": original_stlpips("alex", device=on)}, ("fp32", "bf16")),
    Contest("stlpips-vgg", lambda on: {"stlpips_pytorch": original_stlpips("vgg", device=on)}, ("fp32", "bf16")),
    Contest(
        "lpips-alex", lambda on: {"lpips": original_lpips("alex", _backbone("lpips-alex"), device=on)}, ("fp32", "bf16")
    ),
    Contest(
        "lpips-vgg", lambda on: {"lpips": original_lpips("vgg", _backbone("lpips-vgg"), device=on)}, ("fp32", "bf16")
    ),
    Contest(
        "lpips-squeeze",
        lambda on: {"lpips": original_lpips("squeeze", seeded_squeezenet(), device=on)},
        random_backbone=True,
    ),
    Contest("ssim", lambda _: ssim_libraries()),
    Contest("ms-ssim", lambda _: ms_ssim_libraries()),
)


def run(contest: Contest, pairs: Sequence[ImagePair], device: torch.device) -> dict[str, dict[str, Any]]:
    """The figures of each precision, against the fastest peer."""
    computed = {precision: computed_in(_PRECISIONS[precision], device) for precision in contest.precisions}
    # Where bfloat16 falls back to float32, the figures of one are those of the other.
    timed = {p: "fp32" if computed[p].startswith("float32") else p for p in contest.precisions}
    ours = {precision: _load(contest, precision, device) for precision in dict.fromkeys(timed.values())}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the peers
        peers = contest.peers(device)
        distances, seconds = _measure(ours, peers, pairs, device, contest.metric)
    fastest = min(peers, key=lambda name: sum(seconds[name]))
    return {
        precision: {
            "ratio": median(theirs / mine for theirs, mine in zip(seconds[fastest], seconds[of], strict=True)),
            **_agreement(distances[of], distances[fastest]),
            "peer": fastest,
            "pairs": len(pairs),
            "pairs_per_second": 1 / median(seconds[of]),
            "peer_pairs_per_second": 1 / median(seconds[fastest]),
            "computed_in": computed[precision],
        }
        for precision, of in timed.items()
    }


def _load(contest: Contest, precision: str, device: torch.device) -> FeatureMetric:
    chosen = _PRECISIONS[precision]
    if not contest.random_backbone:
        return load_metric(contest.metric, str(device), precision=chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backbone.pt"
        torch.save(seeded_squeezenet(), path)
        return load_metric(contest.metric, str(device), {"backbone": path}, precision=chosen)


def _measure(
    ours: Mapping[str, FeatureMetric],
    peers: Mapping[str, Distance],
    pairs: Sequence[ImagePair],
    device: torch.device,
    name: str,
) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Of ours and of the peers, by name: the distances, and the seconds for a pair in each turn."""

    def of_ours(metric: FeatureMetric) -> Callable[[Sequence[ImagePair]], dict[str, float]]:
        def score(group: Sequence[ImagePair]) -> dict[str, float]:
            scores = stream_scores(group, [metric], device=str(device))
            return {score.pair.pair: next(iter(score.distances.values())) for score in scores}

        return score

    def of_peer(distance: Distance) -> Callable[[Sequence[ImagePair]], dict[str, float]]:
        def score(group: Sequence[ImagePair]) -> dict[str, float]:
            with torch.no_grad():
                return {
                    pair.pair: distance(read_image(pair.reference).to(device), read_image(pair.stimulus).to(device))
                    for pair in group
                }

        return score

    all_: dict[str, Callable[[Sequence[ImagePair]], dict[str, float]]]
    all_ = {precision: of_ours(metric) for precision, metric in ours.items()}
    all_ |= {peer: of_peer(distance) for peer, distance in peers.items()}
    groups = [list(group) for group in _turns(pairs)]
    for score in all_.values():
        score(groups[0][-1:])  # the first call of each sets up its kernels
    distances: dict[str, dict[str, float]] = {who: {} for who in all_}
    seconds: dict[str, list[float]] = {who: [] for who in all_}
    order, started, turns = list(all_), perf_counter(), 0
    with tqdm(total=len(pairs), unit="pair", desc=name) as bar:
        while turns < len(groups) or perf_counter() - started < _LEAST_SECONDS:
            group = groups[turns % len(groups)]
            for who in order:
                began = perf_counter()
                distances[who].update(all_[who](group))
                seconds[who].append((perf_counter() - began) / len(group))
            order.reverse()
            bar.update(len(group) if turns < len(groups) else 0)
            turns += 1
    return distances, seconds


def _turns(pairs: Sequence[ImagePair]) -> Iterator[Iterator[ImagePair]]:
    references = iter([list(group) for _, group in groupby(pairs, key=attrgetter("reference"))])
    while turn := list(islice(references, _REFERENCES_A_TURN)):
        yield chain.from_iterable(turn)


def _agreement(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, Any]:
    names = list(theirs)
    mine, their = (np.array([found[name] for name in names]) for found in (ours, theirs))
    differing = mine != 0  # theirs of identical images may be rounding
    mine, their = mine[differing], their[differing]
    relative = np.abs(mine / their - 1)
    apart = their[:, None] > 1.01 * their[None, :]
    return {
        "max_relative_difference": float(relative.max()),
        "order_changed": int((apart & (mine[:, None] <= mine[None, :])).sum()),
    }


_MEASURED = (
    "import pathlib, shift_study, sys; sys.argv[0] = 'shift-study'; shift_study.main(standalone_mode=False); "
    # Not `ru_maxrss`, in which Linux counts the process that started this one.
    "print(*(line for line in pathlib.Path('/proc/self/status').read_text().splitlines() if 'VmHWM' in line), "
    "file=sys.stderr)"
)


def peak_memory_mib(study: Path, metric: str, precision: str, device: torch.device) -> int:
    """Of `shift-study score` on all pairs of a study, in a process of its own."""
    verb = ["score", str(study), "--all-pairs", "--metric", metric, "--device", str(device)]
    verb += ["--precision", _PRECISIONS[precision]]
    done = subprocess.run([sys.executable, "-c", _MEASURED, *verb], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-2]) // 1024  # "VmHWM: 123456 kB"


@contextmanager
def _study(named: Path | None, references: int | None) -> Iterator[Path]:
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory() as home:
        print("Making the demo study", file=sys.stderr)
        count = max(10, references or 50)  # a study has at least an image a shift
        with redirect_stderr(io.StringIO()):
            made = make_study(Path(home) / "study", source="demo", count=count)
        yield made.folder.path


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, help="a study folder; by default the demo study is made")
    parser.add_argument("--metric", action="append", choices=[contest.metric for contest in CONTESTS])
    parser.add_argument("--references", type=int, help="only the pairs of the first N references")
    parser.add_argument("--quick", action="store_true", help="the pairs of one reference, and no memory")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)

    device = choose_device(options.device)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    references = 1 if options.quick else options.references
    with _study(options.study, references) as study:
        groups = groupby(read_manifest(study), key=attrgetter("reference"))
        pairs = [pair for _, group in islice(groups, references) for pair in group]
        for contest in CONTESTS:
            if not options.metric or contest.metric in options.metric:
                found[contest.metric] = run(contest, pairs, device)
        if not options.quick and references is None:
            for metric, precision in ((m, p) for m in found for p in found[m] if m.startswith("stlpips")):
                found[metric][precision]["peak_memory_mib"] = peak_memory_mib(study, metric, precision, device)
    print(json.dumps(found, indent=2) if options.json else _table(found))


def _table(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows: list[tuple[str, ...]] = [
        ("metric", "", "peer", "pairs", "ours/s", "peer/s", "ratio", "max rel. diff.", "order changed", "MiB")
    ]
    for metric, precisions in found.items():
        for precision, figures in precisions.items():
            rows.append(
                (
                    metric,
                    precision,
                    figures["peer"],
                    str(figures["pairs"]),
                    f"{figures['pairs_per_second']:.1f}",
                    f"{figures['peer_pairs_per_second']:.1f}",
                    f"{figures['ratio']:.2f}",
                    f"{figures['max_relative_difference']:.1e}",
                    str(figures["order_changed"]),
                    str(figures.get("peak_memory_mib", "–")),
                )
            )
    notes = {f"{precision}: {figures['computed_in']}" for by in found.values() for precision, figures in by.items()}
    return "\n".join([align(rows), "", f"{torch.get_num_threads()} threads", *sorted(notes)])


if __name__ == "__main__":
    main()
