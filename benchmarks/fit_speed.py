"""Seconds for a psychometric function with 600 bootstrap draws, beside one fit of psignifit to the same answers.

    python -m benchmarks.fit_speed [--json]

The answers are those of the paper's Table 1. psignifit is run as it comes (its own grid, no plots); ours gives all five
cores, the intervals over 600 draws and the deviance's parametric bootstrap. Each is the best of several runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import psignifit

from analysis.psychometric.function import psychometric_function
from analysis.responses.sources import PUBLISHED_TABLE1
from analysis.trial_counts import read_counts

REPLICATES = 600


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of both, and their ratio."""
    counts = read_counts(PUBLISHED_TABLE1)
    data = np.stack([counts.shift_px, counts.different, counts.total], axis=1)
    ours = _seconds(lambda: psychometric_function(counts, replicates=REPLICATES), 3 if quick else 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = _seconds(
            lambda: psignifit.psignifit(data, sigmoid="norm", experiment_type="yes/no"), 1 if quick else 3
        )
    return {"replicates": REPLICATES, "ours_s": ours, "psignifit_one_fit_s": theirs, "ratio": theirs / ours}


def _seconds(run: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(times):
        began = perf_counter()
        run()
        best = min(best, perf_counter() - began)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = measure(arguments.quick)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"psychometric function, {REPLICATES} draws: {found['ours_s']:.3f} s")
        print(f"psignifit, one fit: {found['psignifit_one_fit_s']:.3f} s; ratio {found['ratio']:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
