"""The tidy response table out of a Parquet file, whichever program has written it."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from analysis.errors import AnalysisError
from analysis.responses.column_check import MISSING
from analysis.responses.index_columns import without_index
from analysis.responses.table_task import belongs, declared, is_common, task_of_first
from analysis.responses.tidy_table import UncheckedTable, check_header, to_read
from analysis.tasks.task import Task


def read_parquet(path: Path, columns: Collection[str] | None = None) -> UncheckedTable:
    """What a Parquet file holds of `columns`; of the others only the names are read.

    Raises: `AnalysisError` where it is no Parquet file or its columns are none of a response table.
    """
    import pyarrow.parquet

    try:
        # Not by path: pyarrow would take a name like `a=1` in it for a partition and add a column.
        with path.open("rb") as stream:
            schema = pyarrow.parquet.read_schema(stream)
            task = task_of_first(schema.names, _first(stream, "task") if "task" in schema.names else MISSING)
            names = without_index(schema.names, _index(schema.metadata or {}, task))
            check_header(names, str(path), task)
            wanted = to_read(names, columns, task)
            numbers = {column.name for column in declared(names, task) if column.dtype != "string"}
            texts = [name for name in wanted if name not in numbers]
            try:
                table = _read(stream, wanted, texts)
            except OSError as error:
                if error.errno is not None:
                    raise
                # It may be that texts are written in a form that does not go with numbering them.
                table = _read(stream, wanted, [])
    except (pa.ArrowException, OSError) as error:
        # A checksum that does not hold comes as an OSError without a number; those of the system have one.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise AnalysisError(f"{path} is not a Parquet file, or damaged ({error}); export it again.") from None
    return UncheckedTable(str(path), table.num_rows, names, {name: table[name] for name in wanted})


def _read(stream: BinaryIO, columns: list[str], numbered: list[str]) -> pa.Table:
    import pyarrow.parquet

    stream.seek(0)
    # Statistics and pages are of this machine or checked below; the file is read once, in order.
    return pyarrow.parquet.read_table(
        stream, columns=columns, read_dictionary=numbered, page_checksum_verification=True
    )


def _first(stream: BinaryIO, name: str) -> Any:
    """The cell of a column in the first row; MISSING where there is no row."""
    import pyarrow.parquet

    stream.seek(0)
    file = pyarrow.parquet.ParquetFile(stream, page_checksum_verification=True)
    batch = next(file.iter_batches(batch_size=1, columns=[name]), None)
    return MISSING if batch is None or not len(batch) else batch[0][0].as_py()


def _index(metadata: dict[bytes, bytes], task: Task) -> list[str]:
    """Names of the columns that pandas has written its index to, but for those of a response table."""
    described: dict[str, Any] = json.loads(metadata.get(b"pandas", b"{}"))
    return [
        name
        for name in described.get("index_columns", [])
        if isinstance(name, str) and not (belongs(name, task) and (task.is_known or is_common(name)))
    ]
