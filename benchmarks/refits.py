"""Whether each refit of a bootstrap reaches the top of its likelihood, and in what time.

    python -m benchmarks.refits [--quick] [--json]

50 curves, ten of each core: steep and shallow ones, with lapses and without, of few answers and of many. Of each, 200
sets of answers are drawn as a bootstrap draws them. Their fits, all at once, are compared with a fresh fit of each; and
a few of them with many quasi-Newton searches from all over the parameters, in SciPy's own distributions.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import xlogy
from scipy.stats import gumbel_l, logistic, norm
from tqdm import tqdm

from analysis.psychometric import fit
from analysis.psychometric.cores import CORES, Core, Floats
from analysis.psychometric.likelihood import log_likelihood, probabilities
from analysis.psychometric.many_fits import fit_many
from analysis.resampling import draw
from analysis.trial_counts import TrialCounts

# A fit falls short where the log-likelihood of another is higher by more.
SHORT = 1e-3
SHIFTS = np.arange(10.0)
# Median (px), spread of the logarithm of the shift, false-alarm rate, lapse rate, answers a shift.
CURVES = {
    "steep": (3.4, 0.1, 0.0, 0.0, 40),
    "steep, few answers": (4.1, 0.1, 0.02, 0.0, 10),
    "very steep": (4.4, 0.03, 0.0, 0.0, 25),
    "no lapse": (3.3, 0.25, 0.0, 0.0, 48),
    "early": (1.2, 0.2, 0.1, 0.02, 30),
    "late": (7.5, 0.15, 0.0, 0.1, 40),
    "lapses": (2.5, 0.3, 0.05, 0.2, 60),
    "shallow": (2.3, 0.9, 0.06, 0.08, 150),
    "shallow, few answers": (3.0, 0.9, 0.1, 0.05, 12),
    "very shallow": (6.0, 1.5, 0.1, 0.0, 60),
}
_DISTRIBUTIONS: dict[str, Any] = {
    "log-normal": norm,
    "normal": norm,
    "log-logistic": logistic,
    "logistic": logistic,
    "weibull": gumbel_l(loc=-math.log(math.log(2))),
}


@dataclass(frozen=True)
class Drawn:
    """Answers to one curve, `(B, K)`, and how likely their fits are, `(B,)`."""

    hits: Floats
    answers: Floats
    likely: Floats
    seconds: float


def measure(quick: bool) -> dict[str, Any]:
    """For each core: draws, how many fall short of a fresh fit and of dense searches, by how much, and seconds."""
    draws, searched = (20, 1) if quick else (200, 4)
    results: dict[str, Any] = {}
    for name, core in tqdm(CORES.items(), desc="cores", unit="core", leave=False):
        curves = list(drawn_curves(core, draws))
        began = perf_counter()
        fresh = np.concatenate([_fresh(core, curve) for curve in curves])
        one_by_one = perf_counter() - began
        likely = np.concatenate([curve.likely for curve in curves])
        dense = [_searched(core, curve.hits[row], curve.answers[row]) for curve in curves for row in range(searched)]
        refit = np.concatenate([curve.likely[:searched] for curve in curves])
        alone = np.concatenate([part[:searched] for part in np.split(fresh, len(curves))])
        results[name] = {
            "draws": len(likely),
            "short_of_a_fresh_fit": int(np.sum(fresh - likely > SHORT)),
            "shortest_by": float(np.max(fresh - likely)),
            "fresh_fits_short_of_refits": int(np.sum(likely - fresh > SHORT)),
            "searched": len(dense),
            "short_of_a_search": int(np.sum(np.array(dense) - refit > SHORT)),
            "fresh_fits_short_of_a_search": int(np.sum(np.array(dense) - alone > SHORT)),
            "microseconds_a_draw": 1e6 * sum(curve.seconds for curve in curves) / len(likely),
            "milliseconds_a_fresh_fit": 1e3 * one_by_one / len(likely),
        }
    return results


def drawn_curves(core: Core, draws: int) -> Iterator[Drawn]:
    """Bootstrap draws of a simulated observer of each curve, and their fits."""
    generator = np.random.default_rng(list(CORES).index(core.name))
    for median, spread, false_alarms, lapses, number in CURVES.values():
        location, scale = (math.log(median), spread) if core.logarithmic else (median, spread * median)
        truth = np.array([location, math.log(scale), false_alarms, lapses])
        total = np.full(len(SHIFTS), float(number))
        observed = generator.binomial(number, _different(truth, core)).astype(np.float64)
        best = fit(SHIFTS, observed, total, core.name)
        counts = TrialCounts(SHIFTS, observed, total, None, None)
        hits, answers = draw(counts, draws, generator, _different(best.parameters, core)).trials
        began = perf_counter()
        found = fit_many(best.parameters, SHIFTS, hits, answers, core)
        seconds = perf_counter() - began
        chances = probabilities(found[..., np.newaxis], core.position(SHIFTS), core)
        yield Drawn(hits, answers, log_likelihood(*chances, hits, answers), seconds)


def _different(parameters: Floats, core: Core) -> Floats:
    return np.clip(probabilities(parameters, core.position(SHIFTS), core)[0], 0.0, 1.0)


def _fresh(core: Core, curve: Drawn) -> Floats:
    rows = zip(curve.hits, curve.answers, strict=True)
    return np.array([fit(SHIFTS, hits, answers, core.name).log_likelihood for hits, answers in rows])


def _searched(core: Core, hits: Floats, answers: Floats) -> float:
    """The highest log-likelihood that L-BFGS-B finds, from 8 locations, 4 spreads and 2 pairs of rates."""
    scipys, position = _DISTRIBUTIONS[core.name], core.position(SHIFTS)
    shown = position[np.isfinite(position)]

    def loss(at: Floats) -> float:
        z = (position - at[0]) / np.exp(at[1])
        different = at[2] + (1 - at[2] - at[3]) * scipys.cdf(z)
        same = at[3] + (1 - at[2] - at[3]) * scipys.sf(z)
        likely = xlogy(hits, np.maximum(different, 1e-300)) + xlogy(answers - hits, np.maximum(same, 1e-300))
        return -float(likely.sum())

    core_limits = [(shown[0] - 2, shown[-1] + 2), (math.log(0.006), math.log(10 * (shown[-1] - shown[0])))]
    if not core.logarithmic:
        core_limits = [(-9.0, 18.0), (math.log(0.05), math.log(90))]
    limits = [*core_limits, (0.0, 0.5), (0.0, 0.5)]
    widest = 1.0 if core.logarithmic else 5.0
    return max(
        -float(minimize(loss, [location, math.log(spread), rate, rate], method="L-BFGS-B", bounds=limits).fun)
        for location in np.linspace(shown[0], shown[-1], 8)
        for spread in widest * np.array([0.03, 0.1, 0.3, 1.0])
        for rate in (0.01, 0.2)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the draws")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    results = measure(arguments.quick)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return 0
    print(f"Refits that fall short by more than {SHORT:g} in log-likelihood")
    for name, row in results.items():
        share = f"{100 * row['short_of_a_fresh_fit'] / row['draws']:.2f}% of {row['draws']:,} short of a fresh fit"
        print(f"{name:<13} {share}, {row['short_of_a_search']} of {row['searched']} of a dense search;", end=" ")
        print(f"fresh fits: {row['fresh_fits_short_of_refits']} and {row['fresh_fits_short_of_a_search']};", end=" ")
        print(f"{row['microseconds_a_draw']:.0f} µs a draw, {row['milliseconds_a_fresh_fit']:.1f} ms a fresh fit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
