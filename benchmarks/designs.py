"""What studies of several designs find of two metrics, for the answers that they take.

    python -m benchmarks.designs
    python -m benchmarks.designs --studies 40 --replicates 100 --json

Of each design studies are simulated, with observers and photographs drawn anew and a threshold that depends on the
photograph. Two metrics know the shift and what photographs do to it; each has opinions of its own on photographs, and
noise. In one half of the table the second metric's opinions are the stronger ones; in the other both are as good.

`paper`: shifts of 0 to 9 pixels on 50 images. `0,2,3`: chosen shifts, with 5 answers a pair. `selected`: the same
shifts on images on which the two metrics disagree most, out of a pool of 2,000. `five crops`: five images of each
photograph, selected ones too.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Floats, Population, image_effects, simulate
from analysis.planning.simulated_verdicts import Jury
from study_server.tasks.shifted_pairs.discriminating import choose, disagreement

_POOL = 2_000
_GOOD = SimulatedMetric(noise_sd=0.3, opinion_sd=0.3)
_POOR = SimulatedMetric(noise_sd=0.3, opinion_sd=0.8)
_CHOSEN = (0, 2, 3)
# Scenario → the two metrics, the first of which is the better one where they differ.
METRICS = {"differ": (_GOOD, _POOR), "do not differ": (_POOR, _POOR)}


@dataclass(frozen=True)
class Cell:
    """A design of the table; `selected`: by the disagreement of the two metrics."""

    name: str
    design: Design
    selected: bool = False


def _chosen(participants: int, images: int, crops: int = 1) -> Design:
    """Shifts of 0, 2 and 3 px, of each of which a participant sees ten pairs, on other images each time."""
    return Design(participants, images, min(10, images // len(_CHOSEN)), _CHOSEN, crops)


CELLS = (
    Cell("paper", Design()),
    Cell("paper", Design(participants=60, images=100)),
    Cell("paper", Design(participants=300, images=500)),
    Cell("0,2,3", _chosen(50, 100)),
    Cell("0,2,3", _chosen(100, 333)),
    Cell("0,2,3", _chosen(15, 30)),
    Cell("0,2,3 selected", _chosen(15, 30), selected=True),
    Cell("0,2,3 selected", _chosen(25, 50), selected=True),
    Cell("0,2,3 selected", _chosen(50, 100), selected=True),
    Cell("paper, five crops", Design(crops=5)),
    Cell("0,2,3, five crops", _chosen(50, 100, 5)),
    Cell("0,2,3 selected, five crops", _chosen(50, 100, 5), selected=True),
)


def study(seed: int, cell: Cell, metrics: tuple[SimulatedMetric, SimulatedMetric], replicates: int) -> list[int]:
    """What one study finds: verdicts on the two metrics by γ and by JND mAP, and on the first and the shift alone."""
    generator = np.random.default_rng(seed)
    population, design = Population(), cell.design
    effects, distances = _stimuli(cell, population, metrics, generator)
    simulated = simulate(design, population, generator, effects)
    jury = Jury.of(simulated, 3, replicates, generator)
    if jury is None:
        return [0, 0, 0, 0]
    first, second = (jury.scored(one.ravel()) for one in distances)
    both, alone = jury.found(first, second), jury.found(first, jury.shift())
    return [both.by_concordance, both.by_map, alone.by_concordance, alone.by_map]


def _stimuli(
    cell: Cell,
    population: Population,
    metrics: tuple[SimulatedMetric, SimulatedMetric],
    generator: np.random.Generator,
) -> tuple[Floats, list[Floats]]:
    """Effects of the images, `(images,)`, and distances by both metrics, `(images, shifts)` each."""
    design = cell.design
    if not cell.selected:
        effects = image_effects(design, population, generator)
        return effects, [one.distances(design.shifts, effects, design.photograph, generator) for one in metrics]
    # With crops a pool of no more photographs than the study shall have, of which there are very many windows.
    windows = _POOL if design.crops == 1 else _POOL * design.crops // design.images
    pool = Design(images=_POOL, shifts=design.shifts, per_shift=1, crops=1 if design.crops == 1 else windows)
    effects = image_effects(pool, population, generator)
    distances = [one.distances(pool.shifts, effects, pool.photograph, generator) for one in metrics]
    photographs = [str(number) for number in pool.photograph]
    taken = choose(
        disagreement(np.stack(distances, axis=-1), [1.0] * _POOL), photographs, ["right"] * _POOL, design.images
    )
    if set(np.unique(pool.photograph[taken], return_counts=True)[1]) != {design.crops}:
        raise RuntimeError("The selected images are not as many of each photograph as the design has crops.")
    return effects[taken], [one[taken] for one in distances]


def measure(studies: int, replicates: int) -> list[dict[str, Any]]:
    """A row of the table for each cell."""
    rows = []
    with get_context("spawn").Pool(2) as pool:
        for cell in CELLS:
            row: dict[str, Any] = {
                "name": cell.name,
                "selected": cell.selected,
                **asdict(cell.design),
                "answers": cell.design.answers,
                "answers_per_pair": cell.design.answers / (cell.design.images * len(cell.design.shifts)),
                "studies": studies,
            }
            for number, (scenario, metrics) in enumerate(METRICS.items()):
                one = partial(study, cell=cell, metrics=metrics, replicates=replicates)
                seeds = range(1_000_000 * number, 1_000_000 * number + studies)
                label = f"{cell.name}, {cell.design.answers:,} answers, metrics {scenario}"
                studied = tqdm(pool.imap(one, seeds, chunksize=5), total=studies, desc=label, leave=False)
                found = np.array(list(studied))
                if scenario == "differ":
                    for place, name in enumerate(("power", "power_map", "beyond_shift", "beyond_shift_map")):
                        row[name] = _share(found[:, place] == 1)
                else:
                    row["false"], row["false_map"] = (_share(found[:, place] != 0) for place in range(2))
            rows.append(row)
    return rows


def _share(happened: np.ndarray[Any, Any]) -> dict[str, float]:
    ends = binomtest(int(happened.sum()), len(happened)).proportion_ci(0.95, "wilson")
    return {"share": float(happened.mean()), "low": float(ends.low), "high": float(ends.high)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=300, metavar="N", help="of each cell (300)")
    parser.add_argument("--replicates", type=int, default=200, metavar="B", help="draws of photographs a study (200)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes share the processors
    rows = measure(options.studies, options.replicates)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"Share of {options.studies} studies that find what is named, at 5%, by γ within shifts and by JND mAP")
    print(f"{'':<28}{'':>7}{'':>8}{'':>8}  {'better than the other':<22}{'beyond the shift':<18}{'false verdicts'}")
    print(
        f"{'':<28}{'images':>7}{'answers':>8}{'a pair':>8}  " + f"{'γ':>7}{'mAP':>7}{'':<8}" * 2 + f"{'γ':>7}{'mAP':>7}"
    )
    for row in rows:
        figures = [100 * row[key]["share"] for key in ("power", "power_map", "beyond_shift", "beyond_shift_map")]
        false = [100 * row[key]["share"] for key in ("false", "false_map")]
        print(
            f"{row['name']:<28}{row['images']:>7}{row['answers']:>8,}{row['answers_per_pair']:>8.1f}  "
            f"{figures[0]:>6.0f}%{figures[1]:>6.0f}%{'':<8}{figures[2]:>6.0f}%{figures[3]:>6.0f}%{'':<8}"
            f"{false[0]:>6.1f}%{false[1]:>6.1f}%"
        )


if __name__ == "__main__":
    main()
