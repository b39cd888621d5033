"""The stimulus manifest of a study folder, read and validated (docs/manifest.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from metric.errors import MetricError

SCHEMAS = ("shift-study/manifest/1", "shift-study/manifest/2")
FILE_NAME = "manifest.csv"
COLUMNS = (
    "schema",
    "pair",
    "image",
    "shift_px",
    "direction",
    "reference_file",
    "stimulus_file",
    "source_file",
    "source_sha256",
    "source_url",
    "licence",
    "crop_x",
    "crop_y",
    "size",
    "reference_sha256",
    "stimulus_sha256",
)
_DIRECTIONS = ("right", "left", "up", "down", "up-right", "up-left", "down-right", "down-left")
_SMALLEST_SIZE = 16


@dataclass(frozen=True)
class ImagePair:
    """A reference and its shifted version.

    `reference` and `stimulus` are files that exist (the same one for a pair that is not shifted); `size_px`
    is the width and height of both; each SHA-256 is that of the pixels, 8-bit RGB row by row.
    """

    pair: str
    image: str
    shift_px: int
    direction: str
    size_px: int
    reference: Path
    stimulus: Path
    reference_sha256: str
    stimulus_sha256: str

    @property
    def key(self) -> str:
        """What a journal calls it."""
        return self.pair

    @property
    def images(self) -> str:
        """The pixels of both images, in few digits of their SHA-256."""
        return f"{self.reference_sha256[:16]}-{self.stimulus_sha256[:16]}"


def read_manifest(folder: Path) -> list[ImagePair]:
    """The pairs of `folder/manifest.csv`, in its order.

    Raises:
        MetricError: where there is no manifest, or it has another schema, misses a column, names a pair
            twice, has a value outside its range or names a file that is not there; it names the row.
    """
    path = folder / FILE_NAME
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _read(path, csv.DictReader(file, strict=True))
    except FileNotFoundError:
        raise MetricError(f"There is no {FILE_NAME} in {folder}; name a study folder.") from None
    except NotADirectoryError:
        raise MetricError(f"{folder} is not a study folder, which has a {FILE_NAME}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise MetricError(f"{path} is not a CSV file in UTF-8: {error}.") from error


def find_stimuli(source: str, stimuli: Path | None) -> Path:
    """The study folder that has the images of `source`: `stimuli` where it is given, else `source` itself."""
    if stimuli is not None:
        return stimuli
    if Path(source).is_dir():
        return Path(source)
    raise MetricError(f'"{source}" is not a study folder; name the one that has its images with --stimuli DIR.')


def pick_pairs(manifest: Iterable[ImagePair], wanted: Iterable[str]) -> list[ImagePair]:
    """The pairs named in `wanted`, in its order; `MetricError` names one that it lacks."""
    manifest = list(manifest)
    known = {pair.pair for pair in manifest}
    names = set()
    for name in wanted:
        if name not in known:
            raise MetricError(f'The pair "{name}" is judged but not in the manifest; is it of another study?')
        names.add(name)
    return [pair for pair in manifest if pair.pair in names]


def _read(path: Path, rows: csv.DictReader[str]) -> list[ImagePair]:
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise MetricError(f'{path} has no column "{missing[0]}"; see docs/manifest.md.')
    pairs: dict[str, ImagePair] = {}
    for row in rows:
        where = f"{path}, line {rows.line_num}"
        pair = _pair(path.parent, row, where)
        if pair.pair in pairs:
            raise MetricError(f'{where}: the pair "{pair.pair}" is named a second time.')
        pairs[pair.pair] = pair
    if not pairs:
        raise MetricError(f"{path} has no pairs.")
    return list(pairs.values())


def _pair(folder: Path, row: Mapping[str, str | None], where: str) -> ImagePair:
    cells = {column: _cell(row, column, where) for column in COLUMNS}
    if cells["schema"] not in SCHEMAS:
        raise MetricError(f'{where}: the schema is "{cells["schema"]}"; this version reads {" and ".join(SCHEMAS)}.')
    if cells["direction"] not in _DIRECTIONS:
        raise MetricError(f'{where}: the direction "{cells["direction"]}" is not one of {", ".join(_DIRECTIONS)}.')
    for column in ("pair", "image"):
        if not cells[column]:
            raise MetricError(f"{where}: the column {column} is empty.")
    for column in ("source_sha256", "reference_sha256", "stimulus_sha256"):
        if len(cells[column]) != 64 or set(cells[column]) - set("0123456789abcdef"):
            raise MetricError(f'{where}: {column} "{cells[column]}" is not 64 hexadecimal digits.')
    for column in ("crop_x", "crop_y"):
        _whole_number(cells, column, 0, where)
    return ImagePair(
        pair=cells["pair"],
        image=cells["image"],
        shift_px=_whole_number(cells, "shift_px", 0, where),
        direction=cells["direction"],
        size_px=_whole_number(cells, "size", _SMALLEST_SIZE, where),
        reference=_file(folder, cells, "reference_file", where),
        stimulus=_file(folder, cells, "stimulus_file", where),
        reference_sha256=cells["reference_sha256"],
        stimulus_sha256=cells["stimulus_sha256"],
    )


def _cell(row: Mapping[str, str | None], column: str, where: str) -> str:
    value = row[column]
    if value is None or None in row:  # csv's marks of a row that is too short, or too long
        raise MetricError(f"{where}: the row has another number of cells than the header.")
    return value


def _whole_number(cells: Mapping[str, str], column: str, least: int, where: str) -> int:
    text = cells[column]
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise MetricError(f'{where}: {column} "{text}" is not a whole number of at least {least}.')
    return int(text)


def _file(folder: Path, cells: Mapping[str, str], column: str, where: str) -> Path:
    name = PurePosixPath(cells[column])
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise MetricError(f'{where}: {column} "{name}" is not a path inside the study folder.')
    path = folder / name
    if not path.is_file():
        raise MetricError(f"{where}: there is no file {path}.")
    return path
