"""Distances of metrics, one for each pair, in CSV files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.agreement.csv_rows import Row, csv_rows, number_in
from analysis.errors import AnalysisError


@dataclass(frozen=True)
class PairName:
    """How a table of distances names what each is of: by `columns`, of which `name` makes one text."""

    columns: tuple[str, ...]
    name: Callable[[Row], str]


PAIR = PairName(("pair", "distance"), lambda row: row["pair"] or "")
"""By the column `pair`, as the manifest of a study names its pairs."""


def read_distances(path: Path) -> dict[str, float]:
    """Pair id → distance, from a CSV file with the columns `pair` and `distance`; other columns are ignored.

    Raises: `AnalysisError` where the file cannot be read, lacks a column, names a pair twice, or gives a
        distance that is not a finite number.
    """
    distances: dict[str, float] = {}
    for row, here in csv_rows(path, PAIR.columns):
        pair = row["pair"] or ""
        distance = number_in(row["distance"])
        if distance is None or not math.isfinite(distance):
            raise AnalysisError(
                f"{here}: the distance of {pair} is {row['distance'] or ''!r}, not a finite number; correct it."
            )
        _add(distances, pair, distance, here)
    return distances


def read_metrics(files: Sequence[str], by: PairName = PAIR) -> tuple[dict[str, dict[str, float]], dict[str, Path]]:
    """Distances of metrics, each named by the column `metric` of its file, or else by the file's own name.

    Args:
        files: paths of CSV files with the columns `pair` and `distance`, which may have a column `metric`; or
            NAME=PATH, where NAME is the metric's.
        by: the columns that name a pair, in place of `pair`.

    Returns: metric → pair id → distance, in the order of `files`; and metric → its file. A distance that is empty or
        not finite is kept as it is, NaN or infinite, for its metric to be left out.

    Raises: `AnalysisError` where a file cannot be read, lacks a column, names a pair twice, or has text for a
        distance, and where two metrics have one name.
    """
    metrics: dict[str, dict[str, float]] = {}
    sources: dict[str, Path] = {}
    for given in files:
        name, path = _named(given)
        for metric, distances in _by_metric(path, name, by).items():
            if metric in metrics:
                raise AnalysisError(
                    f"{path} and {sources[metric]} both hold distances of {metric}; name one of them otherwise, as "
                    "with NAME=FILE."
                )
            metrics[metric] = distances
            sources[metric] = path
    return metrics, sources


def read_usable_metrics(
    files: Sequence[str],
) -> tuple[dict[str, dict[str, float]], dict[str, Path], dict[str, str]]:
    """As `read_metrics`, but a file that holds what it cannot is left out: the third part says why, file by file.

    Raises: `AnalysisError` where a file is not there, and where two metrics have one name.
    """
    usable, left_out = [], {}
    for given in files:
        try:
            read_metrics([given])
        except AnalysisError as error:
            _, path = _named(given)
            if not path.is_file():
                raise
            left_out[given] = f"{path.name} is left out: {error}"
        else:
            usable.append(given)
    metrics, sources = read_metrics(usable)
    return metrics, sources, left_out


def _named(given: str) -> tuple[str | None, Path]:
    name, sign, rest = given.partition("=")
    # A path may have an equals sign of its own.
    if not sign or Path(given).exists():
        return None, Path(given)
    if not name.strip() or not rest:
        raise AnalysisError(f"{given!r} is not NAME=FILE; give a name, an equals sign and a path.")
    return name.strip(), Path(rest)


def _by_metric(path: Path, name: str | None, by: PairName) -> dict[str, dict[str, float]]:
    metrics: dict[str, dict[str, float]] = {}
    for row, here in csv_rows(path, by.columns):
        pair = by.name(row)
        metric = (row["metric"] or "").strip() if "metric" in row else path.stem
        if not metric:
            raise AnalysisError(f"{here}: the metric of {pair} is not named; name it in the column metric.")
        distance = number_in(row["distance"] or "nan")
        if distance is None:
            raise AnalysisError(f"{here}: the distance of {pair} is {row['distance']!r}, not a number; correct it.")
        _add(metrics.setdefault(metric, {}), pair, distance, here)
    if not metrics:
        raise AnalysisError(f"{path} holds no distances; score the pairs again.")
    if name is None:
        return metrics
    if len(metrics) > 1:
        raise AnalysisError(
            f"{path} holds {len(metrics)} metrics ({', '.join(metrics)}), which cannot all be named {name}; leave out "
            f"{name}=."
        )
    (distances,) = metrics.values()
    return {name: distances}


def _add(distances: dict[str, float], pair: str, distance: float, here: str) -> None:
    if pair in distances:
        raise AnalysisError(f"{here}: the pair {pair} was already given; remove one of them.")
    distances[pair] = distance
