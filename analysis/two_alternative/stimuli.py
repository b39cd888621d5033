"""The images of a two-alternative study: what its manifest (`shift-study/triplet-manifest/1`) says of each stimulus."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from analysis.errors import AnalysisError

SCHEMA = "shift-study/triplet-manifest/1"
_COLUMNS = (
    "schema",
    "stimulus",
    "triplet",
    "shift_px",
    "reference_file",
    "first_file",
    "second_file",
    "source_sha256",
    "reference_sha256",
    "first_sha256",
    "second_sha256",
)


@dataclass(frozen=True)
class Stimulus:
    """One version of a triplet: files of the reference, the first and the second image, and what tells these apart.

    `photograph`: that of which the reference was cut, by the SHA-256 of its file.
    """

    stimulus: str
    triplet: str
    shift_px: int
    files: tuple[Path, Path, Path]
    sha256: tuple[str, str, str]
    photograph: str


def study_folder(source: str, stimuli: Path | None) -> Path | None:
    """The folder with the images of `source`: `stimuli` where it is given, else `source` itself where it is one."""
    if stimuli is not None:
        return stimuli
    return Path(source) if "://" not in source and Path(source).is_dir() else None


def read_stimuli(folder: Path) -> dict[str, Stimulus]:
    """The stimuli of a study folder by name.

    Raises: `AnalysisError` where its manifest cannot be read, or is none of triplets.
    """
    path = folder / "manifest.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise AnalysisError(
                    f"{path} has no column {missing[0]}, as that of a study of triplets; name such a study's folder."
                )
            found = [_stimulus(folder, row, f"{path}, line {rows.line_num}") for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path} is no CSV file in UTF-8 ({error}); make the stimuli again.") from None
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}; name a study folder.") from error
    return {one.stimulus: one for one in found}


def _stimulus(folder: Path, row: Mapping[str, str | None], where: str) -> Stimulus:
    cells = {name: row[name] or "" for name in _COLUMNS}
    if cells["schema"] != SCHEMA:
        raise AnalysisError(f"{where}: the schema is {cells['schema']!r}, but this version reads {SCHEMA}.")
    if not cells["shift_px"].isdecimal():
        raise AnalysisError(f"{where}: shift_px is {cells['shift_px']!r}, not a number of pixels; correct it.")
    files = []
    for name in ("reference_file", "first_file", "second_file"):
        part = PurePosixPath(cells[name])
        if part.is_absolute() or ".." in part.parts or not part.parts:
            raise AnalysisError(f"{where}: {name} is {cells[name]!r}, not a path inside the study folder; correct it.")
        files.append(folder / part)
    return Stimulus(
        stimulus=cells["stimulus"],
        triplet=cells["triplet"],
        shift_px=int(cells["shift_px"]),
        files=(files[0], files[1], files[2]),
        sha256=(cells["reference_sha256"], cells["first_sha256"], cells["second_sha256"]),
        photograph=cells["source_sha256"],
    )


def stimulus_of(stimuli: Mapping[str, Stimulus], triplet: str, shift_px: int) -> Stimulus:
    """A version of a triplet; `AnalysisError` where the manifest lacks it."""
    found = stimuli.get(f"{triplet}_n-{shift_px}")
    if found is None:
        raise AnalysisError(
            f"The stimulus {triplet}_n-{shift_px} was judged, but is not in the manifest; is it of another study?"
        )
    return found
