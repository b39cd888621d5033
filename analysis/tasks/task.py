"""What a task is to the analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from analysis.columns.column import Column
from analysis.columns.rule_columns import Mask, Responses
from analysis.tasks.rule import Rule


@dataclass(frozen=True, eq=False)
class Task:
    """One kind of task, as its place declares it.

    Attributes:
        name: as the column `task` of the response table has it.
        columns: those that the tables of this task alone have, by the common column after which they stand.
        subject: the column that names what a trial asks about, such as `pair`; None where that is not known.
        of_subject: columns that have one value each for a subject, whoever answers.
        picture: the column with the part of a subject's name, `PICTURE_n-SHIFT`, that says which picture it is of.
        hit: which responses count where answers are counted by shift: those that say that there is a shift, or find it;
            None where nothing is counted so.
        verbs: those of the command line that have results for the task, beside `export`, which takes every table.
        rules: exclusion rules by name that are this task's own way of being applied; others hold for every task.
        sections: those that a report on the task has, by name and in their order.
        contradiction: the first row whose values of this task contradict each other, and what is said of it after the
            place of the row; None where none do, or where a table lacks the columns.
        is_known: whether this version knows the task: a table of another is read, and its own columns as texts.
    """

    name: str
    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    subject: str | None = None
    of_subject: tuple[str, ...] = ()
    picture: str | None = None
    hit: Callable[[Responses], Mask] | None = None
    verbs: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    sections: tuple[str, ...] = ()
    contradiction: Callable[[Mapping[str, pa.Array]], tuple[int, str] | None] = lambda columns: None
    is_known: bool = True

    @property
    def own(self) -> tuple[Column, ...]:
        """The task's own columns, in their order."""
        return tuple(column for columns in self.columns.values() for column in columns)

    def choices(self, name: str) -> tuple[str, ...]:
        """What one of the task's own columns can hold; none where it has no such column."""
        return next((column.choices for column in self.own if column.name == name), ())


def unknown_task(name: str) -> Task:
    """A task of which this version knows the name alone."""
    return Task(name, is_known=False)
