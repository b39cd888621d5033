"""Files of triplet scores (docs/triplet-scores.md), metric by metric, as they stand."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from analysis.errors import AnalysisError

SCHEMA = "shift-study/triplet-scores/1"
STUDY_SET = "two-afc"
"""What a file calls its set that is of a two-alternative study, whose judgments are its responses."""
SUFFIXES = (".parquet", ".csv", ".csv.gz")
_REQUIRED = ("category", "sample", "judge", "d0", "d1")
_TEXTS = ("schema", "set", "votes", "metric", "category", "sample", "reference")
_SHIFTED = re.compile(r"d([01])_n(0|[1-9]\d*)")


@dataclass(frozen=True)
class MetricRows:
    """What a file holds of one metric.

    `rows`: the columns `category`, `sample`, `judge`, `d0`, `d1`, for each of `shifts` (in pixels, ascending)
    `d0_nK` and `d1_nK`, and `reference` if there is one; `size_px`: None where images were left as they are.
    """

    name: str
    path: Path
    set: str
    votes: str
    size_px: int | None
    size_stated: bool
    shifts: tuple[int, ...]
    rows: pa.Table

    @property
    def place(self) -> str:
        """Where it is from, for messages."""
        return f"{self.path}, {self.name}"


def read_score_file(given: str) -> list[MetricRows]:
    """The metrics of one file, in the order in which they first come up.

    Args:
        given: a path that ends in .parquet, .csv or .csv.gz, or NAME=PATH to give its one metric another name.

    Raises: `AnalysisError` where it cannot be read, is no table of triplet scores, or holds none.
    """
    name, path = named_file(given)
    table = _read(path)
    shifts = _check_columns(table.column_names, path)
    table = _typed(table, path)
    if not table.num_rows:
        raise AnalysisError(f"{path} holds no scores; score the images again.")
    metrics = _by_metric(table, path)
    if name is not None:
        if len(metrics) > 1:
            raise AnalysisError(
                f"{path} holds {len(metrics)} metrics ({', '.join(metrics)}), which cannot all be named {name}; leave "
                f"out {name}=."
            )
        metrics = {name: next(iter(metrics.values()))}
    return [_described(metric, path, rows, shifts) for metric, rows in metrics.items()]


def named_file(given: str) -> tuple[str | None, Path]:
    """The name and path of NAME=PATH; no name where the whole is a path."""
    name, sign, rest = given.partition("=")
    # A path may have an equals sign of its own.
    if not sign or Path(given).exists():
        return None, Path(given)
    if not name.strip() or not rest:
        raise AnalysisError(f"{given!r} is not NAME=FILE; give a name, an equals sign and a path.")
    return name.strip(), Path(rest)


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def _read(path: Path) -> pa.Table:
    suffix = _suffix(path)
    if suffix is None:
        raise AnalysisError(
            f"{path} is no file of triplet scores by its name, whose end is none of {', '.join(SUFFIXES)}; rename it."
        )
    try:
        data = path.read_bytes()
        if suffix == ".parquet":
            return _read_parquet(data, path)
        return _read_csv(gzip.decompress(data) if suffix == ".csv.gz" else data, path)
    except (pa.ArrowException, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        kind = {".parquet": "Parquet", ".csv": "CSV", ".csv.gz": "gzipped CSV"}[suffix]
        said = str(error).partition("\n")[0]
        raise AnalysisError(f"{path} cannot be read as {kind} ({said}); write it again.") from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_parquet(data: bytes, path: Path) -> pa.Table:
    with pyarrow.parquet.ParquetFile(pa.BufferReader(data)) as file:
        return file.read(_known(file.schema_arrow.names, path))


def _read_csv(data: bytes, path: Path) -> pa.Table:
    data = data.removeprefix(codecs.BOM_UTF8)  # a spreadsheet may have put it before the header
    header = data.partition(b"\n")[0].decode("utf-8").strip("\r")
    if not header:
        raise AnalysisError(f"{path} is empty; not even a header line is in it.")
    if any(mark in header for mark in ";\t"):
        raise AnalysisError(f"{path}: its columns are not separated by commas; save it with commas.")
    known = _known([name.strip('"') for name in header.split(",")], path)
    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        pyarrow.csv.ReadOptions(use_threads=False),  # with threads, errors do not name the line
        pyarrow.csv.ParseOptions(newlines_in_values=b'"' in data),
        pyarrow.csv.ConvertOptions(
            include_columns=known,
            column_types={name: pa.string() if name in _TEXTS else pa.float64() for name in known},
            strings_can_be_null=False,
        ),
    )


def _known(names: list[str], path: Path) -> list[str]:
    """Those of a file's columns that are read; all others are ignored."""
    known = [name for name in names if _is_known(name)]
    for name in known:
        if known.count(name) > 1:
            raise AnalysisError(f"{path} has two columns {name}; remove one of them.")
    return known


