"""Intervals and comparisons of three metrics on as many triplets as BAPPS has, and whether the intervals hold.

    python -m benchmarks.bapps_table [FILE] [--quick] [--coverage] [--json]

Three files of 36,344 samples each at shifts of 0 to 3 px: `shift-study bapps table` with 10,000 draws as a process of
its own, and the draws alone beside a plain bootstrap in NumPy that takes the rows of each category and averages them,
whose time for 10,000 draws is told from fewer. FILE: scores to begin from, such as the published ones; made ones if
left out.

`--coverage`: sets of 10 to 1,000 triplets a category, drawn from the same scores as the population; in what share of
them the 95% intervals hold its figures, and the differences of two metrics in it, where there is an interval; none
where so few sets have one that nothing can be said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from analysis.results import Estimate
from analysis.triplets.draws import draw_means
from analysis.triplets.estimates import percent, points
from analysis.triplets.outcomes import rank_flips, two_afc
from analysis.triplets.scores import TripletScores, read_triplet_scores

Floats = NDArray[np.float64]

COUNTS = {"cnn": 4720, "color": 4720, "deblur": 9440, "frameinterp": 1888, "superres": 10856, "traditional": 4720}
DRAWS = 10_000


def made_scores(seed: int) -> dict[str, Any]:
    """Columns of as many samples as BAPPS has: five votes each, distances that know something of them."""
    generator = np.random.default_rng(seed)
    category = np.repeat(list(COUNTS), list(COUNTS.values()))
    share = generator.beta(0.9, 0.9, len(category))
    judge = generator.binomial(5, share) / 5
    d0 = np.exp(2 * share - 1 + 0.7 * generator.standard_normal(len(category)))
    return {
        "category": category,
        "sample": [f"{number:06d}" for number in range(len(category))],
        "judge": judge,
        "d0": d0,
        "d1": np.ones(len(category)),
        "d0_n0": d0 * np.exp(0.02 * generator.standard_normal(len(category))),
        "d1_n0": np.ones(len(category)),
    }


def metric(base: dict[str, Any], noise: float, seed: int) -> dict[str, Any]:
    """The same samples under a metric that differs from another by so much noise, at shifts of 0 to 3 px."""
    generator = np.random.default_rng(seed)

    def shaken(name: str, much: float) -> Floats:
        return np.asarray(base[name]) * np.exp(much * generator.standard_normal(len(base["judge"])))

    columns = {name: base[name] for name in ("category", "sample", "judge")}
    columns |= {name: shaken(name, noise) for name in ("d0", "d1", "d0_n0", "d1_n0")}
    for shift in (1, 2, 3):
        for side in (0, 1):
            before = np.asarray(columns[f"d{side}_n0"])
            columns[f"d{side}_n{shift}"] = before * np.exp(0.03 * (1 + shift) * generator.standard_normal(len(before)))
    return columns


def write_files(folder: Path, source: Path | None) -> list[Path]:
    """Three files, of one metric each."""
    base = made_scores(1)
    if source is not None:
        scores = read_triplet_scores([str(source)])
        first = scores.metrics[0]
        base = {
            "category": np.array(scores.categories)[scores.category],
            "sample": list(scores.sample),
            "judge": scores.judge,
            "d0": first.d0,
            "d1": first.d1,
            "d0_n0": first.baseline[0],
            "d1_n0": first.baseline[1],
        }
    files = []
    for seed, (name, noise) in enumerate({"first": 0.0, "second": 0.1, "third": 0.3}.items()):
        files.append(folder / f"{name}.parquet")
        pq.write_table(pa.table(metric(base, noise, seed)), files[-1])
    return files


def outcomes(scores: TripletScores) -> Floats:
    """2AFC and flips of each metric, `(N, 4 metrics)`."""
    columns = []
    for one in scores.metrics:
        columns.append(two_afc(scores.judge, one.d0, one.d1))
        columns += [rank_flips(one.baseline, one.shifted[shift]) for shift in scores.shifts]
    return np.column_stack(columns)


def row_bootstrap(values: Floats, category: NDArray[np.int64], draws: int) -> Floats:
    """Macro averages, `(draws, S)`, of rows that are taken anew: what one writes down first."""
    generator = np.random.default_rng(0)
    parts = [values[category == number] for number in range(int(category.max()) + 1)]
    found = []
    for _ in range(draws):
        means = [part[generator.integers(0, len(part), len(part))].mean(axis=0) for part in parts]
        found.append(np.mean(means, axis=0))
    return np.array(found)


def speed(quick: bool, source: Path | None) -> dict[str, Any]:
    """Seconds of the verb and of the draws, and how many times quicker these are than a plain bootstrap's."""
    draws, plain = DRAWS, 20 if quick else 200
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), source)
        command = [sys.executable, "-m", "shift_study", "bapps", "table", *map(str, files), "--replicates", str(draws)]
        began = time.perf_counter()
        subprocess.run([*command, "--json"], check=True, capture_output=True)
        verb = time.perf_counter() - began
        scores = read_triplet_scores([str(file) for file in files])
    values = outcomes(scores)
    began = time.process_time()
    ours, _ = draw_means(values, scores.category, scores.cluster, replicates=draws, seed=0)
    own = time.process_time() - began
    began = time.process_time()
    theirs = row_bootstrap(values, scores.category, plain)
    other = (time.process_time() - began) * draws / plain
    return {
        "samples": len(values),
        "draws": draws,
        "verb, s": verb,
        "draws, s": own,
        "plain bootstrap, s": other,
        "times quicker": other / own,
        "standard deviation over the plain one's": float(np.mean(ours.drawn.std(axis=0) / theirs.std(axis=0))),
    }


