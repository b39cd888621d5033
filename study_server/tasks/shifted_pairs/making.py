"""Making shifted pairs from photographs: for each image a reference, and its window moved by each shift."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.stimuli import manifest
from study_server.stimuli.crops import CropWindow
from study_server.stimuli.directions import in_turn
from study_server.stimuli.duplicates import Duplicates
from study_server.stimuli.manifest import STIMULI, stimulus_name
from study_server.stimuli.photographs import (
    Photograph,
    PhotographSource,
    Pixels,
    pixels_sha256,
    read_photograph,
    write_png,
)
from study_server.stimuli.photographs_in_turn import draw_window, photographs_in_turn
from study_server.stimuli.skipped import skipped_lines
from study_server.tasks.shifted_pairs.pair_row import SCHEMA, PairRow
from study_server.tasks.shifted_pairs.settings import ShiftedPairSettings
from study_server.tasks.task import MadeStimuli


@dataclass(frozen=True)
class _Image:
    """One image of a study: its photograph, its window, its pixels, and on what ground it was selected."""

    photograph: Photograph
    window: CropWindow
    pixels: Pixels
    selection: str = ""


@dataclass(frozen=True)
class Selected:
    """Images that were selected beforehand: photograph, window and ground of each, and the journal of their pool."""

    images: list[tuple[Photograph, CropWindow, str]]
    skipped: dict[str, str]
    journal: Path


def make_stimuli(
    root: Path,
    settings: ShiftedPairSettings,
    source: PhotographSource,
    count: int,
    what: str,
    selected: Selected | None = None,
) -> MadeStimuli[Any]:
    """Crops of `count` images with their manifest in `root`; `what`: stimuli or practice, which have their own windows.

    Raises StudyError where too few photographs can be used.
    """
    s = settings.stimuli
    # Practice may ask for other shifts than the study's, and for a larger one; its stimuli then go that far.
    shifts = s.all_shifts if what == "stimuli" else range(max(s.max_shift, *settings.practice.shifts) + 1)
    (root / STIMULI).mkdir(parents=True)
    rows: list[PairRow] = []
    used: set[str] = set()
    skipped = dict(selected.skipped if selected else source.skipped)
    if selected:
        images = _selected_images(selected, source, used)
    else:
        images = _choose_images(settings, source, count, shifts, what, used, skipped)
    made = 0
    writing: list[Future[None]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the encoder lets other threads run
        for made, image in enumerate(progress(images, f"making {what}", unit="image", total=count), start=1):
            _await(writing)  # an image is written while the next one is chosen, and no more are held
            new_rows, writing = _begin_image(pool, root, f"{made:05d}", image, shifts)
            rows += new_rows
        _await(writing)
    if made < count:
        lines = skipped_lines(skipped)
        reasons = "".join(f"\n  {line}" for line in lines[:20])
        more = f"\n  … and {len(lines) - 20} more" if len(lines) > 20 else ""
        mend = "lower --count or --size" if what == "stimuli" else "lower --size or name others with --practice-images"
        raise StudyError(
            f"{count} images are needed for {what}, and {made} could be made of the "
            f"{len(source.photographs) + len(source.skipped)} photographs in {source.name}, of which {len(used)} were "
            f"usable: add photographs, {mend}{reasons}{more}"
        )
    manifest.write_manifest(rows, root / manifest.FILE_NAME)
    return MadeStimuli(rows, skipped, len(used), remarks=source.remarks)


def _selected_images(selected: Selected, source: PhotographSource, used: set[str]) -> Iterator[_Image]:
    duplicates = Duplicates()
    for photograph, window, selection in selected.images:
        read = read_photograph(photograph.path)
        if photograph.name not in used:
            source.remark(photograph.name, *read.notes, *duplicates.note(photograph.name, read.pixels))
        used.add(photograph.name)
        yield _Image(photograph, window, read.pixels, selection)


def _choose_images(
    settings: ShiftedPairSettings,
    source: PhotographSource,
    count: int,
    shifts: Sequence[int],
    what: str,
    used: set[str],
    skipped: dict[str, str],
) -> Iterator[_Image]:
    """Up to `count` images, one at a time: photographs may be too large to hold many.

    Notes the photographs that they are of in `used`, and why others were passed over in `skipped`.
    """
    s = settings.stimuli
    rng = random.Random(f"{s.seed}/windows/{what}")
    ways = in_turn(s.direction, random.Random(f"{s.seed}/directions/{what}"))
    direction = next(ways)

    def make(photograph: Photograph, pixels: Pixels, taken: list[CropWindow]) -> tuple[CropWindow, _Image]:
        nonlocal direction
        window = draw_window(pixels, size=s.size, shifts=shifts, direction=direction, rng=rng, taken=taken)
        direction = next(ways)
        return window, _Image(photograph, window, pixels)

    for _, image in zip(range(count), photographs_in_turn(source, make, skipped), strict=False):
        used.add(image.photograph.name)
        yield image


def _await(writing: list[Future[None]]) -> None:
    for file in writing:
        file.result()


def _begin_image(
    pool: ThreadPoolExecutor, root: Path, image_id: str, image: _Image, shifts: Sequence[int]
) -> tuple[list[PairRow], list[Future[None]]]:
    """Rows of an image, and its crops' files, which the pool is writing."""
    source_sha256 = image.photograph.sha256()
    crops = [image.window.cut(image.pixels, n) for n in shifts]
    digests = [pixels_sha256(crop) for crop in crops]
    files = [f"{STIMULI}/{stimulus_name(image_id, n)}.png" for n in shifts]
    rows = [
        PairRow(
            schema=SCHEMA,
            pair=stimulus_name(image_id, shift_px),
            image=image_id,
            shift_px=shift_px,
            direction=image.window.direction,
            reference_file=files[0],
            stimulus_file=file,
            source_file=image.photograph.name,
            source_sha256=source_sha256,
            source_url=image.photograph.url,
            licence=image.photograph.licence,
            crop_x=image.window.x,
            crop_y=image.window.y,
            size=image.window.size,
            reference_sha256=digests[0],
            stimulus_sha256=digest,
            selection=image.selection,
        )
        for shift_px, file, digest in zip(shifts, files, digests, strict=True)
    ]
    return rows, [pool.submit(write_png, crop, root / file) for crop, file in zip(crops, files, strict=True)]
