"""Figures of trained metrics on the same triplets: of each over its seeds, and of one against another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.results import Estimate
from analysis.triplets.draws import DrawnMeans, draw_means
from analysis.triplets.estimates import method, percent
from analysis.triplets.outcomes import rank_flips, two_afc
from analysis.triplets.scores import read_triplet_scores

Floats = NDArray[np.float64]

SHIFTS = (1, 2, 3)
COLUMNS = ("2AFC", *(f"flips {shift} px" for shift in SHIFTS))
MOST_OF_PLAIN, POINTS_APART = 0.5, 1.5
"""The order is there below half of the plain network's flips, and with 2AFC scores so near in points of percent."""
DRAWS = 10_000
_HOW = "95% bootstrap interval over triplets"


@dataclass(frozen=True)
class Outcomes:
    """Of metrics that differ in their seed only, on N triplets: `values` (seeds, N, 4), in the order of `COLUMNS`."""

    values: Floats
    category: NDArray[np.int64]
    cluster: NDArray[np.int64]

    @classmethod
    def read(cls, files: Iterable[Path]) -> Outcomes:
        """Those of files of one metric each, all of the same triplets."""
        read = [read_triplet_scores([str(file)]) for file in files]
        return cls(
            np.stack(
                [
                    np.column_stack(
                        [
                            two_afc(scores.judge, scores.metrics[0].d0, scores.metrics[0].d1),
                            *(rank_flips(scores.metrics[0].baseline, scores.metrics[0].shifted[k]) for k in SHIFTS),
                        ]
                    )
                    for scores in read
                ]
            ),
            read[0].category,
            read[0].cluster,
        )

    @property
    def by_seed(self) -> Floats:
        """Averages over categories, (seeds, 4), in %."""
        parts = [self.values[:, self.category == number].mean(axis=1) for number in np.unique(self.category)]
        return 100 * np.mean(parts, axis=0)


def drawn(several: Iterable[Outcomes]) -> DrawnMeans:
    """Averages of the means over seeds, four columns of each one, in draws of the triplets."""
    each = list(several)
    columns = np.column_stack([one.values.mean(axis=0) for one in each])
    return draw_means(columns, each[0].category, each[0].cluster, replicates=DRAWS, seed=0)[0]


def figures(found: Mapping[str, Outcomes]) -> dict[str, Any]:
    """Name → column → the mean over seeds in %, with its interval over triplets and its deviation over seeds."""
    means, rows = drawn(found.values()), {}
    for place, (name, one) in enumerate(found.items()):
        how = method(means, len(np.unique(one.category)), references=False)
        by_seed = one.by_seed
        over = by_seed.std(axis=0, ddof=1).tolist() if len(by_seed) > 1 else [None] * len(COLUMNS)
        rows[name] = {
            title: {
                **asdict(percent(means, 4 * place + column, how, share=column > 0)),
                "over_seeds": over[column],
                "by_seed": by_seed[:, column].tolist(),
            }
            for column, title in enumerate(COLUMNS)
        }
    return rows


def order(plain: Outcomes, other: Outcomes) -> dict[str, Any]:
    """How often a network flips over how often the plain one does, the points of 2AFC between them, and the verdict.

    `shows` is of the estimates, `surely` of the whole of each interval; `surely` is None where one has no interval.
    """
    means = drawn([plain, other])
    flips = {f"{shift} px": _ratio(means, 4 + shift, shift) for shift in SHIFTS}
    apart = 100 * (means.drawn[:, 4] - means.drawn[:, 0])
    low, high = np.quantile(apart, (0.025, 0.975)).tolist()
    points = Estimate(100 * float(means.observed[4] - means.observed[0]), low, high, _HOW)
    most = [one.high for one in flips.values()]
    return {
        "flips": {name: asdict(one) for name, one in flips.items()},
        "2AFC": asdict(points),
        "shows": all(one.estimate < MOST_OF_PLAIN for one in flips.values()) and abs(points.estimate) <= POINTS_APART,
        "surely": None
        if None in most
        else all(high < MOST_OF_PLAIN for high in most if high is not None) and max(-low, high) <= POINTS_APART,
    }


def _ratio(means: DrawnMeans, over: int, under: int) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.float64(means.observed[over]) / means.observed[under])
        ratios = means.drawn[:, over] / means.drawn[:, under]
    # Drawn means are stretched around the observed one, and few flips may be stretched to none or fewer.
    if means.drawn[:, under].min() <= 0 or not np.isfinite(ratios).all():
        return Estimate(value, None, None, "no interval: too few triplets flip under the plain network")
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Estimate(value, max(0.0, float(low)), float(high), _HOW)
