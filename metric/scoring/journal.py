"""What a run has scored so far, on disk, so that a run that is killed goes on where it was."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO

from metric.errors import MetricError
from metric.scoring.manifest_pairs import ImagePair
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


@dataclass
class Journal:
    """Distances of one metric that are not in its file yet, for one run at a time, which holds it by `with`.

    Each process appends to a file of its own, as distances are found, and reads the files of all: a line of JSON
    that says what was computed, then pairs. The first process's file is held in every run, so that two runs for one
    output meet there, however many processes they have.

    Attributes:
        output: the file that the distances are for; the journals are `OUTPUT.partial`, `OUTPUT.partial-1`, ...
        settings: what must be the same for a distance to be the same: metric, version, device, precision, weights.
        rank: the number of the process.
    """

    output: Path
    settings: Mapping[str, Any]
    rank: int = 0
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

    def read(self, pairs: Iterable[ImagePair]) -> dict[str, float]:
        """Pair → distance, of those of `pairs` that journals have with the same images.

        Raises:
            MetricError: for a journal of other settings, a file that is no journal, or one that cannot be read.
        """
        wanted = {pair.pair: _images(pair) for pair in pairs}
        found: dict[str, float] = {}
        for path in journal_files(self.output):
            with _named(path, "read"):
                content = _whole(path)
            try:
                header, rows = _parse(content)
            except (ValueError, TypeError, RecursionError) as error:
                raise MetricError(f"{path} is damaged; remove it, or begin again with --force.") from error
            if header is not None and (differing := difference({"schema": _SCHEMA, **self.settings}, header)):
                name, values = differing
                raise MetricError(
                    f"{path} is of a run with another {name} ({values}); remove it, or begin again with --force."
                )
            found |= {pair: distance for pair, images, distance in rows if wanted.get(pair) == images}
        return found

    def append(self, pair: ImagePair, distance: float) -> None:
        """Adds a pair, in digits that give back the same float; what was added survives the process.

        Raises:
            MetricError: where the file cannot be written.
        """
        with _named(self.path, "written"):
            if not self._begun:
                self._begin()
            print(json.dumps([pair.pair, _images(pair), distance]), file=self._file, flush=True)

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

    def _begin(self) -> None:
        kept = _whole(self.path)
        self._file.truncate(len(kept))  # without a line that a kill left unfinished
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


_Row = tuple[str, str, float]


def _parse(content: bytes) -> tuple[dict[str, Any] | None, list[_Row]]:
    """What was computed, and the pairs; None where nothing is written yet. Errors of Python for what is no journal."""
    if not content:
        return None, []
    header, *rows = (json.loads(line) for line in content.splitlines())
    if not isinstance(header, dict):
        raise TypeError
    for pair, images, distance in rows:
        if not (isinstance(pair, str) and isinstance(images, str) and isinstance(distance, float)):
            raise TypeError
        if not math.isfinite(distance):
            raise ValueError
    return header, rows


def _whole(path: Path) -> bytes:
    """The lines of a file that end as lines do: a kill may leave the last one unfinished."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def _images(pair: ImagePair) -> str:
    return f"{pair.reference_sha256[:16]}-{pair.stimulus_sha256[:16]}"
