"""The tidy response table out of a study's database, whose server gives it column by column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa

from analysis.atomic_file import replacing
from analysis.exclusions.marking import mark
from analysis.responses.across_rows import PairsSoFar, check_rows
from analysis.responses.batches import held, joined
from analysis.responses.column_check import codes, dictionary
from analysis.responses.table_writers import WRITERS
from analysis.responses.tidy_table import UncheckedTable, checked_columns, row_number, series, tidy_table, to_read

_MOST_OF_INT16 = 32_767


class StudyRows(Protocol):
    """The responses of one state of a database."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns that there are, in their order."""

    def batches(self, columns: Collection[str]) -> Iterator[Mapping[str, Sequence[Any]]]:
        """Column → its values in the next rows, as many in each; always in the same order."""


Opened = AbstractContextManager[StudyRows]
Open = Callable[[str], Opened | None]
"""Gives the responses of a study folder or database URL, and None for any other source."""


def read_study(study: StudyRows, origin: str, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The checked tidy response table of a study; of `columns` alone, where they are given.

    Raises: `AnalysisError` where the table is not valid.
    """
    names = to_read(study.columns, columns)
    parts = [{name: held(cells) for name, cells in batch.items()} for batch in study.batches(names)]
    cells = {name: joined([part[name] for part in parts]) for name in names}
    return tidy_table(UncheckedTable(origin, len(cells["schema"]), study.columns, cells), columns)


def write_study(
    study: StudyRows, origin: str, path: Path, rules: Sequence[str], needed: Collection[str]
) -> pd.DataFrame:
    """Write every response and column of a study, with the marks of the rules, without holding them all.

    Args:
        study: its responses.
        origin: where they are, for messages.
        path: ends in .csv, .jsonl or .parquet; the file appears whole or not at all.
        rules: names of the rules that mark.
        needed: columns that the rules look at.

    Returns: the marked table of the columns needed.

    Raises: `AnalysisError` where the table is not valid, or the file cannot be written.
    """
    marked = mark(_numbered(study, origin, needed), rules)
    pa.default_memory_pool().release_unused()
    pairs, row = PairsSoFar(origin), 0
    with replacing(path) as draft, WRITERS[path.suffix.lower()](draft) as write:
        for batch in study.batches(study.columns):
            count = len(batch["schema"])
            table = UncheckedTable(origin, count, study.columns, batch, _rows_from(row))
            checked = tidy_table(table)
            pairs.check(checked, table.place)
            marks = marked.iloc[row : row + count]
            write(
                checked.assign(
                    excluded=marks["excluded"].array, exclusion_reason=marks["exclusion_reason"].astype("string").array
                )
            )
            row += count
        if not row:
            write(tidy_table(UncheckedTable(origin, 0, study.columns, {})))
    return marked


def _rows_from(first: int) -> Callable[[int], str]:
    return lambda index: row_number(first + index)


def _numbered(study: StudyRows, origin: str, columns: Collection[str]) -> pd.DataFrame:
    """As `read_study`, but texts as categories: few bytes a row, of which never many are held as text."""
    parts: dict[str, list[pa.Array]] = {}
    row = 0
    for batch in study.batches(to_read(study.columns, columns)):
        count = len(batch["schema"])
        table = UncheckedTable(origin, count, study.columns, batch, _rows_from(row))
        for name, array in checked_columns(table, columns).items():
            parts.setdefault(name, []).append(_in_few_bytes(array))
        row += count
    if not parts:
        return read_study(study, origin, columns)
    names = [*parts]
    found = {name: _one(parts.pop(name)) for name in names}
    check_rows({name: found[name] for name in ("study", "participant", "trial")}, origin, row_number)
    return pd.DataFrame({name: _categories(found.pop(name), name) for name in names}, copy=False)


def _in_few_bytes(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        return array.cast(pa.dictionary(pa.int16(), array.type.value_type))
    return array


def _one(parts: Sequence[pa.Array]) -> pa.Array:
    column = pa.chunked_array(parts)
    if pa.types.is_dictionary(column.type) and sum(len(part.dictionary) for part in parts) > _MOST_OF_INT16:
        column = column.cast(pa.dictionary(pa.int32(), column.type.value_type))
    return dictionary(column) if pa.types.is_dictionary(column.type) else pa.concat_arrays(column.chunks)


def _categories(array: pa.Array, name: str) -> Any:
    if pa.types.is_dictionary(array.type):
        return pd.Categorical.from_codes(codes(array), array.dictionary.to_pandas())
    return series(array, name)
