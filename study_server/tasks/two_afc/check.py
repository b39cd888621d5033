"""What is wrong with the files of a triplet, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from study_server.errors import StudyError
from study_server.stimuli.photographs import Pixels, pixels_sha256, read_plain_png
from study_server.tasks.two_afc.manifest_row import COMPARED, ROLES, TripletRow
from study_server.tasks.two_afc.triplet import LargerImages

Originals = Callable[[Sequence[TripletRow]], Iterator[LargerImages]]
"""Of the rows of a triplet what its versions may have been cut from; nothing where this machine does not have it."""


def check_triplet(root: Path, rows: Sequence[TripletRow], originals: Originals | None = None) -> tuple[list[str], bool]:
    """Faults of one triplet, and whether all its crops were cut again and compared (not tried without `originals`).

    Each file is a plain PNG of the recorded size whose pixels have the recorded hash; the two distorted images differ;
    the crops of a distorted image agree wherever two of its versions show the same piece of it; and where what they
    were cut from is at hand, or can be made again, it gives the same crops.
    """
    rows = sorted(rows, key=lambda row: row.shift_px)
    base = rows[0]
    if any(_of_one_triplet(row) != _of_one_triplet(base) for row in rows):
        return [
            f"triplet {base.triplet}: its versions differ in reference, photograph, crop window or distortions"
        ], False
    faults: list[str] = []
    crops: dict[str, Pixels] = {}
    for row in rows:
        for role in ROLES:
            name = row.files[role]
            if name not in crops:
                try:
                    crops[name] = read_plain_png(root / name, row.size)
                except StudyError as error:
                    return [*faults, str(error)], False
            if pixels_sha256(crops[name]) != row.digests[role]:
                faults.append(f"{root / name}: its pixels are not those that the manifest records for {row.stimulus}")
        if np.array_equal(crops[row.first_file], crops[row.second_file]):
            faults.append(f"{row.stimulus}: its two distorted images have the same pixels")
    faults += _disagreeing(rows, crops)
    if originals is None:
        return faults, False
    try:
        # Several where several triplets have one reference: it is one of them.
        found = [(images, _not_cut_from(images, root, rows, crops)) for images in originals(rows)]
    except StudyError as error:
        return [*faults, str(error)], False
    if not found:
        return faults, False
    images, differing = min(found, key=lambda each: len(each[1]))
    return faults + differing, all(role in images.images for role in ROLES)


def _of_one_triplet(row: TripletRow) -> tuple[object, ...]:
    """What all versions of a triplet have in common."""
    said = row.distortion_first, row.distortion_second, row.catch_answer, row.share_second
    return row.window, row.reference_file, row.reference_sha256, row.source_file, row.source_sha256, said


def _disagreeing(rows: Sequence[TripletRow], crops: dict[str, Pixels]) -> Iterator[str]:
    """Versions of a distorted image that show one piece of it in different pixels."""
    for number, row in enumerate(rows):
        for role in COMPARED:
            for before in rows[:number]:
                step = row.shift_px - before.shift_px
                if not np.array_equal(*row.window.overlap(crops[before.files[role]], crops[row.files[role]], step)):
                    yield (
                        f"{row.stimulus}: its {role} image is not that of {before.stimulus} moved {row.direction} by "
                        f"{step} px"
                    )
                    break


def _not_cut_from(larger: LargerImages, root: Path, rows: Sequence[TripletRow], crops: dict[str, Pixels]) -> list[str]:
    faults: list[str] = []
    for row in rows:
        for role in larger.images:
            try:
                cut = larger.cut(role, row.window, row.shift_px)
            except ValueError as error:
                return [f"{row.stimulus}: {error}"]
            if not np.array_equal(cut, crops[row.files[role]]):
                fault = f"{root / row.files[role]}: not the crop of {row.source_file} that the manifest records"
                faults += [fault] if fault not in faults else []
    return faults
