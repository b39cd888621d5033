"""Files of distances, written whole or not at all; of pairs one a metric: columns `pair` and `distance`."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from metric.errors import MetricError
from metric.scoring.journal import is_unfinished


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
    names = {m: re.sub(r"[^\w.-]+", "-", m) for m in metrics}  # "pyiqa:lpips" is not a file's name everywhere
    files = {m: output.with_name(f"{output.stem}-{names[m]}{output.suffix}") if several else output for m in metrics}
    if not overwrite:
        check_replaceable(files.values())
    return files


def check_replaceable(files: Iterable[Path]) -> None:
    """Raises `MetricError` for a file that exists; not where its run was killed before its journals were removed."""
    for path in files:
        if path.exists() and not is_unfinished(path):
            raise MetricError(f"{path} exists already; give another name, or --force to replace it.")


def write_distances(path: Path, distances: Mapping[str, float]) -> None:
    """Writes pair → distance in the given order, whole or not at all; the digits give back the same float.

    Raises:
        MetricError: where the file cannot be written.
    """
    with written_whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("pair", "distance"))
        writer.writerows((pair, repr(distance)) for pair, distance in distances.items())


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