def coverage(quick: bool, source: Path | None) -> dict[str, Any]:
    """Shares of sets whose interval holds the population's figure, by number of triplets a category."""
    with tempfile.TemporaryDirectory() as folder:
        scores = read_triplet_scores([str(file) for file in write_files(Path(folder), source)])
    everything, category = outcomes(scores), scores.category
    categories = range(len(scores.categories))
    truth = 100 * np.mean([everything[category == number].mean(axis=0) for number in categories], axis=0)
    sets, found = 200 if quick else 1_000, {}
    for size in (10, 30, 100, 1_000):
        generator = np.random.default_rng(size)
        here = np.repeat(np.arange(len(scores.categories)), size)
        held: dict[str, list[bool]] = {"2AFC": [], "flips": [], "difference in 2AFC": [], "difference in flips": []}
        for number in tqdm(range(sets), desc=f"{size} a category", leave=False):
            rows = np.concatenate([generator.choice(np.flatnonzero(category == n), size) for n in categories])
            drawn, _ = draw_means(everything[rows], here, np.arange(len(rows)), replicates=1_000, seed=number)
            for column in range(everything.shape[1]):
                estimate = percent(drawn, column, "", share=column % 4 > 0)
                held["flips" if column % 4 else "2AFC"] += _holds(estimate, truth[column])
            for name, one, other in (("difference in 2AFC", 0, 4), ("difference in flips", 1, 5)):
                differing = np.count_nonzero(everything[rows, one] != everything[rows, other])
                estimate = points(drawn, one, other, "", differing=differing)
                held[name] += _holds(estimate, truth[one] - truth[other])
        found[f"{size} a category"] = {
            name: float(np.mean(each)) if len(each) >= sets // 10 else None for name, each in held.items()
        }
    return found


def _holds(estimate: Estimate, truth: float) -> list[bool]:
    if estimate.low is None or estimate.high is None:
        return []
    return [estimate.low <= truth <= estimate.high]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="scores to begin from")
    parser.add_argument("--quick", action="store_true", help="fewer draws and sets")
    parser.add_argument("--coverage", action="store_true", help="whether the intervals hold")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = (coverage if arguments.coverage else speed)(arguments.quick, arguments.file)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    for name, value in found.items():
        shown = f"{value:,.4g}" if isinstance(value, float | int) else value
        if isinstance(value, dict):
            shown = ", ".join(f"{key} {'–' if part is None else f'{part:.3f}'}" for key, part in value.items())
        print(f"{name:<42} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
