"""Seconds for the whole report, with PDF, of a simulated study of 1,500 answers and nine metrics.

python -m benchmarks.report_speed [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from analysis.exclusions.marking import mark
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import distances_by_pair, tidy_table
from analysis.report.build import Settings, build
from analysis.report.writing import write_report

METRICS = 9


def measure(quick: bool) -> dict[str, Any]:
    """Seconds for a report of nine metrics (two with `quick`), and what is in it."""
    generator = np.random.default_rng(1)
    study = simulate(Design(), Population(), generator)
    responses = mark(tidy_table(study, generator))
    distances = {
        f"metric {number + 1}": distances_by_pair(
            study, study.distances(generator, SimulatedMetric(noise_sd=0.2 + 0.1 * number))
        )
        for number in range(2 if quick else METRICS)
    }
    steps: list[tuple[str, float]] = []
    began = perf_counter()

    def step(name: str) -> None:
        steps.append((name, perf_counter() - began))

    made = build(responses, distances, Settings(), step=step)
    with tempfile.TemporaryDirectory() as folder:
        problems = write_report(made, Path(folder) / "report", step=step)
    seconds = perf_counter() - began
    ends = [*(at for _, at in steps[1:]), seconds]
    return {
        "answers": len(responses),
        "metrics": len(distances),
        "seconds": seconds,
        "sections": len(made.sections),
        "tables": len(made.tables),
        "figures": len(made.figures),
        "left_out": [*made.left_out, *problems],
        "steps": {name: end - at for (name, at), end in zip(steps, ends, strict=True)},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two metrics instead of nine")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = measure(arguments.quick)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    print(f"report of {found['answers']:,} answers and {found['metrics']} metrics: {found['seconds']:.1f} s")
    for name, seconds in found["steps"].items():
        print(f"  {name:<36} {seconds:6.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
