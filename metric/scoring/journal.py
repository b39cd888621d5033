"""What a run has scored so far, on disk, so that a run that is killed goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from metric.errors import MetricError
from metric.scoring.manifest import ImagePair

_SCHEMA = "shift-study/scoring/1"


def journal_files(output: Path) -> list[Path]:
    """The journals beside the file `output` that is to be written: one of each process that scored for it."""
    return sorted(output.parent.glob(f"{output.name}.partial*"))


@dataclass
class Journal:
    """Distances of one metric, appended as they are found: a line of JSON that says what was computed, then pairs.

    Attributes:
        path: `OUTPUT.partial`, with the number of the process where there are several.
        settings: what must be the same for a distance to be the same: metric, precision, weights.
    """

    path: Path
    settings: Mapping[str, Any]
    _file: TextIO | None = field(default=None, repr=False)

    def append(self, pair: ImagePair, distance: float) -> None:
        """Adds a pair, in digits that give back the same float; what was added survives the process.

        Raises:
            MetricError: where the file cannot be written.
        """
        try:
            if self._file is None:
                self._file = self._open()
            print(json.dumps([pair.pair, _images(pair), distance]), file=self._file, flush=True)
        except OSError as error:
            raise MetricError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def close(self) -> None:
        """Closes the file; there may be none."""
        if self._file is not None:
            with suppress(OSError):  # all is written already, but for what `append` said that it cannot write
                self._file.close()
            self._file = None

    def _open(self) -> TextIO:
        file = self.path.open("a", encoding="utf-8")
        kept = _whole(self.path)
        file.truncate(len(kept))  # without a line that a kill left unfinished
        if not kept:
            print(json.dumps({"schema": _SCHEMA, **self.settings}), file=file, flush=True)
        return file


def read_journals(paths: Iterable[Path], settings: Mapping[str, Any], pairs: Iterable[ImagePair]) -> dict[str, float]:
    """Pair → distance, of those of `pairs` that journals have with the same images.

    Raises:
        MetricError: for a journal of other settings, or a file that is no journal.
    """
    wanted = {pair.pair: _images(pair) for pair in pairs}
    found: dict[str, float] = {}
    for path in paths:
        lines = _whole(path).splitlines()
        if not lines:
            continue
        try:
            header, *rows = (json.loads(line) for line in lines)
            differing = [name for name, value in {"schema": _SCHEMA, **settings}.items() if header.get(name) != value]
            distances = {pair: float(distance) for pair, images, distance in rows if wanted.get(pair) == images}
        except (ValueError, TypeError, AttributeError) as error:
            raise MetricError(f"{path} is damaged; remove it, or begin again with --force.") from error
        if differing:
            name = differing[0]
            raise MetricError(
                f"{path} is of a run with another {name} ({header.get(name)} instead of {settings.get(name)}); "
                "remove it, or begin again with --force."
            )
        found |= distances
    return found


def _whole(path: Path) -> bytes:
    """The lines of a file that end as lines do: a kill may leave the last one unfinished."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def _images(pair: ImagePair) -> str:
    return f"{pair.reference_sha256[:16]}-{pair.stimulus_sha256[:16]}"
