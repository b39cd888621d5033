"""The table that a scoring run of triplets or judged pairs writes (docs/triplet-scores.md)."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metric.errors import MetricError
from metric.scoring.distance_files import check_replaceable, written_whole
from metric.triplets.triplet import Triplet

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = "shift-study/triplet-scores/1"
ENDINGS = (".parquet", ".csv", ".csv.gz")


def distance_columns(shifts: Sequence[int]) -> list[str]:
    """What a triplet's distances are, in the order in which they are computed.

    >>> distance_columns([0, 1])
    ['d0', 'd1', 'd0_n0', 'd1_n0', 'd0_n1', 'd1_n1']
    """
    return ["d0", "d1", *(f"d{image}_n{shift}" for shift in shifts for image in (0, 1))]


@dataclass(frozen=True)
class ScoreTable:
    """What is written, one row a metric and sample.

    Attributes:
        schema: name of the table's form.
        set_name: `bapps`, `bapps-jnd`, `clic` or `two-afc`.
        votes: whose the judgments are.
        size_px: the shorter side that images were resized to; None where they were not.
        judge: name of the column of judgments.
        columns: names of the columns of distances.
        distances: metric → key of the triplet → distances.
        settings: what the distances were computed with; a Parquet file keeps it.
    """

    schema: str
    set_name: str
    votes: str
    size_px: int | None
    judge: str
    columns: Sequence[str]
    distances: Mapping[str, Mapping[str, Sequence[float]]]
    settings: Mapping[str, Any]

    def table(self, triplets: Sequence[Triplet]) -> pa.Table:
        """The rows, metric by metric, of those of the triplets that have distances."""
        import numpy as np
        import pyarrow as pa

        tables = []
        for metric, found in self.distances.items():
            scored = [triplet for triplet in triplets if triplet.key in found]
            n = len(scored)
            values = np.array([found[triplet.key] for triplet in scored], dtype=np.float64).reshape(n, -1)
            columns: dict[str, pa.Array] = {
                "schema": pa.repeat(self.schema, n),
                "set": pa.repeat(self.set_name, n),
                "votes": pa.repeat(self.votes, n),
                "metric": pa.repeat(metric, n),
                "category": pa.array([triplet.category for triplet in scored], pa.string()),
                "sample": pa.array([triplet.sample for triplet in scored], pa.string()),
                "reference": pa.array([triplet.reference_name for triplet in scored], pa.string()),
                "size_px": pa.array([self.size_px] * n, pa.int32()),
                self.judge: pa.array([triplet.judge for triplet in scored], pa.float64(), from_pandas=True),
            }
            # NaN stands for what is not known: it becomes an empty cell.
            columns |= {name: pa.array(values[:, index], from_pandas=True) for index, name in enumerate(self.columns)}
            tables.append(pa.table(columns))
        return pa.concat_tables(tables).replace_schema_metadata(
            {self.schema: json.dumps(self.settings, ensure_ascii=False)}
        )

    def write(self, path: Path, triplets: Sequence[Triplet]) -> None:
        """Writes the table in the form that the file's name says, whole or not at all.

        Raises:
            MetricError: where the file cannot be written.
        """
        import pyarrow.parquet

        table = self.table(triplets)
        with written_whole(path) as draft:
            if path.name.endswith(".parquet"):
                pyarrow.parquet.write_table(table, draft, compression="zstd")
                return
            with draft.open("wb") as file:
                if path.name.endswith(".gz"):
                    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                        _write_csv(table, packed)
                else:
                    _write_csv(table, file)


def _write_csv(table: pa.Table, file: io.BufferedWriter | gzip.GzipFile) -> None:
    """In digits that give back the same floats; a few rows at a time, for as Python's numbers they are large."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=1000):
        writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    text.flush()
    text.detach()


def check_output(path: Path, *, overwrite: bool = False) -> None:
    """Raises `MetricError` for a file of another form, in no folder, or that exists; better now than after an hour."""
    if not path.name.endswith(ENDINGS) or path.name in ENDINGS:
        raise MetricError(f"{path} ends with none of {', '.join(ENDINGS)}; give a name that does.")
    if not path.parent.is_dir():
        raise MetricError(f"There is no folder {path.parent} to write {path.name} into; make it first.")
    if not overwrite:
        check_replaceable([path])
