"""Whether the intervals of the psychometric function hold the truth as often as they say, in simulated studies.

python -m benchmarks.threshold_coverage [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from analysis.planning.simulated_study import Design, Population, simulate
from analysis.psychometric.function import psychometric_function
from analysis.results import Estimate

POPULATIONS = {
    "people and images differ as by default": Population(),
    "people and images differ little": Population(participant_sd=0.2, image_sd=0.2),
    "people differ more than images": Population(participant_sd=0.6, image_sd=0.4),
}
FIGURES = ("threshold_px", "median_px", "false_alarm_rate", "lapse_rate")
_REPLICATES = 1000


def measure(quick: bool) -> dict[str, Any]:
    """For each population, the share of studies whose 95% interval holds the truth, of each figure."""
    studies = 40 if quick else 300
    results: dict[str, Any] = {}
    with ProcessPoolExecutor(2) as pool:
        for number, (name, population) in enumerate(POPULATIONS.items()):
            jobs = [(population, 1000 * number + study) for study in range(studies)]
            held = np.array(list(tqdm(pool.map(_held, jobs), total=studies, desc=name, unit="study", leave=False)))
            results[name] = {
                figure: {
                    "covered": int(count),
                    "studies": studies,
                    "share": count / studies,
                    "binomial_95": _ends(count, studies),
                }
                for figure, count in zip(FIGURES, held.sum(axis=0), strict=True)
            }
    return results


def _held(job: tuple[Population, int]) -> list[bool]:
    population, seed = job
    study = simulate(Design(), population, np.random.default_rng(seed))
    found = psychometric_function(study.counts(), replicates=_REPLICATES, seed=seed)
    return [_inside(getattr(found, name), getattr(population, name)) for name in FIGURES]


def _inside(estimate: Estimate, truth: float) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= truth <= estimate.high


def _ends(count: int, total: int) -> tuple[float, float]:
    interval = binomtest(int(count), total).proportion_ci(0.95, "wilson")
    return float(interval.low), float(interval.high)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few studies, in seconds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    results = measure(arguments.quick)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return 0
    print(f"95% intervals that hold the truth, {_REPLICATES:,} draws, 30 participants, 50 images")
    for name, figures in results.items():
        for figure, row in figures.items():
            low, high = row["binomial_95"]
            share = f"{100 * row['share']:5.1f}%  ({100 * low:.1f} to {100 * high:.1f})"
            print(f"{name:<40} {figure:<18} {share} of {row['studies']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
