"""The triplets of a two-alternative study, in all their versions: its manifest read, its scores one row a triplet."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metric.errors import MetricError
from metric.scoring.manifest_rows import (
    FILE_NAME,
    SMALLEST_SIZE,
    check_columns,
    checked_cells,
    image_file,
    read_rows,
    whole_number,
)
from metric.triplets.score_file import ScoreTable, distance_columns
from metric.triplets.triplet import Triplet, TripletSet

SCHEMA = "shift-study/triplet-manifest/1"
COLUMNS = (
    "schema",
    "stimulus",
    "triplet",
    "shift_px",
    "direction",
    "reference_file",
    "first_file",
    "second_file",
    "share_second",
    "source_sha256",
    "crop_x",
    "crop_y",
    "size",
    "reference_sha256",
    "first_sha256",
    "second_sha256",
)
SET = "two-afc"
"""What the table of scores calls the set."""
_CATEGORY = "study"


@dataclass(frozen=True)
class StudyStimulus(Triplet):
    """One version of a triplet: both distorted images shifted by `shift_px`, the reference as it is."""

    triplet: str
    shift_px: int


def is_triplet_study(folder: Path) -> bool:
    """Whether a study folder's manifest is one of triplets; False where there is none."""
    try:
        with (folder / FILE_NAME).open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return {"stimulus", "triplet"} <= set(header)


def read_triplet_manifest(folder: Path) -> TripletSet:
    """The stimuli of `folder/manifest.csv`, those of one reference together, `judge` NaN where no share is known.

    Raises:
        MetricError: where there is no manifest of triplets, a row lacks something, has a value outside its range, or
            names a file that is not there; and where a triplet has no unshifted version, or another reference in one.
    """
    stimuli = read_rows(folder, _read)
    place = {one.reference_name: number for number, one in reversed(list(enumerate(stimuli)))}
    ordered = sorted(stimuli, key=lambda one: place[one.reference_name])
    return TripletSet(SET, ordered, shared_references=True)


def _read(path: Path, rows: csv.DictReader[str]) -> list[StudyStimulus]:
    check_columns(path, rows, COLUMNS)
    stimuli: dict[str, StudyStimulus] = {}
    for row in rows:
        where = f"{path}, line {rows.line_num}"
        one = _stimulus(path.parent, row, where)
        if one.sample in stimuli:
            raise MetricError(f'{where}: the stimulus "{one.sample}" is named a second time.')
        unshifted = stimuli.get(f"{one.triplet}_n-0")
        if unshifted is not None and unshifted.reference_name != one.reference_name:
            raise MetricError(f'{where}: the reference of "{one.sample}" is another than that of "{unshifted.sample}".')
        stimuli[one.sample] = one
    if not stimuli:
        raise MetricError(f"{path} has no triplets.")
    for one in stimuli.values():
        if f"{one.triplet}_n-0" not in stimuli:
            raise MetricError(f'{path}: the triplet "{one.triplet}" has no unshifted version; make the stimuli again.')
    return list(stimuli.values())


def _stimulus(folder: Path, row: Mapping[str, str | None], where: str) -> StudyStimulus:
    cells = checked_cells(row, COLUMNS, (SCHEMA,), ("stimulus", "triplet"), where)
    shift = whole_number(cells, "shift_px", 0, where)
    whole_number(cells, "size", SMALLEST_SIZE, where)
    if cells["stimulus"] != f"{cells['triplet']}_n-{shift}":
        raise MetricError(
            f'{where}: the stimulus "{cells["stimulus"]}" is not "{cells["triplet"]}_n-{shift}", as its triplet and '
            "shift say."
        )
    return StudyStimulus(
        category=_CATEGORY,
        sample=cells["stimulus"],
        reference=image_file(folder, cells, "reference_file", where),
        compared=tuple(image_file(folder, cells, f"{name}_file", where) for name in ("first", "second")),
        judge=_share(cells["share_second"], where),
        reference_name=cells["reference_sha256"],
        images="-".join(cells[f"{name}_sha256"][:16] for name in ("reference", "first", "second")),
        triplet=cells["triplet"],
        shift_px=shift,
    )


def _share(text: str, where: str) -> float:
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise MetricError(f'{where}: share_second "{text}" is not a share of people, from 0 to 1; correct or empty it.')
    return value


def by_triplet(table: ScoreTable, stimuli: Sequence[StudyStimulus]) -> tuple[ScoreTable, list[Triplet]]:
    """One row a triplet instead of one a version, and the triplets of these rows.

    `d0`, `d1` are the distances of the unshifted images, and those of a version by K pixels are `d0_nK`, `d1_nK`;
    NaN where a triplet has no such version. A triplet whose unshifted version was left out is left out.
    """
    shifts = sorted({one.shift_px for one in stimuli})
    missing = (math.nan, math.nan)
    rows: list[Triplet] = []
    distances: dict[str, dict[str, Sequence[float]]] = {metric: {} for metric in table.distances}
    for one in stimuli:
        if one.shift_px:
            continue
        row = replace(one, sample=one.triplet)
        versions = {shift: f"{one.category}/{one.triplet}_n-{shift}" for shift in shifts}
        for metric, found in table.distances.items():
            if versions[0] in found:
                parts = [found[versions[0]], *(found.get(versions[shift], missing) for shift in shifts)]
                distances[metric][row.key] = [value for part in parts for value in part]
        rows.append(row)
    return replace(table, columns=distance_columns(shifts), distances=distances), rows
