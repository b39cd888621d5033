"""What files of triplet scores must be to stand in one table."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.triplets.score_files import MetricRows

Floats = NDArray[np.float64]

SEPARATOR = "\x1f"
"""What joins the category and the name of a sample."""


def check_names(found: list[MetricRows], wanted: Collection[str]) -> None:
    """Raises: `AnalysisError` where two metrics (of those `wanted`, if any) have one name, or none has a wanted one."""
    for place, metric in enumerate(found):
        for other in found[:place]:
            if metric.name == other.name and (not wanted or metric.name in wanted):
                raise AnalysisError(
                    f"{other.path} and {metric.path} both hold scores of {metric.name}; name one of them otherwise, as "
                    "with NAME=FILE, or show only others, with --metric."
                )
    known = [metric.name for metric in found]
    for name in wanted:
        if name not in known:
            raise AnalysisError(f"The files hold no metric {name}; they hold {', '.join(known)}.")


def check_alike(first: MetricRows, other: MetricRows) -> None:
    """Raises: `AnalysisError` where two metrics are of another set, votes, size or set of shifts."""
    for what, mine, yours in (("set", first.set, other.set), ("votes", first.votes, other.votes)):
        if mine != yours:
            raise AnalysisError(
                f"{first.place} is of the {what} {mine!r}, but {other.place} of {yours!r}; show them one by one."
            )
    if (first.size_px, first.size_stated) != (other.size_px, other.size_stated):
        mend = "" if first.size_stated and other.size_stated else ", or say with --size what a file does not"
        raise AnalysisError(
            f"{first.place} is of images {_size(first)}, but {other.place} of images {_size(other)}; score both at one "
            f"size{mend}."
        )
    if first.shifts != other.shifts:
        common = [shift for shift in first.shifts if shift in other.shifts and shift > 0]
        baseline = (0 in first.shifts) == (0 in other.shifts)
        mend = f", or compare them with --shifts {','.join(map(str, common))}" if common and baseline else ""
        raise AnalysisError(
            f"{first.place} was scored at shifts of {_shifts(first)}, but {other.place} at {_shifts(other)}; score "
            f"both at the same ones{mend}."
        )


def _size(metric: MetricRows) -> str:
    if metric.size_px is not None:
        return f"resized to {metric.size_px} px"
    return "of their own size" if metric.size_stated else "whose size it does not say"


def _shifts(metric: MetricRows) -> str:
    return f"{', '.join(map(str, metric.shifts))} px" if metric.shifts else "none"


def check_values(metric: MetricRows) -> None:
    """Raises: `AnalysisError` where a row has no name, a value cannot be, or a sample stands twice."""
    rows = metric.rows
    for name in ("category", "sample"):
        if not pc.all(pc.greater(pc.utf8_length(pc.fill_null(rows[name], "")), 0)).as_py():
            raise AnalysisError(f"{metric.place}: a row has no {name}; name it.")
    for name in [name for name in rows.column_names if name == "judge" or name.startswith(("d0", "d1"))]:
        values = numbers(rows[name])
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            raise AnalysisError(
                f"{metric.place}: {name} of the sample {called(rows, place)} is {_cell(values[place])}, not a finite "
                f"number; score it again (so it is in {np.count_nonzero(~np.isfinite(values)):,} rows)."
            )
        if name == "judge" and np.any((values < 0) | (values > 1)):
            place = int(np.flatnonzero((values < 0) | (values > 1))[0])
            raise AnalysisError(
                f"{metric.place}: judge of the sample {called(rows, place)} is {values[place]:g}, but the share of "
                "people who preferred the second image is between 0 and 1; correct it."
            )
    keys = sample_keys(rows)
    counts = pc.value_counts(keys)
    if len(counts) < len(keys):
        twice = next(item for item in counts.to_pylist() if item["counts"] > 1)["values"]
        raise AnalysisError(
            f"{metric.place}: the sample {twice.replace(SEPARATOR, '/')} stands there twice; remove one of them."
        )


def sample_keys(rows: pa.Table) -> pa.Array:
    """What names each sample in all categories, `(N,)`."""
    return pc.binary_join_element_wise(rows["category"], rows["sample"], SEPARATOR).combine_chunks()


def numbers(column: pa.ChunkedArray) -> Floats:
    """A column as an array, NaN for an empty cell."""
    return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), dtype=np.float64)


def called(rows: pa.Table, place: int) -> str:
    """A sample's name in messages."""
    return f"{rows['category'][place].as_py()}/{rows['sample'][place].as_py()}"


def _cell(value: float) -> str:
    return "missing or NaN" if np.isnan(value) else str(value)
