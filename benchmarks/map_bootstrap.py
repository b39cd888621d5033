"""How much faster the bootstrap of JND mAP is than a plain loop over a NumPy implementation.

    python -m benchmarks.map_bootstrap
    python -m benchmarks.map_bootstrap --quick --json

Both draw the images of the published study with replacement (301 pairs of 50 images), each with its pairs and answers,
and give one JND mAP a draw, for made-up distances without ties. The plain loop does for each draw what one would write
down: draw images, put their pairs together, sort, score. Ours counts from the drawing of the images too. They take
turns, so that a busy machine slows both; the ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from analysis.agreement.drawn_areas import Ranking, drawn_areas
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.responses.sources import PUBLISHED, read_responses

_REPLICATES = 10_000


def plain_loop(pairs: JudgedPairs, distances: Any, replicates: int, generator: np.random.Generator) -> Any:
    """JND mAP of each draw, one draw after the other."""
    shares = pairs.same_share
    images = pairs.n_photographs
    of_image = [np.flatnonzero(pairs.photograph == image) for image in range(images)]
    areas = np.empty(replicates)
    for replicate in range(replicates):
        drawn = np.concatenate(
            [of_image[image] for image in generator.integers(0, pairs.n_photographs, pairs.n_photographs)]
        )
        ranked = shares[drawn][np.argsort(distances[drawn])]
        found = np.cumsum(ranked)
        precision = found / np.arange(1, len(ranked) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        areas[replicate] = np.sum(ranked * envelope) / found[-1]
    return areas


def ours(pairs: JudgedPairs, distances: Any, replicates: int, generator: np.random.Generator) -> Any:
    """The same by the package."""
    draws = PhotographDraws.of(pairs.n_photographs, replicates, generator, participants=False)
    return drawn_areas(Ranking.of(distances), pairs.same_share, pairs.photograph, draws.counts)


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of both, their ratio, and how far apart the intervals are that they give."""
    pairs = JudgedPairs.from_responses(read_responses(PUBLISHED, lambda source: None))
    distances = np.log(np.maximum(pairs.shift_px, 0.25)) + np.random.default_rng(7).normal(0, 0.6, len(pairs.names))
    seconds: dict[str, list[float]] = {"ours": [], "plain_loop": []}
    areas: dict[str, Any] = {}
    ours(pairs, distances, 100, np.random.default_rng(0))  # the first call loads what it needs
    for number in range(3 if quick else 7):
        for name, function in (("ours", ours), ("plain_loop", plain_loop)):
            began = perf_counter()
            areas[name] = function(pairs, distances, _REPLICATES, np.random.default_rng(number))
            seconds[name].append(perf_counter() - began)
    ratios = [plain / own for plain, own in zip(seconds["plain_loop"], seconds["ours"], strict=True)]
    ends = {name: np.quantile(values, (0.025, 0.975)) for name, values in areas.items()}
    return {
        "pairs": len(pairs.names),
        "images": pairs.n_photographs,
        "replicates": _REPLICATES,
        "rounds": len(ratios),
        "ours_s": median(seconds["ours"]),
        "plain_loop_s": median(seconds["plain_loop"]),
        "ratio": median(ratios),
        "ratios": ratios,
        "largest_difference_of_interval_ends": float(np.max(np.abs(ends["ours"] - ends["plain_loop"]))),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 7")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    found = measure(options.quick)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['replicates']:,} draws of {found['images']} images with {found['pairs']} pairs")
    print(f"Shift Study   {1000 * found['ours_s']:8.1f} ms")
    print(f"Plain loop    {1000 * found['plain_loop_s']:8.1f} ms")
    print(f"Ratio         {found['ratio']:8.1f}   (rounds: {', '.join(f'{ratio:.1f}' for ratio in found['ratios'])})")
    print(f"Interval ends differ by {found['largest_difference_of_interval_ends']:.4f} at most")


if __name__ == "__main__":
    main()
