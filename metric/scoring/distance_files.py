"""Files of distances, written whole or not at all; of pairs one a metric: columns `pair`, `distance` and `metric`."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from metric.errors import MetricError
from metric.scoring.journal import is_unfinished

_LONGEST_NAME = 120
"""Bytes of a metric's name in a file's: with the rest, and what a journal adds, it stays below 255."""


def plan_files(output: Path | None, metrics: Sequence[str], *, overwrite: bool = False) -> dict[str, Path]:
    """Metric → file: `output` itself for one metric, else with the metric in its name (`distances-ssim.csv`).

    Raises:
        MetricError: where the folder to write to does not exist, or as `check_replaceable` does (unless `overwrite`);
            better now than after an hour of scoring.
    """
    if output is None:
        return {}
    if not output.parent.is_dir():
        raise MetricError(f"There is no folder {output.parent} to write {output.name} into; make it first.")
    several = len(metrics) > 1
    names = _in_file_names(metrics)
    files = {m: output.with_name(f"{output.stem}-{names[m]}{output.suffix}") if several else output for m in metrics}
    if not overwrite:
        check_replaceable(files.values())
    return files


def _in_file_names(metrics: Sequence[str]) -> dict[str, str]:
    """Metric → what stands for it in a file's name, no two alike: a path or "pyiqa:lpips" is no name everywhere.

    >>> _in_file_names(["ssim", "runs/a/metric.safetensors"])
    {'ssim': 'ssim', 'runs/a/metric.safetensors': 'runs-a-metric.safetensors'}
    """
    plain = {metric: re.sub(r"[^\w.-]+", "-", metric) for metric in metrics}
    folded = [name.casefold() for name in plain.values()]  # some file systems tell no capitals
    names = {}
    for metric, name in plain.items():
        if folded.count(name.casefold()) > 1 or len(name.encode()) > _LONGEST_NAME:
            end = name.encode()[-_LONGEST_NAME:].decode(errors="ignore")
            name = f"{sha256(metric.encode(errors='surrogateescape')).hexdigest()[:8]}-{end}"
        names[metric] = name
    return names


def check_replaceable(files: Iterable[Path]) -> None:
    """Raises `MetricError` for a file that exists; not where its run was killed before its journals were removed."""
    for path in files:
        if path.exists() and not is_unfinished(path):
            raise MetricError(f"{path} exists already; give another name, or --force to replace it.")


def write_distances(path: Path, metric: str, distances: Mapping[str, float]) -> None:
    """Writes pair → distance under a metric in the given order, whole or not at all; digits give back the same float.

    Raises:
        MetricError: where the file cannot be written.
    """
    with written_whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("pair", "distance", "metric"))
        writer.writerows((pair, repr(distance), metric) for pair, distance in distances.items())


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A draft to be written in `with`, which then takes the place of `path`; where that fails, nothing changes.

    Raises:
        MetricError: where the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        try:
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())  # the journal, which has the same, is removed next
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise MetricError(f"{path} cannot be written: {error.strerror or error}.") from error
