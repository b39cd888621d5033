"""Distances as CSV files, one a metric: columns `pair` and `distance`."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from metric.errors import MetricError


def plan_files(output: Path | None, metrics: Sequence[str], *, overwrite: bool = False) -> dict[str, Path]:
    """Metric → file: `output` itself for one metric, else with the metric in its name (`distances-ssim.csv`).

    Raises:
        MetricError: where the folder to write to does not exist, or a file does (unless `overwrite`); better now than
            after an hour of scoring.
    """
    if output is None:
        return {}
    if not output.parent.is_dir():
        raise MetricError(f"There is no folder {output.parent} to write {output.name} into; make it first.")
    several = len(metrics) > 1
    names = {m: re.sub(r"[^\w.-]+", "-", m) for m in metrics}  # "pyiqa:lpips" is not a file's name everywhere
    files = {m: output.with_name(f"{output.stem}-{names[m]}{output.suffix}") if several else output for m in metrics}
    for path in files.values():
        if path.exists() and not overwrite:
            raise MetricError(f"{path} exists already; give another name, or --force to replace it.")
    return files


def write_distances(path: Path, distances: Mapping[str, float]) -> None:
    """Writes pair → distance in the given order; the digits give back the same float.

    Raises:
        MetricError: where the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("pair", "distance"))
            writer.writerows((pair, repr(distance)) for pair, distance in distances.items())
    except OSError as error:
        raise MetricError(f"{path} cannot be written: {error.strerror or error}.") from error
