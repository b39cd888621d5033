"""A run that may be killed and begun again, alone or among several processes, whatever it computes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from metric.errors import MetricError
from metric.scoring.distance_files import check_replaceable
from metric.scoring.journal import Item, Journal
from metric.scoring.processes import Processes
from metric.scoring.run_settings import difference

Settings = Mapping[str, Mapping[str, Any]]
"""Column → what must be the same for its distances to be the same."""


class SharedItem(Item, Protocol):
    """What is scored, with its reference: items of one reference are one process's."""

    @property
    def reference(self) -> Path: ...


_Shared = TypeVar("_Shared", bound=SharedItem)
_Computed = tuple[_Shared, Mapping[str, Sequence[float]], Mapping[str, float]]
"""An item; column → its distances; metric → the seconds that they took."""


@dataclass(frozen=True)
class SharedRun(Generic[_Shared]):
    """What is to be computed, and where it is kept meanwhile.

    Attributes:
        items: all that are to be scored, the same in every process; those of one reference may stand anywhere.
        columns: what is computed for each; `width` distances in each column.
        files: column → the file that it is for. What is scored is kept in journals beside the files until `write`
            has written them, and a run that is begun again takes it from there. A column may have none.
        settings: only with the same are distances taken from an earlier run.
        compute: the distances of some items, one after the other, in any order; it may leave out some.
        write: called with column → key → distances, items in their order; in one of the processes, once.
        overwrite: replace files that exist, and begin again.
    """

    items: Sequence[_Shared]
    columns: Sequence[str]
    files: Mapping[str, Path]
    settings: Settings
    compute: Callable[[Sequence[_Shared]], Iterable[_Computed[_Shared]]]
    write: Callable[[Mapping[str, Mapping[str, Sequence[float]]]], object]
    width: int = 1
    overwrite: bool = False

    def run(
        self,
        processes: Processes,
        begin: Callable[[int, int], object] = lambda to_score, resumed: None,
        advance: Callable[[], object] = lambda: None,
    ) -> tuple[dict[str, dict[str, Sequence[float]]], dict[str, float], int]:
        """Column → key → distances, the same in every process; metric → seconds; how many items were computed now.

        Args:
            processes: which of several this is.
            begin: called with the number of items that this process will score and the number taken from before.
            advance: called after each item.

        Raises:
            MetricError: as `Journal` and `check_replaceable` do, and where processes have other settings.
        """
        with ExitStack() as held:
            journals = {
                column: held.enter_context(
                    Journal(file, {"metric": column, **self.settings.get(column, {})}, processes.rank, self.width)
                )
                for column, file in self.files.items()
            }
            if not self.overwrite:
                # Once more: another run may have ended before this one held the journals.
                check_replaceable(self.files.values())
            elif processes.rank == 0:
                for journal in journals.values():
                    journal.clear()
            _check_alike(processes.gather(self.settings))  # and nobody reads what is being cleared
            known = {name: journals[name].read(self.items) if name in journals else {} for name in self.columns}
            processes.gather(None)  # nobody writes before all have read
            missing = [item for item in self.items if any(item.key not in known[name] for name in self.columns)]
            mine = processes.share(missing)
            begin(len(mine), len(self.items) - len(missing))
            parts = processes.gather(self._computed(mine, known, journals, advance))
            for part, _ in parts:
                for name in self.columns:
                    known[name] |= part[name]
            in_order = {
                name: {item.key: known[name][item.key] for item in self.items if item.key in known[name]}
                for name in self.columns
            }
            slowest = {name: max(spent.get(name, 0.0) for _, spent in parts) for _, all_ in parts for name in all_}
            if processes.rank == 0:
                self.write(in_order)
                for journal in journals.values():
                    journal.remove()
        return in_order, slowest, len(missing)

    def _computed(
        self,
        items: Sequence[_Shared],
        known: Mapping[str, Mapping[str, Sequence[float]]],
        journals: Mapping[str, Journal],
        advance: Callable[[], object],
    ) -> tuple[dict[str, dict[str, Sequence[float]]], dict[str, float]]:
        """What was not known, in the journals too; and metric → the seconds that it took."""
        found: dict[str, dict[str, Sequence[float]]] = {name: {} for name in known}
        seconds: dict[str, float] = {}
        for item, columns, spent in self.compute(items):
            for name, took in spent.items():
                seconds[name] = seconds.get(name, 0.0) + took
            for name, distances in columns.items():
                if item.key not in known[name]:
                    found[name][item.key] = array("d", distances)
                    if name in journals:
                        journals[name].append(item, *distances)
            advance()
        return found, seconds


def _check_alike(settings: Sequence[Settings]) -> None:
    """Raises `MetricError` where a process would compute otherwise than the first, as on a host of another kind."""
    for rank, theirs in enumerate(settings):
        for metric, first in settings[0].items():
            if differing := difference(first, theirs[metric]):
                name, values = differing
                raise MetricError(
                    f"Process {rank} would compute {metric} with another {name} than process 0 ({values}); "
                    "give all processes the same."
                )
