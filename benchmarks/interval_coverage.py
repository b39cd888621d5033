"""Whether intervals hold the truth as often as they say, and how often studies find what is not there.

    python -m benchmarks.interval_coverage --studies 300 -o coverage.jsonl
    python -m benchmarks.interval_coverage --studies 10 --replicates 200

Studies of several kinds are simulated, with observers and photographs drawn anew: as the paper's (30 people, 50
images, 10 shifts); of few people; with many lapses; with people who flip coins; with five crops of each photograph.
Of each, the 95% intervals of the threshold, d′ at 3 px, JND mAP and γ of a made-up metric, the noise ceiling and the
headroom above the shift, and three verdicts at 5%: that two equally good metrics differ, by γ and by JND mAP, and that
a metric with opinions on photographs that owe nothing to people knows more than the shift, by γ.

The truth is the population's, or, for what is a matter of the design, the mean of the studies of the cell; that of the
noise ceiling what the true probabilities of the pairs score. With -o each study is kept as it is done, and the same
command goes on where it was broken off.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from analysis.agreement.concordance import exchanged_p_value
from analysis.agreement.metric_agreement import concordance_estimate
from analysis.agreement.noise_ceiling import noise_ceiling
from analysis.agreement.precision_recall import interpolated_area
from analysis.agreement.tie_rules import Score, drawn_orders
from analysis.observers.dprime import d_prime, d_prime_differencing
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, SimulatedStudy, simulate
from analysis.planning.simulated_verdicts import Jury
from analysis.psychometric.function import psychometric_function
from analysis.results import Estimate

# Kind of study → design, population, and the fewest answers of a pair in the comparison of metrics.
CELLS: dict[str, tuple[Design, Population, int]] = {
    "base": (Design(), Population(), 3),
    "few people": (Design(participants=10), Population(), 1),
    "lapses": (Design(), Population(lapse_rate=0.2, false_alarm_rate=0.15), 3),
    "coin-flippers": (Design(), Population(coin_flippers=0.2), 3),
    "five crops": (Design(crops=5), Population(), 3),
}
FIGURES = ("threshold", "d′ at 3 px", "JND mAP", "γ", "noise ceiling", "headroom", "γ of the ceiling")
VERDICTS = ("equal metrics, γ", "equal metrics, JND mAP", "unknowing metric, γ", "unknowing metric, exchanges*")
_METRIC = SimulatedMetric(noise_sd=0.4, opinion_sd=0.3)
_UNKNOWING = SimulatedMetric(knowledge=0.0, noise_sd=0.3, opinion_sd=0.5)
_D_PRIME_SHIFT = 3
_PERMUTATIONS = 199


def study(seed: int, cell: str, replicates: int) -> dict[str, Any]:
    """One study: of each figure `[estimate, low, high, truth]`, where the truth is known, and the verdicts."""
    design, population, fewest = CELLS[cell]
    generator = np.random.default_rng([list(CELLS).index(cell), seed])
    simulated = simulate(design, population, generator)
    counts = simulated.counts()
    figures: dict[str, list[float | None]] = {}

    def keep(name: str, estimate: Estimate, truth: float | None = None) -> None:
        figures[name] = [estimate.estimate, estimate.low, estimate.high, truth]

    function = psychometric_function(counts, replicates=replicates, seed=seed)
    keep("threshold", function.threshold_px, population.threshold_px)
    rows = d_prime(counts, models=("differencing",), replicates=replicates, seed=seed).rows
    row = next(row for row in rows if row.shift_px == _D_PRIME_SHIFT)
    rates = population.probability(np.array([_D_PRIME_SHIFT, 0.0]), 0.0, population.log_sd)
    keep("d′ at 3 px", row.d_prime, float(d_prime_differencing(rates[0], rates[1])))

    jury = Jury.of(simulated, fewest, replicates, generator)
    verdicts = dict.fromkeys(VERDICTS, 0)
    if jury is not None:
        _of_metrics(simulated, jury, generator, keep, verdicts)
    return {"cell": cell, "seed": seed, "replicates": replicates, "figures": figures, "verdicts": verdicts}


def _of_metrics(
    simulated: SimulatedStudy, jury: Jury, generator: np.random.Generator, keep: Any, verdicts: dict[str, int]
) -> None:
    pairs, draws = jury.pairs, jury.draws
    first, second = (jury.scored(simulated.distances(generator, _METRIC)) for _ in range(2))
    keep("JND mAP", first.drawn.estimate(Score(first.area, "untied"), pairs, draws))
    keep("γ", concordance_estimate(first.concordance, pairs, draws))
    shift = jury.shift()
    by_shift = shift.drawn.ranking
    runs = list(zip(by_shift.bounds[:-1].tolist(), by_shift.bounds[1:].tolist(), strict=True))
    areas, _ = drawn_orders(pairs.same_share[by_shift.order], runs, generator, 5e-4, 2_000)
    baseline = float(areas.mean())
    ceiling = noise_ceiling(pairs, draws, Score(baseline, ""), shift.drawn, generator)
    true = simulated.probability[jury.number]
    # Pairs of equal probability, as those without a shift, in random order.
    lot = np.lexsort((generator.random(len(true)), true))
    best = float(interpolated_area(pairs.same_share[lot]))
    keep("noise ceiling", ceiling.jnd_map, best)
    keep("headroom", ceiling.headroom, best - baseline)
    keep("γ of the ceiling", ceiling.concordance, jury.scored(simulated.probability).concordance.gamma)
    equal = jury.found(first, second)
    distances = simulated.distances(generator, _UNKNOWING)
    unknowing = jury.found(jury.scored(distances), shift)
    exchanged = exchanged_p_value(distances[jury.number], pairs, _PERMUTATIONS, generator)
    for name, found in zip(
        VERDICTS,
        (
            equal.by_concordance != 0,
            equal.by_map != 0,
            unknowing.by_concordance != 0,
            exchanged is not None and exchanged <= 0.05,
        ),
        strict=True,
    ):
        verdicts[name] = int(found)


def summary(studies: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one cell: how often each interval holds the truth, its bias, and how often each verdict is given."""
    found: dict[str, Any] = {"studies": len(studies), "figures": {}, "verdicts": {}}
    for name in FIGURES:
        rows = [one["figures"][name] for one in studies if one["figures"].get(name, [None])[0] is not None]
        if not rows:
            continue
        values = np.array(rows, dtype=np.float64)
        known = np.isfinite(values[:, 3]).all()
        truth = float(values[:, 3].mean() if known else values[:, 0].mean())
        told = np.isfinite(values[:, 1])
        held = told & (values[:, 1] <= truth) & (truth <= values[:, 2])
        found["figures"][name] = {
            "truth": truth,
            "bias": float(values[:, 0].mean() - truth) if known else None,
            "sd": float(values[:, 0].std()),
            "without_interval": int(np.sum(~told)),
            **_share(int(held.sum()), int(told.sum())),
        }
    for name in VERDICTS:
        found["verdicts"][name] = _share(sum(one["verdicts"][name] for one in studies), len(studies))
    return found


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
            results[cell] = summary([done[cell, seed] for seed in range(count)])
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=300, metavar="N", help="of each kind (300)")
    parser.add_argument("--replicates", type=int, default=400, metavar="B", help="draws for each interval (400)")
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
            bias = "" if row["bias"] is None else f"bias {row['bias']:+.4f}"
            held = f"{row['share']:6.1%} ({row['low']:.1%} to {row['high']:.1%})"
            lacking = f", {row['without_interval']} without an interval" if row["without_interval"] else ""
            print(f"{cell:<14} {name:<18} truth {row['truth']:7.4f}  {held}  {bias}{lacking}")
    print("Verdicts at 5% that are false")
    for cell, found in results.items():
        for name, row in found["verdicts"].items():
            print(f"{cell:<14} {name:<28} {row['share']:6.1%} ({row['low']:.1%} to {row['high']:.1%})")
    print("* a p-value that is printed, but no verdict: it takes the pairs of a photograph as unrelated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
