"""Whether intervals of people's flips hold the truth as often as they say, and how often flips are seen that are none.

    python -m benchmarks.flip_coverage --studies 300 -o coverage.jsonl
    python -m benchmarks.flip_coverage --studies 10 --replicates 200

Studies of several kinds are simulated, with people and photographs drawn anew. In each, people see triplets unshifted
and shifted by one pixel, and a part of the stimuli again. Of two images of a triplet a person prefers the second by a
logistic of what sets these images apart, for everybody and for this person; a shift adds to it, and every answer has
noise of its own, more of some people. Of each study, the 95% intervals of the flip rate, the retest rate, of the first
less the second, of the squared change of shares and of a made-up metric's 2AFC score and its flips less those of
people; and, of studies in which the shift does nothing, how often an effect is found.

The truth is the population's: the mean over very many people and photographs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import binomtest
from tqdm import tqdm

from analysis.results import Estimate
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.flips import flip_table
from analysis.two_alternative.score_files import MetricDistances
from analysis.two_alternative.two_afc import two_afc_table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """A kind of study. `answered`: share of the photographs that a person sees; `shift_sd`: of what a shift adds."""

    people: int = 30
    photographs: int = 40
    triplets_each: int = 1
    answered: float = 1.0
    repeated: float = 0.2
    shift_sd: float = 1.5


CELLS: dict[str, Kind] = {
    "base": Kind(),
    "few people": Kind(people=10),
    "parts": Kind(people=60, photographs=80, answered=0.25),
    "four a photograph": Kind(photographs=15, triplets_each=4),
    "no effect": Kind(shift_sd=0.0),
}
FIGURES = ("flip rate", "retest rate", "flip − retest", "share change", "metric's 2AFC", "metric − people")
_APART_SD, _PHOTOGRAPH_SD, _TASTE_SD, _NOISE_SD = 3.0, 2.0, 2.0, 0.5
_METRIC_SD, _METRIC_SHIFT_SD = 3.5, 1.0


@dataclass(frozen=True)
class _Population:
    """Chances of the second image, `(P, T)` each: unshifted and shifted; what a metric finds, `(T,)` each."""

    unshifted: Floats
    shifted: Floats
    metric: tuple[Floats, Floats]

    @classmethod
    def drawn(cls, kind: Kind, people: int, photographs: int, generator: np.random.Generator) -> _Population:
        triplets = photographs * kind.triplets_each
        normal = generator.standard_normal
        # Triplets of one photograph are alike in what sets their images apart, and in what a shift does.
        shared = np.repeat(normal((2, photographs)), kind.triplets_each, axis=1)
        apart = _PHOTOGRAPH_SD * shared[0] + _APART_SD * normal(triplets)
        moved = kind.shift_sd * (0.6 * shared[1] + 0.8 * normal(triplets))
        taste = _TASTE_SD * normal((people, triplets))
        noise = np.exp(_NOISE_SD * normal((people, 1)))
        metric = apart + _METRIC_SD * normal(triplets)
        return cls(
            expit((apart + taste) / noise),
            expit((apart + moved + taste) / noise),
            (metric, metric + _METRIC_SHIFT_SD * normal(triplets)),
        )

    def truth(self) -> dict[str, float]:
        p, q = self.unshifted, self.shifted
        flip = p * (1 - q) + (1 - p) * q
        retest = np.stack([2 * p * (1 - p), 2 * q * (1 - q)]).mean()
        before, after = (one > 0 for one in self.metric)
        return {
            "flip rate": 100 * float(flip.mean()),
            "retest rate": 100 * float(retest),
            "flip − retest": 100 * float(flip.mean() - retest),
            "share change": 100 * float(np.mean((p.mean(axis=0) - q.mean(axis=0)) ** 2)),
            "metric's 2AFC": 100 * float(np.where(before, p, 1 - p).mean()),
            "metric − people": 100 * float(np.mean(before != after) - flip.mean()),
        }


@cache
def truth(cell: str) -> dict[str, float]:
    """Of a population as large as memory allows: a hundred times 1,000 people and 400 photographs."""
    generator = np.random.default_rng([list(CELLS).index(cell), 10**6])
    found = [_Population.drawn(CELLS[cell], 1000, 400, generator).truth() for _ in range(100)]
    return {name: float(np.mean([one[name] for one in found])) for name in FIGURES}


def study(seed: int, cell: str, replicates: int) -> dict[str, Any]:
    """One study: of each figure `[estimate, low, high]`, and whether an effect is found at 5%."""
    kind = CELLS[cell]
    generator = np.random.default_rng([list(CELLS).index(cell), seed])
    population = _Population.drawn(kind, kind.people, kind.photographs, generator)
    photograph = np.repeat(np.arange(kind.photographs), kind.triplets_each)
    seen = (generator.random((kind.people, kind.photographs)) < kind.answered)[:, photograph]
    parts = []
    for shift, chance in ((0, population.unshifted), (1, population.shifted)):
        for repetition, asked in ((1, seen), (2, seen & (generator.random(seen.shape) < kind.repeated))):
            second = generator.random(seen.shape) < chance
            person, triplet = np.nonzero(asked)
            parts.append(
                (person, triplet, np.full(len(person), shift), np.full(len(person), repetition), second[asked])
            )
    person, triplet, shifts, repetition, second = (np.concatenate(each) for each in zip(*parts, strict=True))
    choices = Choices.from_arrays(
        person=person,
        triplet=triplet,
        shift_px=shifts,
        second=second,
        repetition=repetition,
        triplets=[f"{number:05d}" for number in range(len(photograph))],
        photograph=photograph,
    )
    metric = MetricDistances.from_arrays(
        "metric", {shift: (found, np.zeros(len(found))) for shift, found in enumerate(population.metric)}
    )
    table = flip_table(choices, [metric], replicates=replicates, seed=seed)
    row = table.rows[0]
    figures: dict[str, Estimate] = {
        "flip rate": row.flip_rate,
        "retest rate": table.retest_rate,
        "flip − retest": row.excess,
        "share change": row.share_change,
        "metric's 2AFC": two_afc_table(choices, [metric], replicates=replicates, seed=seed).metrics[0].two_afc,
        "metric − people": table.comparisons[0].difference,
    }
    return {
        "cell": cell,
        "seed": seed,
        "replicates": replicates,
        "figures": {name: [one.estimate, one.low, one.high] for name, one in figures.items()},
        "found": int(row.excess_p is not None and row.excess_p <= 0.05),
    }


def summary(studies: list[dict[str, Any]], true: dict[str, float]) -> dict[str, Any]:
    """Of one cell: how often each interval holds the truth, its bias, and how often an effect is found."""
    figures = {}
    for name in FIGURES:
        values = np.array([one["figures"][name] for one in studies], dtype=np.float64)
        told = np.isfinite(values).all(axis=1)
        held = told & (values[:, 1] <= true[name]) & (true[name] <= values[:, 2])
        figures[name] = {
            "truth": true[name],
            "bias": float(np.nanmean(values[:, 0]) - true[name]),
            "sd": float(np.nanstd(values[:, 0])),
            "without_interval": int(np.sum(~told)),
            **_share(int(held.sum()), int(told.sum())),
        }
    return {
        "studies": len(studies),
        "figures": figures,
        "found": _share(sum(one["found"] for one in studies), len(studies)),
    }


def _share(count: int, total: int) -> dict[str, float]:
    if not total:
        return {"share": float("nan"), "low": float("nan"), "high": float("nan")}
    ends = binomtest(count, total).proportion_ci(0.95, "wilson")
    return {"share": count / total, "low": float(ends.low), "high": float(ends.high)}


def measure(cells: Sequence[str], count: int, replicates: int, kept: Path | None) -> dict[str, Any]:
    """Of each cell a summary of so many studies, those in the file `kept` among them."""
    done: dict[tuple[str, int], dict[str, Any]] = {}
    if kept is not None and kept.exists():
        # What stands after the last end of a line was broken off.
        whole, end, _ = kept.read_text(encoding="utf-8").rpartition("\n")
        kept.write_text(whole + end, encoding="utf-8")
        for one in map(json.loads, whole.splitlines()):
            if one["replicates"] == replicates:
                done[one["cell"], one["seed"]] = one
    results = {}
    with get_context("spawn").Pool(2) as pool:
        for cell in cells:
            missing = [seed for seed in range(count) if (cell, seed) not in done]
            one_study = partial(study, cell=cell, replicates=replicates)
            for one in tqdm(
                pool.imap_unordered(one_study, missing), total=count, initial=count - len(missing), desc=cell
            ):
                done[cell, one["seed"]] = one
                if kept is not None:
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(one, ensure_ascii=False) + "\n")
            results[cell] = summary([done[cell, seed] for seed in range(count)], truth(cell))
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=300, metavar="N", help="of each kind (300)")
    parser.add_argument("--replicates", type=int, default=1000, metavar="B", help="draws for each interval (1000)")
    parser.add_argument(
        "--cell", action="append", choices=list(CELLS), help="only this kind; may be given several times"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="keep each study here, as a line of JSON")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes share the processors
    results = measure(options.cell or list(CELLS), options.studies, options.replicates, options.output)
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
        return 0
    print(f"95% intervals that hold the truth ({options.studies} studies a cell, {options.replicates} draws), and bias")
    for cell, found in results.items():
        for name, row in found["figures"].items():
            held = f"{row['share']:6.1%} ({row['low']:.1%} to {row['high']:.1%})"
            lacking = f", {row['without_interval']} without an interval" if row["without_interval"] else ""
            print(f"{cell:<18} {name:<16} truth {row['truth']:6.2f}%  {held}  bias {row['bias']:+.2f}{lacking}")
    print("Studies that find more flips than where the same stimulus is asked again, at 5%, either way")
    for cell, found in results.items():
        one = found["found"]
        print(f"{cell:<18} {one['share']:6.1%} ({one['low']:.1%} to {one['high']:.1%})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
