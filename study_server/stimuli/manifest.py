"""The stimulus manifest: one row a stimulus (docs/manifest.md). Written by `new`, validated whenever it is read.

Each task has rows of a kind of its own, a frozen dataclass whose fields are the columns; `form` says what is particular
to it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from study_server.errors import StudyError
from study_server.stimuli.directions import DIRECTIONS

FILE_NAME = "manifest.csv"
STIMULI = "stimuli"
"""Folder of the images that a manifest names, beside it."""
PRACTICE = "practice"
"""Folder of the practice stimuli and their manifest, in the study's."""

Allowed = tuple[Callable[[str], object], str]
"""Whether a value is allowed, and in words what is."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_GROUP = re.compile(r"[0-9]{5}")
_SHARE = re.compile(r"[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")


def _is_inside(path: str) -> bool:
    return bool(path) and "\0" not in path and not Path(path).is_absolute() and ".." not in Path(path).parts


FIVE_DIGITS: Allowed = (_GROUP.fullmatch, "five digits")
DIRECTION: Allowed = (lambda v: v in DIRECTIONS, "one of " + ", ".join(DIRECTIONS))
FILE: Allowed = (_is_inside, "a relative path inside the study folder")
SHA256: Allowed = (_DIGEST.fullmatch, "64 hex digits")
SIZE: Allowed = (lambda v: int(v) >= 16, "an integer of at least 16")
SHARE_OR_EMPTY: Allowed = (
    lambda v: not v or (_SHARE.fullmatch(v) and 0 <= float(v) <= 1),
    "a number from 0 to 1, or nothing where it is not known",
)


@dataclass(frozen=True)
class RowForm:
    """What is particular to one kind of rows.

    Attributes:
        schemas: the versions that are read, ascending; the last is written.
        name: the column that names a row, and what one is called; `plural` what several are.
        group: the column of what it is a version of.
        stratum: the column, of whole numbers, of which version it is; with `group` it makes the name.
        allowed: of columns of text or whole numbers, what they may have.
        later: version → the columns at the end that it did not have yet.
    """

    schemas: tuple[str, ...]
    name: str
    plural: str
    group: str
    stratum: str
    allowed: Mapping[str, Allowed]
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class ManifestRow(Protocol):
    """One stimulus, a row of a manifest of any kind: what everything but its task knows of it."""

    form: ClassVar[RowForm]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def schema(self) -> str: ...
    @property
    def name(self) -> str:
        """Of the stimulus, in its study."""

    @property
    def group(self) -> str:
        """Name of the group of stimuli that are versions of one another."""

    @property
    def stratum(self) -> int:
        """What tells it apart from the others of its group."""

    @property
    def files(self) -> Mapping[Any, str]:
        """Role → the image's file, relative to the manifest's folder."""

    @property
    def digests(self) -> Mapping[Any, str]:
        """Role → SHA-256 of the image's pixels."""

    @property
    def size(self) -> int: ...
    @property
    def source_file(self) -> str: ...
    @property
    def source_sha256(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def selection(self) -> str: ...


Row = TypeVar("Row", bound=ManifestRow)


def stimulus_name(group: str, stratum: int) -> str:
    """A stimulus's name, made as those of pairs in the paper's published data are.

    >>> stimulus_name("00046", 2)
    '00046_n-2'
    """
    return f"{group}_n-{stratum}"


def write_manifest(rows: Sequence[ManifestRow], path: Path) -> None:
    """Write the manifest of rows of one kind, of which there is at least one, to `path`."""
    columns = [f.name for f in fields(rows[0])]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_manifest(path: Path, kind: type[Row]) -> list[Row]:
    """Rows of one kind from the manifest at `path`. Raises StudyError naming line and column of the first fault."""
    form: RowForm = kind.form
    columns = {f.name: str(f.type) for f in fields(kind)}
    may_lack = {name for names in form.later.values() for name in names}
    try:
        text = path.read_bytes().decode("utf-8-sig")  # spreadsheets put a byte order mark before it
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: make the study folder with shift-study new") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or []) and name not in may_lack]
        if missing:
            raise StudyError(f"{path}: column {missing[0]} is missing; docs/manifest.md lists the columns")
        rows = [kind(**_values(record, form, columns, f"{path}, line {reader.line_num}")) for record in reader]
    except csv.Error as error:
        raise StudyError(f"{path}, line {reader.reader.line_num}: {error}") from error
    if not rows:
        raise StudyError(f"{path} has no {form.plural}: make the study folder anew with shift-study new")
    seen: set[str] = set()
    for row in rows:
        name = getattr(row, form.name)
        if name in seen:
            raise StudyError(f"{path}: {form.name} {name} stands in it twice")
        seen.add(name)
    return rows


def _values(record: dict[str, str], form: RowForm, columns: Mapping[str, str], where: str) -> dict[str, object]:
    if None in record:
        raise StudyError(f"{where}: it has more values than there are columns; put quotes around a value with a comma")
    schema = record["schema"]
    if schema not in form.schemas:
        raise StudyError(f"{where}: schema is {schema!r}; this version reads {' and '.join(form.schemas)}")
    values: dict[str, object] = {}
    for name, type_ in columns.items():
        if name in form.later.get(schema, ()):
            continue
        value = record.get(name)
        if value is None:
            raise StudyError(f"{where}: {name} is missing")
        if type_ == "int" and not re.fullmatch(r"[0-9]{1,9}", value):
            raise StudyError(f"{where}: {name} is {value!r}; allowed is an integer of at least 0")
        allowed = form.allowed.get(name)
        if allowed and not allowed[0](value):
            raise StudyError(f"{where}: {name} is {value!r}; allowed is {allowed[1]}")
        values[name] = _CONVERTED[type_](value)
    made = stimulus_name(str(values[form.group]), int(record[form.stratum]))
    if values[form.name] != made:
        raise StudyError(
            f"{where}: {form.name} is {values[form.name]!r}, but {form.group} and {form.stratum} make it {made}"
        )
    return values


_CONVERTED: Mapping[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float | None": lambda value: float(value) if value else None,
}
"""By the type of a field, from the text of its column."""


def manifest_sha256(path: Path) -> str:
    """SHA-256 of the manifest file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