def _is_known(name: str) -> bool:
    return name in _TEXTS or name in ("size_px", *_REQUIRED) or _SHIFTED.fullmatch(name) is not None


def _check_columns(names: list[str], path: Path) -> tuple[int, ...]:
    """The shifts, in pixels, of which there are distances."""
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise AnalysisError(
            f"{path} is no table of triplet scores: it has no column {missing[0]}, and needs {', '.join(_REQUIRED)}."
        )
    sides = [match.groups() for match in map(_SHIFTED.fullmatch, names) if match]
    for side, shift in sides:
        if (other := str(1 - int(side)), shift) not in sides:
            raise AnalysisError(f"{path} has a column d{side}_n{shift}, but no d{other}_n{shift}; score both images.")
    return tuple(sorted({int(shift) for _, shift in sides}))


def _typed(table: pa.Table, path: Path) -> pa.Table:
    columns = {}
    for name in table.column_names:
        kind = pa.string() if name in _TEXTS else pa.float64()
        try:
            columns[name] = table[name].cast(kind)
        except pa.ArrowException:
            raise AnalysisError(
                f"{path}: the column {name} is {table[name].type}, not {'text' if name in _TEXTS else 'numbers'}; "
                "write it as that."
            ) from None
    return pa.table(columns)


def _by_metric(table: pa.Table, path: Path) -> dict[str, pa.Table]:
    if "metric" not in table.column_names:
        return {path.name[: -len(_suffix(path) or "")]: table}
    names = pc.unique(table["metric"]).to_pylist()
    if any(not name or not name.strip() for name in names):
        raise AnalysisError(f"{path} has rows that name no metric; name it in the column metric, or leave that out.")
    if len(names) == 1:
        return {names[0]: table}
    return {name: table.filter(pc.equal(table["metric"], name)) for name in names}


def _described(name: str, path: Path, rows: pa.Table, shifts: tuple[int, ...]) -> MetricRows:
    where = f"{path}, {name}"
    schema = _only(rows, "schema", where)
    if schema not in (None, "", SCHEMA):
        raise AnalysisError(f"{path} is of the schema {schema!r}, but this version reads {SCHEMA}.")
    size = _only(rows, "size_px", where)
    if size is not None and not (size >= 1 and size.is_integer()):
        raise AnalysisError(f"{where}: size_px is {size:g}, not a number of pixels; correct it.")
    # A metric that was not scored at a shift has only empty cells there, where it shares a file with one that was.
    scored = tuple(s for s in shifts if any(rows[f"d{side}_n{s}"].null_count < rows.num_rows for side in (0, 1)))
    kept = [*_REQUIRED, *(f"d{side}_n{shift}" for shift in scored for side in (0, 1))]
    if "reference" in rows.column_names and any(pc.unique(rows["reference"]).to_pylist()):
        kept.append("reference")
    return MetricRows(
        name=name,
        path=path,
        set=_only(rows, "set", where) or "bapps",
        votes=_only(rows, "votes", where) or "human",
        size_px=None if size is None else int(size),
        size_stated="size_px" in rows.column_names,
        shifts=scored,
        rows=rows.select(kept),
    )


def _only(rows: pa.Table, column: str, where: str) -> Any:
    """The one value of a column; None where there is no such column, or it is empty."""
    if column not in rows.column_names:
        return None
    found = pc.unique(rows[column]).to_pylist()
    if len(found) > 1:
        raise AnalysisError(f"{where}: the column {column} holds {found[0]!r} and {found[1]!r}; keep one of them.")
    return found[0]
