"""Verify a study folder against its manifest, pixel by pixel, and who can read it."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from study_server.errors import StudyError
from study_server.folder.private_files import opened_to_others
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import FILE_NAME
from study_server.progress_bar import progress
from study_server.stimuli.manifest import ManifestRow
from study_server.tasks.task import Distort

# What a PNG needs to show its pixels; anything else could carry metadata or change colours.
_PLAIN_CHUNKS = {"IHDR", "IDAT", "IEND"}


CERTIFIES = (
    "Certified: the stimuli have the pixels that the manifest records, cut from the photographs as these decode. Not "
    "certified: that a photograph was whole before. A PNG has checksums, and so has Deflate in a TIFF; a JPEG whose "
    "decoder finds no fault, and a file of any other form, may still have wrong bytes: look at the pictures once."
)
"""What a check without faults says, and what it cannot say."""


@dataclass(frozen=True)
class CheckReport:
    """What was verified, and every fault found."""

    pairs: int
    images: int
    images_recut_from_source: int
    """Images whose crops were cut again from the original photograph and found equal; the others' originals are not on
    this machine any more, and their crops were compared with each other only."""
    faults: list[str] = field(default_factory=list)


def check_folder(folder: StudyFolder, distort: Distort | None = None) -> CheckReport:
    """Verify stimuli and practice stimuli of a study folder.

    Of each stimulus: its files are plain PNGs of the recorded size whose pixels have the recorded hashes; of a shifted
    pair, the shifted crop equals the reference moved by n wherever both show the same piece of the photograph, and the
    crops of neighbouring shifts agree likewise; and where the photograph is still on this machine, the crops are cut
    from it again and compared; distorted images too, where `distort` says what distorts photographs.
    """
    pairs = images = recut = 0
    faults: list[str] = []
    for root, rows, source in _parts(folder):
        for group in progress(_groups(rows), f"checking {root.name}", unit=folder.task.nouns.group):
            pairs, images = pairs + len(group), images + 1
            found, was_recut = folder.task.check_group(root, group, source, distort)
            faults += found
            recut += was_recut
        named = {file for row in rows for file in row.files.values()}
        for stray in sorted((root / "stimuli").glob("*")):
            if f"stimuli/{stray.name}" not in named:
                faults.append(f"{stray}: not in the manifest")
    return CheckReport(pairs, images, recut, faults)


def verify_pixels(folder: StudyFolder) -> None:
    """Raise StudyError if any image of the study is not, pixel by pixel, what the manifest says.

    What `check_folder` does, less cutting the crops again from their photographs: quick enough for every start. Those
    who send the images, in whichever process, need not decode them once more.
    """
    before = folder.sent_images.png_digests()
    for root, rows, _ in _parts(folder):
        groups = _groups(rows)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and hashing let other threads run
            checked = pool.map(partial(folder.task.check_group, root, source=None), groups)
            checked = progress(checked, f"verifying {root.name}", unit=folder.task.nouns.group, total=len(groups))
            faults = [fault for found, _ in checked for fault in found]
        if faults:
            raise StudyError(f"{faults[0]}; restore it (shift-study check {folder.path} lists all faults)")
    folder.sent_images.trust_pngs(before)


def who_can_read(folder: StudyFolder) -> str:
    """What is wrong where others on this machine can read a study's settings or data, and what mends it; else empty."""
    files = [folder.path / FILE_NAME]
    kind, _, path = folder.database_url.partition(":///")
    if kind.startswith("sqlite"):
        database = Path(path.partition("?")[0])
        files += sorted(database.parent.glob(f"{glob.escape(database.name)}*"))  # and what lies beside it
    return opened_to_others(files, folder.settings.server.group)


def _parts(folder: StudyFolder) -> list[tuple[Path, list[ManifestRow], str]]:
    """(folder, rows, source of the photographs) of stimuli and practice stimuli."""
    _ = folder.practice_trials  # the practice that the settings ask for must be there
    settings = folder.settings
    stimuli = (folder.path, folder.rows, settings.stimuli.source)
    practice = (folder.practice_path, folder.practice_rows, settings.practice.images)
    return [stimuli, practice] if folder.practice_rows else [stimuli]


def _groups(rows: list[ManifestRow]) -> list[list[ManifestRow]]:
    groups: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.stratum):
        groups[row.group].append(row)
    return list(groups.values())
