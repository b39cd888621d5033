"""What metrics prefer in a study's triplets: files of triplet scores that `shift-study score` wrote of the study."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.triplets.outcomes import rank_flips
from analysis.triplets.score_checks import check_names, numbers
from analysis.triplets.score_files import STUDY_SET, MetricRows, named_file, read_score_file
from analysis.two_alternative.answer_values import TripletValues
from analysis.two_alternative.choices import Choices

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MetricDistances:
    """A metric's distances of the first and the second image from the reference, smaller for more alike.

    `of_version`: by shift in pixels, `(T,)` each, in the order of `Choices.triplets`; NaN where there is no such
    stimulus.
    """

    name: str
    of_version: dict[int, tuple[Floats, Floats]]

    @classmethod
    def from_arrays(cls, name: str, of_version: dict[int, tuple[Floats, Floats]]) -> Self:
        """The same, checked.

        Raises: `AnalysisError` where there are none of the unshifted version, or only one image has a distance.
        """
        if 0 not in of_version:
            raise AnalysisError(f"{name} has no distances of the unshifted triplets; score the study again.")
        for shift, (first, second) in of_version.items():
            if first.shape != second.shape or np.any(np.isnan(first) != np.isnan(second)):
                raise AnalysisError(f"{name} lacks one of two distances at {shift} px; score the study again.")
        return cls(name, of_version)

    def prefers_second(self, shift_px: int) -> Floats:
        """`(T,)`: 1 where the second image is nearer, 0 the first, a half where both are as near; NaN where unknown."""
        first, second = self.of_version[shift_px]
        told = (1 + np.sign(first - second)) / 2
        return np.asarray(told, dtype=np.float64)

    def flips(self, shift_px: int, triplets: NDArray[np.int64]) -> TripletValues:
        """Whether each of these triplets flips (Ghildyal & Liu 2022, Eq. 2), of those that have distances of both."""
        before, after = self.of_version[0], self.of_version[shift_px]
        known = triplets[np.isfinite(before[0] + after[0])[triplets]]
        if not len(known):
            return TripletValues(np.zeros(0), known)
        return TripletValues(
            rank_flips((before[0][known], before[1][known]), (after[0][known], after[1][known])), known
        )


def read_study_distances(
    files: Sequence[str], choices: Choices, *, metrics: Collection[str] = ()
) -> tuple[MetricDistances, ...]:
    """The distances of metrics for the triplets that people answered; others in the files are passed over.

    Args:
        files: paths that end in .parquet, .csv or .csv.gz, or NAME=PATH, where NAME is the metric's.
        choices: people's answers.
        metrics: only these; all if left out.

    Raises: `AnalysisError` where a file cannot be read or is of something else, lacks a triplet or a version that
        people answered, or two metrics have one name.
    """
    found = [metric for given in files for metric in read_score_file(given)]
    if files:
        check_names(found, metrics)
    wanted = list(dict.fromkeys(metrics)) or [metric.name for metric in found]
    of_name = {metric.name: metric for metric in found}
    return tuple(_aligned(of_name[name], choices) for name in wanted)


def scored_files(files: Sequence[str]) -> dict[str, Path]:
    """The same files' paths, by what a report calls them; those that do not exist are left out.

    Raises: `AnalysisError` where one is given as no path and no NAME=PATH.
    """
    paths = [path for _, path in map(named_file, files) if path.is_file()]
    return {f"Scores{'' if place == 0 else f' {place + 1}'}": path for place, path in enumerate(paths)}


def _aligned(metric: MetricRows, choices: Choices) -> MetricDistances:
    if metric.set != STUDY_SET:
        raise AnalysisError(
            f"{metric.place} holds scores of {metric.set}, not of a study's triplets; score the study with shift-study "
            "score."
        )
    samples = metric.rows["sample"].to_pylist()
    place = {name: row for row, name in enumerate(samples)}
    if len(place) < len(samples):
        twice = next(name for row, name in enumerate(samples) if place[name] != row)
        raise AnalysisError(f"{metric.place}: the triplet {twice} stands there twice; remove one of them.")
    asked = np.unique(choices.triplet)
    missing = [choices.triplets[number] for number in asked if choices.triplets[number] not in place]
    if missing:
        raise AnalysisError(
            f"{metric.place} lacks {len(missing):,} triplets that people judged, such as {missing[0]}; score the study "
            "again."
        )
    rows = np.array([place.get(name, -1) for name in choices.triplets])
    of_version = {}
    for shift in choices.versions:
        if shift not in metric.shifts and not (shift == 0 and 0 not in metric.shifts):
            raise AnalysisError(f"{metric.place} has no distances at a shift of {shift} px; score the study again.")
        names = (f"d0_n{shift}", f"d1_n{shift}") if shift in metric.shifts else ("d0", "d1")
        first, second = (np.append(numbers(metric.rows[name]), np.nan)[rows] for name in names)
        here = np.unique(choices.triplet[choices.shift_px == shift])
        if np.isinf(first).any() or np.isinf(second).any() or np.isnan((first + second)[here]).any():
            known = np.isfinite(first) & np.isfinite(second)
            one = next(choices.triplets[number] for number in range(len(rows)) if not known[number])
            raise AnalysisError(
                f"{metric.place}: a distance of the triplet {one} at {shift} px is missing or not finite; score the "
                "study again."
            )
        of_version[shift] = (first, second)
    if pc.any(pc.is_null(metric.rows["sample"])).as_py():
        raise AnalysisError(f"{metric.place}: a row has no sample; name it.")
    return MetricDistances.from_arrays(metric.name, of_version)
