"""Distances of a metric, one for each pair, in a CSV file."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from analysis.errors import AnalysisError


def read_distances(path: Path) -> dict[str, float]:
    """Pair id → distance, from a CSV file with the columns `pair` and `distance`; other columns are ignored.

    Raises: `AnalysisError` where the file cannot be read, lacks a column, names a pair twice, or gives a
        distance that is not a finite number.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AnalysisError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error
    distances: dict[str, float] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for name in ("pair", "distance"):
            if name not in (reader.fieldnames or []):
                if any(mark in "".join(reader.fieldnames or []) for mark in ";\t"):
                    raise AnalysisError(f"{path}: its columns are not separated by commas; save it with commas.")
                raise AnalysisError(f"{path}: the column {name} is missing; the first line names the columns.")
        for row in reader:
            here = f"{path}: line {reader.line_num}"
            pair = row["pair"]
            if pair in distances:
                raise AnalysisError(f"{here}: the pair {pair} was already given; remove one of them.")
            distances[pair] = _distance(row["distance"], here, pair)
    except csv.Error as error:
        raise AnalysisError(f"{path}: line {reader.line_num} is not CSV ({error}); correct it.") from None
    return distances


def _distance(cell: str | None, here: str, pair: str) -> float:
    try:
        distance = float(cell or "")
    except ValueError:
        distance = math.nan
    if not math.isfinite(distance):
        raise AnalysisError(f"{here}: the distance of {pair} is {cell or ''!r}, not a finite number; correct it.")
    return distance
