"""The stimuli of a 2AFC study: versions of triplets, cut, written and listed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.stimuli.manifest import STIMULI, stimulus_name
from study_server.stimuli.photographs import pixels_sha256, write_png
from study_server.stimuli.skipped import skipped_lines
from study_server.tasks.two_afc.manifest_row import COMPARED, SCHEMA, Role, TripletRow
from study_server.tasks.two_afc.triplet import Triplet, TripletDesign, TripletSource


def make_triplets(
    root: Path, design: TripletDesign, source: TripletSource, what: str = "stimuli"
) -> tuple[list[TripletRow], dict[str, str]]:
    """Write the crops of all versions of the triplets of a source to `root`/stimuli.

    The same design and source give the same files. No more than two triplets are in memory.

    Args:
        what: the triplets are for: `stimuli` or `practice`, which are drawn apart.

    Returns:
        The rows of the manifest, and name → reason of what was passed over.

    Raises:
        StudyError: where fewer triplets can be made than are asked for, or none.
    """
    (root / STIMULI).mkdir(parents=True)
    rows: list[TripletRow] = []
    skipped: dict[str, str] = {}
    made = 0
    writing: list[Future[None]] = []
    triplets = progress(source.triplets(design, what, skipped), f"making {what}", unit="triplet", total=design.count)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the encoder lets other threads run
        for made, triplet in enumerate(triplets, start=1):
            for file in writing:  # a triplet is written while the next one is made
                file.result()
            new_rows, writing = _begin(pool, root, f"{made:05d}", triplet, design.shifts)
            rows += new_rows
        for file in writing:
            file.result()
    if made < (design.count or 1):
        lines = skipped_lines(skipped)
        reasons = "".join(f"\n  {line}" for line in lines[:20])
        more = f"\n  … and {len(lines) - 20} more" if len(lines) > 20 else ""
        raise StudyError(
            f"{design.count or 1} triplets are needed for {what}, and {made} could be made of the {source.offered} in "
            f"{source.name}: add some, or lower --count or --size{reasons}{more}"
        )
    return rows, skipped


def _begin(
    pool: ThreadPoolExecutor, root: Path, triplet_id: str, triplet: Triplet, shifts: Sequence[int]
) -> tuple[list[TripletRow], list[Future[None]]]:
    """Rows of a triplet, and its crops' files, which the pool is writing."""
    digests: dict[tuple[Role, int], str] = {}
    files: dict[tuple[Role, int], str] = {}
    writing: list[Future[None]] = []

    def write(role: Role, shift_px: int, name: str) -> None:
        crop = triplet.larger.cut(role, triplet.window, shift_px)
        digests[role, shift_px], files[role, shift_px] = pixels_sha256(crop), f"{STIMULI}/{name}.png"
        writing.append(pool.submit(write_png, crop, root / files[role, shift_px]))

    write("reference", 0, f"{triplet_id}_reference")  # that of all versions
    for shift_px in shifts:
        for role in COMPARED:
            write(role, shift_px, f"{stimulus_name(triplet_id, shift_px)}_{role}")
    source_sha256 = triplet.photograph.sha256()
    rows = [
        TripletRow(
            schema=SCHEMA,
            stimulus=stimulus_name(triplet_id, shift_px),
            triplet=triplet_id,
            shift_px=shift_px,
            direction=triplet.window.direction,
            reference_file=files["reference", 0],
            first_file=files["first", shift_px],
            second_file=files["second", shift_px],
            distortion_first=triplet.distortions.get("first", ""),
            distortion_second=triplet.distortions.get("second", ""),
            catch_answer=triplet.catch_answer,
            share_second=triplet.share_second,
            source_file=triplet.photograph.name,
            source_sha256=source_sha256,
            source_url=triplet.photograph.url,
            licence=triplet.photograph.licence,
            crop_x=triplet.window.x,
            crop_y=triplet.window.y,
            size=triplet.window.size,
            reference_sha256=digests["reference", 0],
            first_sha256=digests["first", shift_px],
            second_sha256=digests["second", shift_px],
        )
        for shift_px in shifts
    ]
    return rows, writing
