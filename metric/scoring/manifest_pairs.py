"""The stimulus manifest of a study folder, read and validated (docs/manifest.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from metric.errors import MetricError
from metric.scoring.manifest_rows import (
    SMALLEST_SIZE,
    check_columns,
    checked_cells,
    image_file,
    read_rows,
    whole_number,
)

SCHEMAS = ("shift-study/manifest/1", "shift-study/manifest/2")
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
    return read_rows(folder, _read)


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
    check_columns(path, rows, COLUMNS)
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
    cells = checked_cells(row, COLUMNS, SCHEMAS, ("pair", "image"), where)
    return ImagePair(
        pair=cells["pair"],
        image=cells["image"],
        shift_px=whole_number(cells, "shift_px", 0, where),
        direction=cells["direction"],
        size_px=whole_number(cells, "size", SMALLEST_SIZE, where),
        reference=image_file(folder, cells, "reference_file", where),
        stimulus=image_file(folder, cells, "stimulus_file", where),
        reference_sha256=cells["reference_sha256"],
        stimulus_sha256=cells["stimulus_sha256"],
    )
