"""What a run has scored so far, on disk, so that a run that is killed goes on where it was."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, Self, TextIO

from metric.errors import MetricError
from metric.scoring.run_settings import difference

_SCHEMA = "shift-study/scoring/1"


def journal_files(output: Path) -> list[Path]:
    """The journals beside the file `output` that is to be written: one of each process that scored for it."""
    name = re.compile(re.escape(output.name) + r"\.partial(-[0-9]+)?")
    return sorted(path for path in output.parent.iterdir() if name.fullmatch(path.name) and path.is_file())


def is_unfinished(output: Path) -> bool:
    """Whether a run for `output` was broken off: what it scored is removed only after all its files are written."""
    with suppress(FileNotFoundError):  # a run that ends at this moment removes them
        return any(path.stat().st_size for path in journal_files(output))
    return False


class Item(Protocol):
    """What is scored: `key` names it in its run, and `images` says which images it has, in a few characters."""

    @property
    def key(self) -> str: ...
    @property
    def images(self) -> str: ...


@dataclass
class Journal:
    """Distances that are not in their file yet, for one run at a time, which holds it by `with`.

    Each process appends to a file of its own, as distances are found, and reads the files of all: a line of JSON
    that says what was computed, then the items, each with its distances. The first process's file is held in every
    run, so that two runs for one output meet there, however many processes they have.

    Attributes:
        output: the file that the distances are for; the journals are `OUTPUT.partial`, `OUTPUT.partial-1`, ...
        settings: what must be the same for a distance to be the same: metric, version, device, precision, weights.
        rank: the number of the process.
        width: how many distances an item has.
    """

    output: Path
    settings: Mapping[str, Any]
    rank: int = 0
    width: int = 1
    _file: TextIO = field(init=False, repr=False)
    _begun: bool = field(default=False, init=False, repr=False)

    @property
    def path(self) -> Path:
        """The file that this process appends to."""
        number = f"-{self.rank}" if self.rank else ""
        return self.output.with_name(f"{self.output.name}.partial{number}")

    def __enter__(self) -> Self:
        """Holds the file until `with` ends, or the process does.

        Raises:
            MetricError: where another run holds it, or it cannot be opened.
        """
        with _named(self.path, "opened"):
            self._file = self.path.open("a", encoding="utf-8")
        if not (_lock(self._file) and self._is_in_place()):
            self._file.close()
            raise MetricError(
                f"Another run is writing {self.path}; wait until it ends, or choose another file with -o."
            )
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError), self._file:  # all is written, but for what `append` said that it cannot write
            if not os.fstat(self._file.fileno()).st_size and self._is_in_place():
                self.path.unlink()

    def read(self, items: Iterable[Item]) -> dict[str, Sequence[float]]:
        """Key → distances, of those of `items` that journals have with the same images.

        Raises:
            MetricError: for a journal of other settings, a file that is no journal, or one that cannot be read.
        """
        wanted = {item.key: item.images for item in items}
        found: dict[str, Sequence[float]] = {}
        for path in journal_files(self.output):
            with _named(path, "read"), path.open("rb") as file:
                try:
                    lines = _whole_lines(file)
                    header = next(lines, None)
                    self._check(path, header)
                    for key, images, distances in (_parse(line, self.width) for line in lines):
                        if wanted.get(key) == images:
                            found[key] = distances
                except MetricError:
                    raise
                except (ValueError, TypeError, RecursionError) as error:
                    raise MetricError(f"{path} is damaged; remove it, or begin again with --force.") from error
        return found

    def append(self, item: Item, *distances: float) -> None:
        """Adds an item, in digits that give back the same floats; what was added survives the process.

        Raises:
            MetricError: where the file cannot be written.
        """
        with _named(self.path, "written"):
            if not self._begun:
                self._begin()
            print(json.dumps([item.key, item.images, *distances]), file=self._file, flush=True)

    def clear(self) -> None:
        """Empties the journals of all processes; they may be held."""
        for path in journal_files(self.output):
            with _named(path, "emptied"):
                os.truncate(path, 0)

    def remove(self) -> None:
        """Removes the journals of all processes."""
        for path in journal_files(self.output):
            with _named(path, "removed"):
                path.unlink(missing_ok=True)  # a process that had nothing to score removes its own

    def _check(self, path: Path, header: bytes | None) -> None:
        settings = None if header is None else json.loads(header)
        if settings is None:  # nothing is written yet
            return
        if not isinstance(settings, dict):
            raise TypeError
        if differing := difference({"schema": _SCHEMA, **self.settings}, settings):
            name, values = differing
            raise MetricError(
                f"{path} is of a run with another {name} ({values}); remove it, or begin again with --force."
            )

    def _begin(self) -> None:
        with self.path.open("rb") as file:
            kept = sum(map(len, _whole_lines(file)))
        self._file.truncate(kept)  # without a line that a kill left unfinished
        if not kept:
            print(json.dumps({"schema": _SCHEMA, **self.settings}), file=self._file, flush=True)
        self._begun = True

    def _is_in_place(self) -> bool:
        """Whether the open file is the one at `path`, and not one that a run that ended has removed."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        return False


@contextmanager
def _named(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise MetricError(f"{path} cannot be {done}: {reason}; mend that, or choose another file with -o.") from error


def _lock(file: TextIO) -> bool:
    """Whether nobody else has the file; the lock goes with the file or the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some file systems of clusters have no locks: better to score than to refuse
        return True
    return True


def _parse(line: bytes, width: int) -> tuple[str, str, Sequence[float]]:
    """An item's key, its images and its distances. Errors of Python for what is none."""
    key, images, *distances = json.loads(line)
    if not (isinstance(key, str) and isinstance(images, str) and len(distances) == width):
        raise TypeError
    for distance in distances:
        if not isinstance(distance, float):
            raise TypeError
        if not math.isfinite(distance):
            raise ValueError
    return key, images, array("d", distances)


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file that end as lines do: a kill may leave the last one unfinished."""
    return (line for line in file if line.endswith(b"\n"))
