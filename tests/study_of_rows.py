"""A study as the server would give it, from rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from analysis.responses.columns import columns_of
from analysis.tasks.same_different import SAME_DIFFERENT


class StudyOfRows:
    """Rows column by column, a few at a time."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], at_once: int = 3) -> None:
        self.rows, self.at_once = rows, at_once
        names = dict.fromkeys(name for row in rows for name in row)
        self.columns = [*names] or [column.name for column in columns_of(SAME_DIFFERENT)]

    def batches(self, columns: Collection[str]) -> Iterator[Mapping[str, Sequence[Any]]]:
        for start in range(0, len(self.rows), self.at_once):
            part = self.rows[start : start + self.at_once]
            yield {name: [row.get(name) for row in part] for name in self.columns if name in columns}


@contextmanager
def study_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[StudyOfRows]:
    """The rows of a study, as `read_responses` wants them."""
    yield StudyOfRows(rows)
