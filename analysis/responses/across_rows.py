"""What the rows of a tidy response table must not say against each other.

Whether anything is wrong is found on whole columns; only then the rows are gone through, for the first that is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.responses.column_check import codes
from analysis.tasks.task import Task


def check_rows(columns: Mapping[str, pa.Array], origin: str, place: Callable[[int], str], task: Task) -> None:
    """Raise `AnalysisError` where rows contradict each other or themselves.

    A trial of a participant is given twice, a pair (or what else the task asks about) changes, marks lack a reason, or
    the task finds its own values to contradict each other.

    Args:
        columns: checked columns by name; what is not there cannot be wrong.
        origin: what the rows came from.
        place: where a row stands, for messages.
        task: of which the rows are.
    """

    def here(row: int) -> str:
        return f"{origin}: {place(row)}"

    if {"study", "participant", "trial"} <= columns.keys():
        _check_trials(columns, here, place)
    if task.subject is not None and task.subject in columns:
        for name in task.of_subject:
            if name in columns:
                _check_subjects(name, task.subject, columns, here, place)
    contradiction = task.contradiction(columns)
    if contradiction is not None:
        raise AnalysisError(f"{here(contradiction[0])}: {contradiction[1]}")
    if {"excluded", "exclusion_reason"} <= columns.keys():
        _check_reasons(columns["excluded"], columns["exclusion_reason"], here)


def _check_trials(columns: Mapping[str, pa.Array], here: Callable[[int], str], place: Callable[[int], str]) -> None:
    # A participant's id belongs to one study, so the study is part of the key.
    parts = (columns["study"], columns["participant"], columns["trial"])
    joint = np.zeros(len(parts[0]), dtype=np.int64)
    known = np.ones(len(joint), dtype=bool)
    most = 1
    for part in map(_numbers, parts):  # one at a time, for there may be many rows
        known &= part >= 0
        size = int(part.max(initial=-1)) + 1
        most *= size
        if most < 2**62:
            joint *= size
            joint += part
    if most < 2**62 and not _has_repeats(joint if known.all() else joint[known]):
        return
    first: dict[tuple[int, ...], int] = {}
    for row, key in enumerate(zip(*(_numbers(part).tolist() for part in parts), strict=True)):
        before = first.setdefault(key, row) if known[row] else row
        if before != row:
            raise AnalysisError(
                f"{here(row)}: trial {key[2]} of participant {columns['participant'][row]} was already given in "
                f"{place(before)}; remove one of them."
            )


def _has_repeats(numbers: NDArray[np.int64]) -> bool:
    # Counting is faster than sorting where there are not many more numbers than rows.
    if int(numbers.max(initial=0)) < 10 * len(numbers):
        return bool(np.bincount(numbers).max(initial=0) > 1)
    return len(np.unique(numbers)) < len(numbers)


def _numbers(column: pa.Array) -> NDArray[np.int64]:
    """Whole numbers ≥ 0, or those of texts; -1 where unknown."""
    if pa.types.is_dictionary(column.type):
        return codes(column)
    return np.asarray(column.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _check_subjects(
    name: str,
    subject: str,
    columns: Mapping[str, pa.Array],
    here: Callable[[int], str],
    place: Callable[[int], str],
) -> None:
    pairs, column = codes(columns[subject]), columns[name]
    values = _numbers(column)
    first = np.zeros(int(pairs.max(initial=-1)) + 1, dtype=np.int64)
    first[pairs[::-1]] = np.arange(len(pairs))[::-1]  # of several, what is written last stays
    other = np.flatnonzero(values != values[first[pairs]])
    if len(other):
        row = int(other[0])
        before = int(first[pairs[row]])
        raise _changed(name, f"{subject} {columns[subject][row].as_py()}", (column[row].as_py(), here(row)),
                       (column[before].as_py(), place(before)))  # fmt: skip


def _changed(name: str, subject: str, now: tuple[Any, str], before: tuple[Any, str]) -> AnalysisError:
    return AnalysisError(
        f"{now[1]}: {name} of {subject} is {now[0]!r}, but {before[0]!r} in {before[1]}; correct one of them."
    )


class SubjectsSoFar:
    """The pairs, or what else a task asks about, of a table whose rows come piece by piece: none may change."""

    def __init__(self, origin: str, task: Task) -> None:
        self._origin = origin
        self._task = task
        self._known: dict[str, tuple[tuple[Any, ...], str]] = {}

    def check(self, part: Mapping[str, pa.Array], place: Callable[[int], str]) -> None:
        """Raise `AnalysisError` where a pair has another value of what it has one of than in an earlier piece.

        Args:
            part: columns of a piece, in which `check_rows` has found nothing.
            place: where row `index` of this piece stands.
        """
        subject, names = self._task.subject, self._task.of_subject
        if subject is None:
            return
        _, first = np.unique(codes(part[subject]), return_index=True)
        rows = np.sort(first)
        pairs, *values = (part[name].take(pa.array(rows)).to_pylist() for name in (subject, *names))
        for row, pair, *found in zip(rows.tolist(), pairs, *values, strict=True):
            before, where = self._known.setdefault(pair, (tuple(found), place(row)))
            for name, value, known in zip(names, found, before, strict=True):
                if value != known:
                    raise _changed(name, f"{subject} {pair}", (value, f"{self._origin}: {place(row)}"), (known, where))


def _check_reasons(excluded: pa.Array, reasons: pa.DictionaryArray, here: Callable[[int], str]) -> None:
    texts = reasons.dictionary.to_pylist()
    numbers = codes(reasons)
    is_excluded = np.asarray(excluded.to_numpy(zero_copy_only=False), dtype=bool)
    given = np.array([bool(text) for text in texts], dtype=bool)[numbers] if texts else numbers > 0
    named = np.array([bool(text.strip(";")) for text in texts], dtype=bool)[numbers] if texts else numbers > 0
    wrong = np.flatnonzero(np.where(is_excluded, ~named, given))
    if not len(wrong):
        return
    row = int(wrong[0])
    if is_excluded[row]:
        raise AnalysisError(f"{here(row)}: excluded is true, but exclusion_reason names none; give a reason.")
    raise AnalysisError(
        f"{here(row)}: exclusion_reason is {reasons[row].as_py()!r}, but excluded is false; "
        "clear the reason or set excluded to true."
    )
