"""published.csv: under which names the stimuli lie elsewhere. Written by `publish`, read by the server.

Each stimulus has files of its own there, one for each image, whose names, bytes and sizes say nothing: not even two
files of the same pixels have anything in common.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from study_server.errors import StudyError

FILE_NAME = "published.csv"
_SCHEMA = "shift-study/published/2"
_COLUMNS = ["schema", "manifest_sha256", "stimulus"]  # then one for each image
_FIRST_SCHEMA = "shift-study/published/1"
_FIRST_COLUMNS = ["schema", "manifest_sha256", "pair", "reference", "stimulus"]
_FIRST_ROLES = ("reference", "shifted")


@dataclass(frozen=True)
class Published:
    """The published files of a study: stimulus → the names of its files."""

    manifest_sha256: str
    copies: tuple[str, ...]
    names: dict[str, tuple[str, ...]]

    def addresses(self, base_url: str, stimulus: str, arrangement: Sequence[str]) -> list[str]:
        """URLs of the images of a stimulus, in the order of these roles; a role at two places has two files."""
        names = dict(zip(self.copies, self.names[stimulus], strict=True))
        copies = [copy_of(role, arrangement[:place].count(role)) for place, role in enumerate(arrangement)]
        return [f"{base_url.rstrip('/')}/{names[copy]}" for copy in copies]


def copy_of(role: str, number: int) -> str:
    """What the files of a role are called: the first as the role is, others with their number.

    >>> copy_of("reference", 0), copy_of("reference", 1)
    ('reference', 'reference-2')
    """
    return role if number == 0 else f"{role}-{number + 1}"


def role_of(copy: str) -> str:
    """The role of which this is a copy."""
    return copy.partition("-")[0]


def write_published(published: Published, path: Path) -> None:
    """Write the file, all of it or nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *published.copies])
    for stimulus, names in published.names.items():
        writer.writerow([_SCHEMA, published.manifest_sha256, stimulus, *names])
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
    header = rows[0] if rows else []
    schema, copies = _SCHEMA, tuple(header[len(_COLUMNS) :])
    if header == _FIRST_COLUMNS:
        schema, copies = _FIRST_SCHEMA, _FIRST_ROLES
    elif header[: len(_COLUMNS)] != _COLUMNS:
        copies = ()
    if len(rows) < 2 or not copies or any(len(row) != len(header) or row[0] != schema for row in rows[1:]):
        raise StudyError(f"{path} is damaged: publish the stimuli anew with shift-study publish")
    return Published(rows[1][1], copies, {row[2]: tuple(row[3:]) for row in rows[1:]})


def published_of(path: Path, manifest_sha256: str, stimuli: list[str], copies: tuple[str, ...]) -> Published:
    """As `read_published`. Raises StudyError also where it is not of this manifest."""
    published = read_published(path)
    same_stimuli = published.names.keys() == set(stimuli) and published.copies == copies
    if published.manifest_sha256 != manifest_sha256 or not same_stimuli:
        raise StudyError(
            f"{path} does not belong to the manifest of this study: publish the stimuli anew with shift-study publish"
        )
    return published
