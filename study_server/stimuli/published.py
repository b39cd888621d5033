"""published.csv: under which names the stimuli lie elsewhere. Written by `publish`, read by the server.

Each pair has two files of its own there, whose names, bytes and sizes say nothing: not even two files of the same
pixels have anything in common.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from study_server.errors import StudyError

FILE_NAME = "published.csv"
_SCHEMA = "shift-study/published/1"
_COLUMNS = ["schema", "manifest_sha256", "pair", "reference", "stimulus"]


@dataclass(frozen=True)
class Published:
    """The published files of a study: pair → names of its reference and its stimulus."""

    manifest_sha256: str
    names: dict[str, tuple[str, str]]

    def addresses(self, base_url: str, pair: str, reference_side: str) -> tuple[str, str]:
        """URLs of the left and the right image of a pair."""
        reference, stimulus = (f"{base_url.rstrip('/')}/{name}" for name in self.names[pair])
        return (reference, stimulus) if reference_side == "left" else (stimulus, reference)


def write_published(published: Published, path: Path) -> None:
    """Write the file, all of it or nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for pair, names in published.names.items():
        writer.writerow([_SCHEMA, published.manifest_sha256, pair, *names])
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text.getvalue(), encoding="utf-8")
    part.replace(path)


def read_published(path: Path) -> Published:
    """What was published. Raises StudyError where there is no such file, or it is not one that `publish` wrote."""
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True))
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: publish the stimuli with shift-study publish") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    if len(rows) < 2 or rows[0] != _COLUMNS or any(len(row) != len(_COLUMNS) or row[0] != _SCHEMA for row in rows[1:]):
        raise StudyError(f"{path} is damaged: publish the stimuli anew with shift-study publish")
    return Published(rows[1][1], {pair: (reference, stimulus) for _, _, pair, reference, stimulus in rows[1:]})


def published_of(path: Path, manifest_sha256: str, pairs: list[str]) -> Published:
    """As `read_published`. Raises StudyError also where it is not of this manifest."""
    published = read_published(path)
    if published.manifest_sha256 != manifest_sha256 or published.names.keys() != set(pairs):
        raise StudyError(
            f"{path} does not belong to the manifest of this study: publish the stimuli anew with shift-study publish"
        )
    return published
