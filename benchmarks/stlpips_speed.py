"""Pairs a second of shift-tolerant LPIPS, ours and the authors' package, on the pairs of a study folder.

    python -m benchmarks.stlpips_speed my-study
    python -m benchmarks.stlpips_speed my-study --network vgg --pairs 100 --json

Both score the same files in one process, in turns of one reference's pairs, so that a busy machine slows
both. Reading the files counts for both; importing and loading the weights for neither. Ours goes through
`score_pairs`: a reference is read and its features are computed once, pixels are checked against the
manifest, and a pair of identical pixels is 0 without arithmetic. The authors' package is used as its README
does: the model built once, each pair read and given to `model(reference, image, normalize=True)` without
    gradients.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.published import published_stlpips
from metric.device import choose_device
from metric.interface import FeatureMetric
from metric.registry import load_metric
from metric.scoring.images import read_image
from metric.scoring.manifest import ImagePair, read_manifest
from metric.scoring.score import score_pairs
from metric.tables import align


@dataclass(frozen=True)
class Speed:
    """One network's figures; the difference is relative to the authors' distance where that is not 0."""

    network: str
    device: str
    threads: int
    n_pairs: int
    ours_pairs_per_second: float
    published_pairs_per_second: float
    ratio: float
    largest_relative_difference: float
    zero_pairs: int
    zero_pairs_that_are_zero_in_both: int


def published_distances(model: Any, pairs: Sequence[ImagePair], device: torch.device) -> dict[str, float]:
    """What the authors' package gives for each pair."""
    with torch.no_grad():
        return {
            pair.pair: float(
                model(
                    read_image(pair.reference).to(device),
                    read_image(pair.stimulus).to(device),
                    normalize=True,
                )
            )
            for pair in pairs
        }


def compare(network: str, metric: FeatureMetric, model: Any, pairs: Sequence[ImagePair], device: torch.device) -> Speed:
    """Scores `pairs` with both, reference by reference; who goes first alternates."""
    name = metric.spec.name
    groups = [list(group) for _, group in groupby(pairs, key=lambda pair: pair.reference)]

    def ours_on(group: Sequence[ImagePair]) -> dict[str, float]:
        return dict(score_pairs(group, [metric], device=str(device)).distances[name])

    def published_on(group: Sequence[ImagePair]) -> dict[str, float]:
        return published_distances(model, group, device)

    ours_on(groups[0][-1:]), published_on(groups[0][-1:])  # the first call of each sets up its kernels
    distances: dict[str, dict[str, float]] = {"ours": {}, "published": {}}
    seconds = {"ours": 0.0, "published": 0.0}
    both = [("ours", ours_on), ("published", published_on)]
    with tqdm(total=len(pairs), unit="pair", desc=network) as bar:
        for group in groups:
            for who, measure in both:
                began = perf_counter()
                distances[who].update(measure(group))
                seconds[who] += perf_counter() - began
            both.reverse()
            bar.update(len(group))
    nonzero = [pair for pair, distance in distances["published"].items() if distance != 0]
    zero = [pair for pair in distances["ours"] if pair not in set(nonzero)]
    return Speed(
        network=network,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        n_pairs=len(pairs),
        ours_pairs_per_second=len(pairs) / seconds["ours"],
        published_pairs_per_second=len(pairs) / seconds["published"],
        ratio=seconds["published"] / seconds["ours"],
        largest_relative_difference=max(
            abs(distances["ours"][pair] / distances["published"][pair] - 1) for pair in nonzero
        ),
        zero_pairs=len(zero),
        zero_pairs_that_are_zero_in_both=sum(distances["ours"][pair] == 0 for pair in zero),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures of each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="a study folder")
    parser.add_argument("--network", choices=("alex", "vgg"), action="append", help="default: both")
    parser.add_argument("--pairs", type=int, help="only the first N pairs of the manifest")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)

    device = choose_device(options.device)
    pairs = read_manifest(options.study)[: options.pairs]
    speeds = [
        compare(
            network,
            load_metric(f"stlpips-{network}", str(device)),
            published_stlpips(network).to(device),
            pairs,
            device,
        )
        for network in options.network or ("alex", "vgg")
    ]
    if options.json:
        print(json.dumps([asdict(speed) for speed in speeds], indent=2))
        return
    rows = [
        (
            "network",
            "device",
            "pairs",
            "ours pairs/s",
            "published pairs/s",
            "ratio",
            "largest rel. difference",
        )
    ]
    for speed in speeds:
        rows.append(
            (
                speed.network,
                speed.device,
                str(speed.n_pairs),
                f"{speed.ours_pairs_per_second:.2f}",
                f"{speed.published_pairs_per_second:.2f}",
                f"{speed.ratio:.2f}",
                f"{speed.largest_relative_difference:.2e}",
            )
        )
    print(align(rows))


if __name__ == "__main__":
    main()
