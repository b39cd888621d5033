"""Distances of several metrics on the same triplets, and what people preferred."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError
from analysis.triplets.score_checks import (
    SEPARATOR,
    called,
    check_alike,
    check_names,
    check_values,
    numbers,
    sample_keys,
)
from analysis.triplets.score_files import STUDY_SET, MetricRows, read_score_file

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SAME_JUDGE = 1e-6  # shares that were written in single precision


@dataclass(frozen=True)
class MetricDistances:
    """A metric's distances of two images from their reference, smaller for more alike.

    `d0`, `d1`: `(N,)`, whole images. `shifted`: by shift in pixels, `(N,)` each, of Eq. 1's crops.
    """

    name: str
    d0: Floats
    d1: Floats
    shifted: dict[int, tuple[Floats, Floats]]

    @property
    def baseline(self) -> tuple[Floats, Floats]:
        """Distances against which flips are counted: of the unshifted crops, or where there are none, whole images."""
        return self.shifted.get(0, (self.d0, self.d1))


@dataclass(frozen=True)
class TripletScores:
    """N triplets under one or more metrics.

    `set`: `bapps` or `clic`, the layout that was scored. `votes`: `human`, or the rule by which they were made.
    `size_px`: side to which images were resized; None where they were left as they are or, if not `size_stated`,
    where the files do not say. `categories`: names; `category`: `(N,)`, index into them. `sample`: `(N,)` names.
    `judge`: `(N,)`, share of people who preferred the second image, in [0, 1]. `cluster`: `(N,)`, numbers of what is
    drawn anew for intervals: the references of a category, or where there are none, the samples.
    """

    set: str
    votes: str
    size_px: int | None
    size_stated: bool
    categories: tuple[str, ...]
    category: Integers
    sample: tuple[str, ...]
    judge: Floats
    cluster: Integers
    metrics: tuple[MetricDistances, ...]

    @classmethod
    def from_arrays(
        cls,
        category: Sequence[str],
        judge: ArrayLike,
        metrics: Sequence[MetricDistances],
        *,
        reference: Sequence[str] | None = None,
        size_px: int | None = None,
    ) -> Self:
        """Scores of people's votes that are at hand as arrays, samples named by their place.

        Args:
            category: `(N,)`, names.
            judge: `(N,)`, share of people who preferred the second image, in [0, 1].
            metrics: one or more, with the same shifts.
            reference: `(N,)`, names of the references in their category; each sample has its own where None.

        Raises: `AnalysisError` where there is no metric or no sample, or lengths or shifts differ.
        """
        preferred = np.asarray(judge, dtype=np.float64)
        if not metrics or not len(preferred):
            raise AnalysisError("There is no metric or no sample to make a table of; give one.")
        given = {"category": category, "reference": preferred if reference is None else reference}
        for name, values in given.items():
            if len(values) != len(preferred):
                raise AnalysisError(f"{name} has {len(values)} values for {len(preferred)} samples; give one a sample.")
        if any(set(metric.shifted) != set(metrics[0].shifted) for metric in metrics):
            raise AnalysisError("The metrics have distances at other shifts; give the same ones of each.")
        categories, numbers_of = np.unique(np.asarray(category, dtype=str), return_inverse=True)
        samples = [str(place) for place in range(len(preferred))]
        named = pa.chunked_array([pa.array(reference)]) if reference is not None else None
        rows = pa.table({"category": pa.array(list(category), pa.string()), "sample": samples})
        return cls(
            set="bapps",
            votes="human",
            size_px=size_px,
            size_stated=size_px is not None,
            categories=tuple(categories.tolist()),
            category=numbers_of.astype(np.int64),
            sample=tuple(samples),
            judge=preferred,
            cluster=_clusters(rows, named),
            metrics=tuple(metrics),
        )

    @property
    def shifts(self) -> tuple[int, ...]:
        """Shifts of which flips can be counted, in pixels."""
        return tuple(shift for shift in sorted(self.metrics[0].shifted) if shift > 0)

    @property
    def shares_references(self) -> bool:
        """Whether some samples have a reference in common."""
        return bool(self.cluster.max(initial=-1) + 1 < len(self.cluster))


def read_triplet_scores(
    files: Sequence[str],
    *,
    metrics: Collection[str] = (),
    shifts: Collection[int] = (),
    size_px: int | None = None,
    layout: str | None = None,
) -> TripletScores:
    """The triplet scores of files (docs/triplet-scores.md), one or more metrics each.

    Args:
        files: paths that end in .parquet, .csv or .csv.gz, or NAME=PATH, where NAME is the metric's.
        metrics: only these; all where none is named.
        shifts: only these, in pixels; where none is named, all, and each metric must have been scored at the same ones.
        size_px: of files that do not say to which size images were resized.
        layout: `bapps` or `clic`, which the files must be of.

    Returns: samples in the order of the first metric, metrics in the order of the files.

    Raises: `AnalysisError` where a file is none of triplet scores, holds what cannot be, or does not go with another:
        two of one metric, another size, set, votes or set of shifts, other samples, or other judgments of them.
    """
    found = [metric for given in files for metric in read_score_file(given)]
    if not found:
        raise AnalysisError("There is no file of triplet scores; name one.")
    check_names(found, metrics)
    found = [metric for metric in found if not metrics or metric.name in metrics]
    if size_px is not None:
        found = [m if m.size_stated else replace(m, size_px=size_px, size_stated=True) for m in found]
    if shifts:
        found = [_only_shifts(metric, shifts) for metric in found]
    first = found[0]
    if first.set == STUDY_SET:
        raise AnalysisError(
            f"{first.place} holds distances of a study's triplets; see them with shift-study two-afc SOURCE --scores "
            f"{first.path}."
        )
    if layout is not None and first.set != layout:
        raise AnalysisError(
            f"{first.place} holds scores of {first.set}, not of {layout}; see them with shift-study {first.set} table."
        )
    for other in found[1:]:
        check_alike(first, other)
    for metric in found:
        check_values(metric)
    return _aligned(found)


def _only_shifts(metric: MetricRows, shifts: Collection[int]) -> MetricRows:
    missing = [shift for shift in shifts if shift not in metric.shifts and shift != 0]
    if missing:
        raise AnalysisError(f"{metric.place} has no distances at a shift of {missing[0]} px; score it at that shift.")
    return replace(metric, shifts=tuple(shift for shift in metric.shifts if shift == 0 or shift in shifts))


def _aligned(found: list[MetricRows]) -> TripletScores:
    first = found[0]
    keys = sample_keys(first.rows)
    judge = numbers(first.rows["judge"])
    reference: pa.ChunkedArray | None = None
    metrics = []
    for metric in found:
        rows = metric.rows if metric is first else metric.rows.take(_order(first, keys, metric))
        here = numbers(rows["judge"])
        if np.any(np.abs(here - judge) > _SAME_JUDGE):
            place = int(np.argmax(np.abs(here - judge) > _SAME_JUDGE))
            raise AnalysisError(
                f"judge of the sample {called(rows, place)} is {judge[place]:g} in {first.place}, but {here[place]:g} "
                f"in {metric.place}; score both on the same judgments."
            )
        reference = _same_reference(reference, rows, metric)
        shifted = {s: (numbers(rows[f"d0_n{s}"]), numbers(rows[f"d1_n{s}"])) for s in metric.shifts}
        metrics.append(MetricDistances(metric.name, numbers(rows["d0"]), numbers(rows["d1"]), shifted))
    categories = sorted(pc.unique(first.rows["category"]).to_pylist())
    category = pc.index_in(first.rows["category"], pa.array(categories)).to_numpy().astype(np.int64)
    return TripletScores(
        set=first.set,
        votes=first.votes,
        size_px=first.size_px,
        size_stated=first.size_stated,
        categories=tuple(categories),
        category=category,
        sample=tuple(first.rows["sample"].to_pylist()),
        judge=judge,
        cluster=_clusters(first.rows, reference),
        metrics=tuple(metrics),
    )


def _order(first: MetricRows, keys: pa.Array, metric: MetricRows) -> pa.Array:
    """Rows of `metric` in the order of the first metric's samples."""
    own = sample_keys(metric.rows)
    places = pc.index_in(keys, own)
    for lacks, has, missing in (
        (metric, first, keys.filter(pc.is_null(places))),
        (first, metric, own.filter(pc.invert(pc.is_in(own, keys)))),
    ):
        if len(missing):
            one = missing[0].as_py().replace(SEPARATOR, "/")
            raise AnalysisError(
                f"{lacks.place} lacks {len(missing):,} samples that {has.place} has, such as {one}; score both on the "
                "same samples."
            )
    return places


def _same_reference(known: pa.ChunkedArray | None, rows: pa.Table, metric: MetricRows) -> pa.ChunkedArray | None:
    if "reference" not in rows.column_names:
        return known
    here = pc.fill_null(rows["reference"], "")
    if known is None:
        return here
    differs = pc.not_equal(known, here)
    if pc.any(differs).as_py():
        place = pc.index(differs, True).as_py()
        raise AnalysisError(
            f"{metric.place}: the reference of the sample {called(rows, place)} is {here[place].as_py()!r}, but "
            f"{known[place].as_py()!r} in a file before; correct one of them."
        )
    return known


def _clusters(rows: pa.Table, reference: pa.ChunkedArray | None) -> Integers:
    if reference is None:
        return np.arange(rows.num_rows)
    # A sample whose reference is not named is a cluster of its own.
    own = pc.binary_join_element_wise("", rows["sample"], SEPARATOR)
    named = pc.if_else(pc.equal(reference, ""), own, reference)
    keys = pc.binary_join_element_wise(rows["category"], named, SEPARATOR)
    return np.asarray(keys.combine_chunks().dictionary_encode().indices.to_numpy(), dtype=np.int64)
