"""Thresholds of single people: how near they are to the truth, whether intervals and ranks hold, how long it takes.

    python -m benchmarks.hierarchical [--studies N] [--calibrations N] [--draws N] [--processes N]
        [--nuts] [--nuts-draws N] [--json]

Studies are of 30 people, 50 trials each, and 50 photographs. `--nuts` also samples one of them with NumPyro's NUTS,
installed once from the package index into a virtual environment of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chisquare
from tqdm import tqdm

from analysis.hierarchical.answers import OF_PEOPLE, OF_PHOTOGRAPHS, StudyAnswers
from analysis.hierarchical.density import odds_of_none
from analysis.hierarchical.groups import Groups
from analysis.hierarchical.participant_draws import Sampled, prior_of, sampled, thresholds_px
from analysis.hierarchical.posterior import Varying
from analysis.hierarchical.seen_shift import LOCATION, SeenShift, logits
from analysis.psychometric.cores import CORES
from analysis.psychometric.maximum_likelihood import fit
from benchmarks.load.peers import installed

Floats = NDArray[np.float64]

PEOPLE, PHOTOGRAPHS, TRIALS, SHIFTS = 30, 50, 50, 10
CORE = CORES["log-normal"]
# Of the paper's Table 1, with people and photographs that differ; and with none that do.
FIXED = np.array([0.845, -0.27, float(logits(0.05)), float(logits(0.06))])
SDS = np.array([0.39, 0.2, 0.6, 0.8, 0.4, 0.2])
NUMPYRO = "0.22.0"
NAMES = (
    "participants' log median",
    "participants' log spread",
    "participants' false alarms",
    "participants' lapses",
    "photographs' log median",
    "photographs' log spread",
)


def study(fixed: Floats, sds: Floats, generator: np.random.Generator) -> tuple[StudyAnswers, Floats]:
    """Answers of people who differ, and `(people, 4)` their parameters."""
    people = fixed + sds[:4] * generator.standard_normal((PEOPLE, 4))
    pictures = sds[4:] * generator.standard_normal((PHOTOGRAPHS, 2))
    who = np.repeat(np.arange(PEOPLE), TRIALS)
    what = np.concatenate([generator.permutation(PHOTOGRAPHS)[:TRIALS] for _ in range(PEOPLE)])
    shift = np.concatenate([generator.permutation(np.arange(TRIALS) % SHIFTS) for _ in range(PEOPLE)]).astype(float)
    eta = people[who].T
    eta[:2] += pictures[what].T
    nobody = np.zeros(len(shift), dtype=bool)
    share = SeenShift(nobody, CORE.position(shift), CORE).share(eta)
    kinds = (Varying(Groups(who, PEOPLE), OF_PEOPLE), Varying(Groups(what, PHOTOGRAPHS), OF_PHOTOGRAPHS))
    names = tuple(f"p{number:03d}" for number in range(PEOPLE))
    return StudyAnswers(shift, generator.random(len(shift)) < share, kinds, names, PHOTOGRAPHS, ()), people


def fitted(answers: StudyAnswers, draws: int, seed: int) -> Sampled:
    """Draws of this study."""
    return sampled(answers, CORE, prior_of(answers), draws=draws, seed=seed)


def errors(job: tuple[int, int]) -> dict[str, list[float]]:
    """Of one study: errors of log medians, shrunken and of single fits, and whether intervals held them."""
    seed, draws = job
    answers, truth = study(FIXED, SDS, np.random.default_rng(seed))
    found = fitted(answers, draws, seed)
    thresholds, true = np.log(thresholds_px(found.people, CORE)), np.log(thresholds_px(truth, CORE))
    low, high = np.quantile(thresholds, (0.025, 0.975), axis=0)
    single = []
    for person in range(PEOPLE):
        mine = answers.kinds[0].groups.codes == person
        alone = fit(answers.shift_px[mine], answers.different[mine], np.ones(TRIALS)).threshold_px
        # A single fit may have none among the shifts that were shown.
        single.append(np.nan if alone is None else float(np.log(alone) - true[person]))
    return {
        "shrunken": (np.median(thresholds, axis=0) - true).tolist(),
        "single": single,
        "differ": (true - true.mean()).tolist(),
        "held": ((low <= true) & (true <= high)).tolist(),
    }


def none(job: tuple[int, int]) -> list[bool]:
    """Of one study in which nobody differs: which standard deviations are said to be 0."""
    seed, draws = job
    answers, _ = study(FIXED, np.zeros(6), np.random.default_rng(seed))
    found = fitted(answers, draws, seed)
    return [odds_of_none(found.sds[:, term], scale) > 1 for term, scale in enumerate(prior_of(answers).scale)]


def ranks(job: tuple[int, int]) -> list[int]:
    """Of one study drawn from the prior: than how many of 99 draws the truth is higher, of one person and the rest."""
    seed, draws = job
    generator = np.random.default_rng(seed)
    prior = prior_of(study(FIXED, SDS, generator)[0])
    fixed = prior.mean + prior.spread * generator.standard_normal(4)
    sds = prior.scale * np.abs(generator.standard_normal(6))
    answers, people = study(fixed, sds, generator)
    found = fitted(answers, draws, seed)
    chosen = np.linspace(0, len(found.fixed) - 1, 99).round().astype(int)
    truth = [people[0, LOCATION], *fixed, *sds]
    values = np.concatenate([found.people[:, :1, LOCATION], found.fixed, found.sds], axis=1)[chosen]
    return [int((values[:, index] < true).sum()) for index, true in enumerate(truth)]


def ours_and_nuts(draws: int, nuts_draws: int) -> dict[str, Any]:
    """Medians of the standard deviations in one study, by our draws and by a long run of NumPyro."""
    answers, _ = study(FIXED, SDS, np.random.default_rng(1))
    prior = prior_of(answers)
    began = perf_counter()
    found = fitted(answers, draws, 0)
    seconds = perf_counter() - began
    python = installed("numpyro", NUMPYRO) / "python"
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "data.npz", Path(folder) / "draws.npz"
        np.savez(
            data,
            who=answers.kinds[0].groups.codes,
            what=answers.kinds[1].groups.codes,
            position=CORE.position(answers.shift_px),
            different=answers.different,
            mean=prior.mean,
            spread=prior.spread,
            scale=prior.scale,
        )
        script = Path(__file__).with_name("hierarchical_nuts.py")
        subprocess.run([python, script, data, out, str(nuts_draws)], check=True)
        theirs = np.load(out)
        rows = {
            name: _beside(found.sds[:, term], theirs["sds"][:, term], float(theirs["effective"][term]))
            for term, name in enumerate(NAMES)
        }
    return {"ours_s": seconds, "r_hat": found.r_hat, "effective": found.effective, "sds": rows}


def _beside(ours: Floats, theirs: Floats, effective: float) -> dict[str, float]:
    return {
        "ours": float(np.median(ours)),
        "nuts": float(np.median(theirs)),
        "ratio": float(np.median(ours) / np.median(theirs)),
        "nuts_error": 1.2533 * float(theirs.std() / np.sqrt(effective)),
    }


def measure(studies: int, calibrations: int, draws: int, processes: int) -> dict[str, Any]:
    """Errors and coverage, how often 0 is said where nobody differs, and the ranks of the truth."""
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(processes) as pool:

        def each(what: Any, count: int, first: int) -> list[Any]:
            jobs = [(first + seed, draws) for seed in range(count)]
            return list(tqdm(pool.map(what, jobs), total=count, desc=what.__name__, unit="study", leave=False))

        if studies:
            rows = each(errors, studies, 1000)
            joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            single = joined["single"]
            known = np.isfinite(single)
            found["errors"] = {
                "studies": studies,
                "people_differ_by": _rms(joined["differ"]),
                "shrunken": _rms(joined["shrunken"]),
                "shrunken_where_a_single_fit_has_one": _rms(joined["shrunken"][known]),
                "single_fits": _rms(single[known]),
                "single_fits_without_threshold": float(1 - known.mean()),
                "covered": float(joined["held"].mean()),
            }
            found["said_to_be_none"] = dict(
                zip(NAMES, np.mean(each(none, studies, 5000), axis=0).tolist(), strict=True)
            )
        if calibrations:
            table = np.array(each(ranks, calibrations, 9000))
            what = ("a person's log median", "log median", "log spread", "false alarms", "lapses", *NAMES)
            found["ranks"] = {name: _uniform(table[:, index]) for index, name in enumerate(what)}
    return found


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _uniform(column: NDArray[np.int64]) -> dict[str, Any]:
    """Counts of ten bins of ranks from 0 to 99, and p of chi-squared that they are alike."""
    counts = np.bincount(column // 10, minlength=10)
    return {"bins": counts.tolist(), "p": float(chisquare(counts).pvalue)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=10, help="whose errors and coverage are counted (10)")
    parser.add_argument("--calibrations", type=int, default=20, help="studies drawn from the prior, for the ranks (20)")
    parser.add_argument("--draws", type=int, default=1000, help="of each of four chains (1000)")
    parser.add_argument("--processes", type=int, default=2, help="at once (2)")
    parser.add_argument("--nuts", action="store_true", help="also NumPyro, installed the first time")
    parser.add_argument("--nuts-draws", type=int, default=10_000, help="of NumPyro, after 1,500 of warm-up (10000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    began = perf_counter()
    fitted(study(FIXED, SDS, np.random.default_rng(1))[0], arguments.draws, 0)
    results: dict[str, Any] = {"seconds": perf_counter() - began}
    results |= measure(arguments.studies, arguments.calibrations, arguments.draws, arguments.processes)
    if arguments.nuts:
        results["nuts"] = ours_and_nuts(arguments.draws, arguments.nuts_draws)
    print(json.dumps(results, indent=2) if arguments.json else _text(results))
    return 0


def _text(results: dict[str, Any]) -> str:
    lines = [f"1,500 answers: {results['seconds']:.1f} s"]
    if "errors" in results:
        found = results["errors"]
        lines += [
            f"error of a person's log threshold, {found['studies']} studies, where people differ by "
            f"{found['people_differ_by']:.2f}: {found['shrunken']:.3f}; single fits {found['single_fits']:.3f} "
            f"({100 * found['single_fits_without_threshold']:.0f}% have none; of the others, shrunken "
            f"{found['shrunken_where_a_single_fit_has_one']:.3f}); 95% intervals hold {100 * found['covered']:.1f}%",
            "said to be 0 where nobody differs",
            *(f"  {name:28} {100 * share:5.0f}%" for name, share in results["said_to_be_none"].items()),
        ]
    if "ranks" in results:
        lines.append("ranks of the truth among 99 draws, in ten bins")
        lines += [f"  {name:28} {row['bins']}  p = {row['p']:.3f}" for name, row in results["ranks"].items()]
    if "nuts" in results:
        lines.append("medians of standard deviations: ours, NUTS (its error), ratio")
        lines += [
            f"  {name:28} {row['ours']:.3f}  {row['nuts']:.3f} ({row['nuts_error']:.3f})  {row['ratio']:.3f}"
            for name, row in results["nuts"]["sds"].items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
