"""Tidy response tables in files; the suffix says the format."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.atomic_file import replacing
from analysis.errors import AnalysisError
from analysis.responses.csv_table import read_csv
from analysis.responses.json_lines_table import read_json_lines
from analysis.responses.judgment_list import format_judgment_list, parse_judgment_list
from analysis.responses.parquet_table import read_parquet
from analysis.responses.table_writers import WRITERS
from analysis.responses.tidy_table import UncheckedTable, tidy_table

if TYPE_CHECKING:
    import pandas as pd

_READERS: dict[str, Callable[[Path, Collection[str] | None], UncheckedTable]] = {
    ".csv": read_csv,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet,
}

SUFFIXES = (*_READERS, ".json")


def read_file(path: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The checked tidy response table of a file; except for `.json`, exactly what `write_file` was given.

    Args:
        path: the file.
        columns: names of the columns that are needed: only these are checked and given, which is quicker; all if left
            out. `.json` is read whole.

    Raises: `AnalysisError` where the file cannot be read or is no such table.
    """
    suffix = _suffix(path)
    try:
        if suffix == ".json":
            return parse_judgment_list(path.read_text(encoding="utf-8-sig"), study=path.stem, origin=str(path))
        return tidy_table(_READERS[suffix](path, columns), columns)
    except UnicodeDecodeError:
        raise AnalysisError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error


def write_file(responses: pd.DataFrame, path: Path, *, overwrite: bool = False) -> None:
    """Write a tidy response table; the file appears whole or not at all.

    `.csv`, `.jsonl` and `.parquet` hold every row and column. `.json` is the form of the paper's
    `user_jnd.json` and holds only the answers that are not excluded.

    Raises: `AnalysisError` where the suffix is unknown, the file exists (unless `overwrite`) or cannot be
        written.
    """
    check_output(path, overwrite=overwrite)
    suffix = _suffix(path)
    with replacing(path) as draft:
        if suffix == ".json":
            draft.write_text(format_judgment_list(responses, origin=str(path)), encoding="utf-8")
            return
        with WRITERS[suffix](draft) as write:
            write(responses)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raise `AnalysisError` where `write_file` would refuse `path`, before the work that leads to it."""
    _suffix(path)
    if path.is_dir():
        raise AnalysisError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not overwrite:
        raise AnalysisError(f"{path} exists already; give another name, or --force to replace it.")


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise AnalysisError(
            f"{path} does not say a format that responses can have; end its name in "
            f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    return suffix
