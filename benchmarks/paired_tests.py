"""Whether intervals and tests of JND mAP keep what they promise, in simulated studies whose truth is known.

    python -m benchmarks.paired_tests
    python -m benchmarks.paired_tests --quick --json

Studies of 30 participants and 50 photographs are simulated, both drawn anew each time, with the server's assignment.
A made-up metric knows the shift and what each image does to its visibility, and adds noise.

1. Coverage: how often the 95% interval of a metric's JND mAP, and of its difference to another's and to the pixel
   shift's, holds the truth: the mean over many other studies.
2. Level: how often two metrics with the same knowledge and as much noise of their own are told apart at 5%; and the
   pixel shift, which has ties, and the same with its ties broken at random, and two of those.
3. Power: how often they are where one has more noise, and with fewer or more images, at three answers a pair.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

import numpy as np
from tqdm import tqdm

from analysis.agreement.concordance import Concordance
from analysis.agreement.drawn_areas import Ranking
from analysis.agreement.judged_pairs import JudgedPairs
from analysis.agreement.metric_agreement import DrawnMap, metric_agreement
from analysis.agreement.metric_comparison import permutation_p_value
from analysis.agreement.participant_variance import participant_variance
from analysis.agreement.photograph_draws import PhotographDraws
from analysis.agreement.precision_recall import interpolated_area
from analysis.agreement.tie_rules import Score, drawn_orders
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_verdicts import judged_pairs

_REPLICATES = 1_000
_PERMUTATIONS = 1_000
# Standard deviation of a metric's noise on the logarithm of the distance.
_NOISE = 0.6
_COVERED = ("good metric", "metric", "pixel shift", "knows no image", "metric − good metric", "metric − pixel shift")

_TIES = tuple(
    f"jittered shift − {second}: {test}"
    for second in ("shift", "another")
    for test in ("permutation", "permutation at 20%", "bootstrap")
)

_OTHERS = (
    "auroc",
    "spearman",
    "kendall",
    "concordance",
    "shift_lift",
)


@dataclass(frozen=True)
class Studied:
    """A simulated study: its judged pairs, and distances of metrics for them."""

    pairs: JudgedPairs
    distances: tuple[Any, ...]


def study(seed: int, design: Design, metrics: Sequence[tuple[float, float]]) -> Studied:
    """A study with people, images and noise of its own; `metrics` have (knowledge, standard deviation of noise)."""
    generator = np.random.default_rng(seed)
    simulated = simulate(design, Population(), generator)
    pairs = judged_pairs(simulated, np.unique(simulated.pair))
    names = np.array(pairs.names, dtype=np.int64)
    said = (simulated.distances(generator, SimulatedMetric(known, noise))[names] for known, noise in metrics)
    return Studied(pairs, tuple(said))


def points(seed: int) -> list[float]:
    """JND mAP and differences in one study, in the order of `_COVERED`."""
    found = _covered_study(seed)
    share = found.pairs.same_share
    return _with_differences([float(interpolated_area(Ranking.of(d).spread(share))) for d in found.distances])


def held(seed: int, truth: Sequence[float]) -> list[bool]:
    """Whether the intervals of one study hold the truth."""
    found = _covered_study(seed)
    draws = _draws(found.pairs, seed)
    maps = [DrawnMap.of(found.pairs, distances, draws) for distances in found.distances]
    combined = [(found_map.drawn, found_map.influences) for found_map in maps]
    combined += [maps[1].less(maps[0]), maps[1].less(maps[2])]
    values = _with_differences([_map(found_map, found.pairs) for found_map in maps])
    inside = []
    for value, (drawn, influences), true in zip(values, combined, truth, strict=True):
        spread = draws.spread(drawn, float(participant_variance(found.pairs, influences)))
        assert spread is not None
        low, high = spread.interval(value)
        inside.append(low <= true <= high)
    return inside


def rejected(seed: int, design: Design, noise: float) -> tuple[bool, bool]:
    """Whether the paired bootstrap and the permutation test tell a metric from one with this much noise, at 5%."""
    found = study(seed, design, [(1.0, _NOISE), (1.0, noise)])
    draws = _draws(found.pairs, seed)
    first, second = (DrawnMap.of(found.pairs, distances, draws) for distances in found.distances)
    drawn, influences = first.less(second)
    spread = draws.spread(drawn, float(participant_variance(found.pairs, influences)))
    assert spread is not None
    difference = _map(first, found.pairs) - _map(second, found.pairs)
    generator = np.random.default_rng([seed, 2])
    exchanged = permutation_p_value(*found.distances, found.pairs, _PERMUTATIONS, generator)
    return spread.p_value(difference) < 0.05, exchanged <= 0.05


def rejected_with_ties(seed: int) -> tuple[bool, ...]:
    """Whether either test tells the shift with its ties broken at random from the shift, and from another such.

    Permutation tests at 5% and 20%, and bootstrap at 5%, of the first; then of the second.
    """
    found = study(seed, Design(), [])
    shift = found.pairs.shift_px.astype(np.float64)
    generator = np.random.default_rng([seed, 4])
    one, other = (shift + 1e-6 * generator.random(len(shift)) for _ in range(2))
    draws = _draws(found.pairs, seed)
    decided: list[bool] = []
    for second in (shift, other):
        exchanged = permutation_p_value(one, second, found.pairs, _PERMUTATIONS, generator)
        maps = [DrawnMap.of(found.pairs, distances, draws) for distances in (one, second)]
        drawn, influences = maps[0].less(maps[1])
        spread = draws.spread(drawn, float(participant_variance(found.pairs, influences)))
        assert spread is not None
        difference = _mean_over_orders(maps[0], found.pairs) - _mean_over_orders(maps[1], found.pairs)
        decided += [exchanged <= 0.05, exchanged <= 0.2, spread.p_value(difference) < 0.05]
    return tuple(decided)


def other_figures(seed: int) -> list[tuple[float, float, float]]:
    """The other figures of a metric in one study, each with its interval."""
    found = _covered_study(seed)
    draws = _draws(found.pairs, seed)
    generator = np.random.default_rng([seed, 3])
    score = Score(_map(DrawnMap.of(found.pairs, found.distances[1], draws), found.pairs), "ties spread evenly")
    drawn = DrawnMap.of(found.pairs, found.distances[1], draws)
    concordance = Concordance.of(found.pairs, found.distances[1], draws)
    metric = metric_agreement(
        "metric", found.distances[1], found.pairs, draws, score, drawn, concordance, generator, 200
    )
    estimates = {name: getattr(metric, name) for name in _OTHERS}
    return [(one.estimate, one.low, one.high) for one in estimates.values()]


def measure(quick: bool) -> dict[str, Any]:
    """All parts; `quick` simulates fewer studies."""
    truths, covered, others, null, power = (500, 100, 40, 150, 60) if quick else (2_000, 600, 300, 1_000, 300)
    # Seeds of the parts do not meet: the truth is of other studies than those whose intervals are looked at.
    truth = np.mean(_simulated(points, 1_000_000, truths, "truth"), axis=0)
    inside = np.mean(_simulated(partial(held, truth=truth.tolist()), 2_000_000, covered, "coverage"), axis=0)
    values, lows, highs = np.moveaxis(np.array(_simulated(other_figures, 5_000_000, others, "other figures")), -1, 0)
    # Their truth is the mean of the same studies, which is off by a small part of the intervals.
    held_others = np.mean((lows <= values.mean(axis=0)) & (values.mean(axis=0) <= highs), axis=0)
    level = np.mean(
        _simulated(partial(rejected, design=Design(), noise=_NOISE), 3_000_000, null, "level"), axis=0
    ).tolist()
    ties = np.mean(_simulated(rejected_with_ties, 6_000_000, null, "level with ties"), axis=0).tolist()
    designs = {
        25: Design(participants=38, images=25, per_shift=2),
        50: Design(participants=30, images=50),
        100: Design(participants=60, images=100),
    }
    cases = [(50, 0.7), (50, 0.85), (50, 1.1), (25, 0.85), (100, 0.85)]
    rows = []
    for images, noise in cases:
        found = _simulated(partial(rejected, design=designs[images], noise=noise), 4_000_000, power, "power")
        bootstrap, permutation = np.mean(found, axis=0).tolist()
        rows.append({"images": images, "noise_sd": noise, "bootstrap": bootstrap, "permutation": permutation})
    return {
        "studies": {"truth": truths, "coverage": covered, "others": others, "level": null, "power": power},
        "truth": dict(zip(_COVERED, truth.tolist(), strict=True)),
        "coverage": dict(zip(_COVERED, inside.tolist(), strict=True)),
        "coverage_of_others": dict(zip(_OTHERS, held_others.tolist(), strict=True)),
        "level": {"bootstrap": level[0], "permutation": level[1]},
        "level_with_ties": dict(zip(_TIES, ties, strict=True)),
        "power": rows,
    }


def _covered_study(seed: int) -> Studied:
    found = study(seed, Design(), [(1.0, 0.2), (1.0, _NOISE), (0.0, 1.5)])
    good, metric, ignorant = found.distances
    return Studied(found.pairs, (good, metric, found.pairs.shift_px.astype(np.float64), ignorant))


def _map(found: DrawnMap, pairs: JudgedPairs) -> float:
    return float(interpolated_area(found.ranking.spread(pairs.same_share)))


def _mean_over_orders(found: DrawnMap, pairs: JudgedPairs) -> float:
    """As `compare` has it, to three digits."""
    ranking = found.ranking
    runs = [(start, end) for start, end in pairwise(ranking.bounds.tolist()) if end - start > 1]
    generator = np.random.default_rng(1)
    return float(drawn_orders(pairs.same_share[ranking.order], runs, generator, 1e-3, 4_000)[0].mean())


def _with_differences(values: list[float]) -> list[float]:
    return [*values, values[1] - values[0], values[1] - values[2]]


def _draws(pairs: JudgedPairs, seed: int) -> PhotographDraws:
    return PhotographDraws.of(pairs.n_photographs, _REPLICATES, np.random.default_rng([seed, 1]), participants=True)


def _simulated(function: Callable[[int], Any], first: int, count: int, label: str) -> list[Any]:
    seeds = range(first, first + count)
    with get_context("spawn").Pool(2) as pool:
        return list(tqdm(pool.imap(function, seeds, chunksize=5), total=count, desc=label, unit="study", delay=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer studies: about half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes share the processors
    found = measure(options.quick)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    counts = found["studies"]
    print(f"Truth ({counts['truth']:,} studies), and how often 95% intervals hold it ({counts['coverage']:,} studies)")
    for name, share in found["coverage"].items():
        print(f"  {name:<22} {found['truth'][name]:+.4f}  {share:7.1%}")
    print(f"The same of other figures ({counts['others']:,} studies)")
    for name, share in found["coverage_of_others"].items():
        print(f"  {name:<30} {share:7.1%}")
    print(f"Two equivalent metrics told apart at 5% ({counts['level']:,} studies)")
    for name, share in found["level"].items():
        print(f"  {name:<22} {share:7.1%}")
    print(f"The pixel shift with its ties broken at random told from ... at 5%, or 20% ({counts['level']:,} studies)")
    for name, share in found["level_with_ties"].items():
        print(f"  {name:<44} {share:7.1%}")
    print(f"Power against a metric with a noise of {_NOISE} ({counts['power']:,} studies each)")
    for row in found["power"]:
        print(
            f"  {row['images']:>3} images, noise {row['noise_sd']:<5} bootstrap {row['bootstrap']:6.1%}, "
            f"permutation {row['permutation']:6.1%}"
        )


if __name__ == "__main__":
    main()
