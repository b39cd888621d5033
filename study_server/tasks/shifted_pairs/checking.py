"""Verify shifted pairs against their manifest, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from study_server.errors import StudyError
from study_server.stimuli.image_sources import locate
from study_server.stimuli.photographs import Photograph, Pixels, pixels_sha256, read_pixels, read_plain_png
from study_server.tasks.shifted_pairs.pair_row import PairRow


def check_image(root: Path, rows: Sequence[PairRow], source: str | None) -> tuple[list[str], bool]:
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
                    crops[name] = read_plain_png(root / name, row.size)
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
