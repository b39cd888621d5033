"""The stimulus manifest: one row a pair (docs/manifest.md). Written by `new`, validated whenever it is read."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from study_server.errors import StudyError
from study_server.stimuli.directions import DIRECTIONS

if TYPE_CHECKING:
    from study_server.stimuli.crops import CropWindow

SCHEMA = "shift-study/manifest/2"
_FIRST = "shift-study/manifest/1"  # without `selection`
FILE_NAME = "manifest.csv"


@dataclass(frozen=True)
class PairRow:
    """One pair of the manifest; the fields are its columns, in order."""

    schema: str
    pair: str
    image: str
    shift_px: int
    direction: str
    reference_file: str
    stimulus_file: str
    source_file: str
    source_sha256: str
    source_url: str
    licence: str
    crop_x: int
    crop_y: int
    size: int
    reference_sha256: str
    stimulus_sha256: str
    selection: str = ""

    @property
    def window(self) -> CropWindow:
        """The reference's crop window."""
        from study_server.stimuli.crops import CropWindow  # loads what reads images

        return CropWindow(self.crop_x, self.crop_y, self.size, self.direction)  # type: ignore[arg-type]


COLUMNS = [f.name for f in fields(PairRow)]
_INTEGERS = {f.name for f in fields(PairRow) if f.type == "int"}

_DIGEST = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(r"[0-9]{5}")
_ALLOWED: dict[str, tuple[Callable[[str], object], str]] = {
    "image": (_IMAGE.fullmatch, "five digits"),
    "direction": (lambda v: v in DIRECTIONS, "one of " + ", ".join(DIRECTIONS)),
    "reference_file": (lambda v: _is_inside(v), "a relative path inside the study folder"),
    "stimulus_file": (lambda v: _is_inside(v), "a relative path inside the study folder"),
    "source_sha256": (_DIGEST.fullmatch, "64 hex digits"),
    "reference_sha256": (_DIGEST.fullmatch, "64 hex digits"),
    "stimulus_sha256": (_DIGEST.fullmatch, "64 hex digits"),
    "size": (lambda v: int(v) >= 16, "an integer of at least 16"),
}


def _is_inside(path: str) -> bool:
    return bool(path) and "\0" not in path and not Path(path).is_absolute() and ".." not in Path(path).parts


def pair_id(image: str, shift_px: int) -> str:
    """The pair's id, as in the paper's published data."""
    return f"{image}_n-{shift_px}"


def write_manifest(rows: list[PairRow], path: Path) -> None:
    """Write the manifest to `path`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_manifest(path: Path) -> list[PairRow]:
    """Rows of the manifest at `path`. Raises StudyError naming line and column of the first fault."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # spreadsheets put a byte order mark before it
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: make the study folder with shift-study new") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or []) and name != "selection"]
        if missing:
            raise StudyError(f"{path}: column {missing[0]} is missing; docs/manifest.md lists the columns")
        rows = [_row(record, f"{path}, line {reader.line_num}") for record in reader]
    except csv.Error as error:
        raise StudyError(f"{path}, line {reader.reader.line_num}: {error}") from error
    if not rows:
        raise StudyError(f"{path} has no pairs: make the study folder anew with shift-study new")
    seen: set[str] = set()
    for row in rows:
        if row.pair in seen:
            raise StudyError(f"{path}: pair {row.pair} stands in it twice")
        seen.add(row.pair)
    return rows


def _row(record: dict[str, str], where: str) -> PairRow:
    if None in record:
        raise StudyError(f"{where}: it has more values than there are columns; put quotes around a value with a comma")
    if record["schema"] not in (SCHEMA, _FIRST):
        raise StudyError(f"{where}: schema is {record['schema']!r}; this version reads {_FIRST} and {SCHEMA}")
    values: dict[str, str | int] = {}
    for name in COLUMNS[: -1 if record["schema"] == _FIRST else None]:
        value = record.get(name)
        if value is None:
            raise StudyError(f"{where}: {name} is missing")
        if name in _INTEGERS:
            if not re.fullmatch(r"[0-9]{1,9}", value):
                raise StudyError(f"{where}: {name} is {value!r}; allowed is an integer of at least 0")
            values[name] = int(value)
        else:
            values[name] = value
        allowed = _ALLOWED.get(name)
        if allowed and not allowed[0](value):
            raise StudyError(f"{where}: {name} is {value!r}; allowed is {allowed[1]}")
    row = PairRow(**values)  # type: ignore[arg-type]
    if row.pair != pair_id(row.image, row.shift_px):
        raise StudyError(
            f"{where}: pair is {row.pair!r}, but image and shift_px make it {pair_id(row.image, row.shift_px)}"
        )
    return row


def manifest_sha256(path: Path) -> str:
    """SHA-256 of the manifest file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
