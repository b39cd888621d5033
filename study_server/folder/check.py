"""Verify a study folder against its manifest, pixel by pixel, and who can read it."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from study_server.errors import StudyError
from study_server.folder.private_files import opened_to_others
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import FILE_NAME
from study_server.progress_bar import progress
from study_server.stimuli.image_sources import locate
from study_server.stimuli.manifest import PairRow
from study_server.stimuli.photographs import Photograph, Pixels, pixels_sha256, png_chunks, read_pixels, read_png

# What a PNG needs to show its pixels; anything else could carry metadata or change colours.
_PLAIN_CHUNKS = {"IHDR", "IDAT", "IEND"}


@dataclass(frozen=True)
class CheckReport:
    """What was verified, and every fault found."""

    pairs: int
    images: int
    images_recut_from_source: int
    """Images whose crops were cut again from the original photograph and found equal; the others' originals are not on
    this machine any more, and their crops were compared with each other only."""
    faults: list[str] = field(default_factory=list)


def check_folder(folder: StudyFolder) -> CheckReport:
    """Verify stimuli and practice stimuli of a study folder.

    For each pair: both files are plain PNGs of the recorded size whose pixels have the recorded hashes; the shifted
    crop equals the reference moved by n wherever both show the same piece of the photograph, and the crops of
    neighbouring shifts agree likewise; and where the photograph is still on this machine, both crops are cut from it
    again and compared.
    """
    pairs = images = recut = 0
    faults: list[str] = []
    for root, rows, source in _parts(folder):
        for group in progress(_by_image(rows), f"checking {root.name}", unit="image"):
            pairs, images = pairs + len(group), images + 1
            found, was_recut = _check_image(root, group, source)
            faults += found
            recut += was_recut
        named = {row.reference_file for row in rows} | {row.stimulus_file for row in rows}
        for stray in sorted((root / "stimuli").glob("*")):
            if f"stimuli/{stray.name}" not in named:
                faults.append(f"{stray}: not in the manifest")
    return CheckReport(pairs, images, recut, faults)


def verify_pixels(folder: StudyFolder) -> None:
    """Raise StudyError if any image of the study is not, pixel by pixel, what the manifest says.

    What `check_folder` does, less cutting the crops again from their photographs: quick enough for every start.
    """
    for root, rows, _ in _parts(folder):
        groups = _by_image(rows)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and hashing let other threads run
            checked = pool.map(partial(_check_image, root, source=None), groups)
            checked = progress(checked, f"verifying {root.name}", unit="image", total=len(groups))
            faults = [fault for found, _ in checked for fault in found]
        if faults:
            raise StudyError(f"{faults[0]}; restore it (shift-study check {folder.path} lists all faults)")


def who_can_read(folder: StudyFolder) -> str:
    """What is wrong where others on this machine can read a study's settings or data, and what mends it; else empty."""
    files = [folder.path / FILE_NAME]
    kind, _, path = folder.database_url.partition(":///")
    if kind.startswith("sqlite"):
        database = Path(path.partition("?")[0])
        files += sorted(database.parent.glob(f"{glob.escape(database.name)}*"))  # and what lies beside it
    return opened_to_others(files, folder.settings.server.group)


def _parts(folder: StudyFolder) -> list[tuple[Path, list[PairRow], str]]:
    """(folder, rows, source of the photographs) of stimuli and practice stimuli."""
    _ = folder.practice_pairs  # the practice that the settings ask for must be there
    settings = folder.settings
    stimuli = (folder.path, folder.pairs, settings.stimuli.source)
    practice = (folder.practice_path, folder.practice_rows, settings.practice.images)
    return [stimuli, practice] if folder.practice_rows else [stimuli]


def _by_image(rows: list[PairRow]) -> list[list[PairRow]]:
    groups: dict[str, list[PairRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.shift_px):
        groups[row.image].append(row)
    return list(groups.values())


def _check_image(root: Path, rows: list[PairRow], source: str | None) -> tuple[list[str], bool]:
    """Faults of one image, and whether it was cut again from its photograph (not tried without a `source`)."""
    first = rows[0]
    if any(_of_one_image(row) != _of_one_image(first) for row in rows):
        return [f"image {first.image}: its pairs differ in reference, photograph or crop window"], False
    faults: list[str] = []
    crops: dict[str, Pixels] = {}
    for row in rows:
        for name, digest in (
            (row.reference_file, row.reference_sha256),
            (row.stimulus_file, row.stimulus_sha256),
        ):
            if name not in crops:
                try:
                    crops[name] = _read_plain(root / name, row.size)
                except StudyError as error:
                    return [*faults, str(error)], False
            if pixels_sha256(crops[name]) != digest:
                faults.append(f"{root / name}: its pixels are not those that the manifest records for pair {row.pair}")
    for before, row in zip([None, *rows], rows, strict=False):
        reference, shifted = crops[row.reference_file], crops[row.stimulus_file]
        if not np.array_equal(*row.window.overlap(reference, shifted, row.shift_px)):
            faults.append(
                f"pair {row.pair}: the second crop is not the reference moved {row.direction} by {row.shift_px} px"
            )
        elif before is not None:
            step = row.shift_px - before.shift_px
            if not np.array_equal(*row.window.overlap(crops[before.stimulus_file], shifted, step)):
                faults.append(f"pair {row.pair}: its newly shown edge differs from that of pair {before.pair}")
    original = locate(source, first.source_file) if source is not None else None
    if original is None or Photograph(original, "").sha256() != first.source_sha256:
        return faults, False
    try:
        pixels = read_pixels(original)
    except StudyError as error:
        return [*faults, f"{original}: {error}"], False
    for row in rows:
        for name, shift in ((row.reference_file, 0), (row.stimulus_file, row.shift_px)):
            try:
                cut = row.window.cut(pixels, shift)
            except ValueError as error:
                faults.append(f"pair {row.pair}: {error}")
                break
            if not np.array_equal(cut, crops[name]):
                faults.append(
                    f"{root / name}: not the crop of {row.source_file} that the manifest records for pair {row.pair}"
                )
    return faults, True


def _of_one_image(row: PairRow) -> tuple[object, ...]:
    """What all pairs of an image have in common."""
    return row.window, row.reference_file, row.reference_sha256, row.source_file, row.source_sha256


def _read_plain(path: Path, size: int) -> Pixels:
    pixels = read_png(path)
    if pixels.shape != (size, size, 3):
        raise StudyError(f"{path}: {pixels.shape[1]}x{pixels.shape[0]} pixels where the manifest says {size}x{size}")
    extra = set(png_chunks(path)) - _PLAIN_CHUNKS
    if extra:
        raise StudyError(f"{path}: carries the PNG chunk {min(extra)}; stimuli carry pixels only")
    return pixels
