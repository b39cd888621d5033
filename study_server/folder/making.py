"""Making a study folder from photographs: whole, or nothing of it."""

from __future__ import annotations

import csv
import os
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from study_server.csv_cells import guarded
from study_server.errors import StudyError
from study_server.folder import study_toml
from study_server.folder.private_files import make_folder_private
from study_server.folder.settings import Settings
from study_server.folder.study_folder import PRACTICE, STIMULI, StudyFolder
from study_server.progress_bar import progress
from study_server.stimuli import manifest, pool
from study_server.stimuli.crops import CropWindow, choose_window, smallest_photograph
from study_server.stimuli.directions import Direction, in_turn
from study_server.stimuli.manifest import PairRow, pair_id
from study_server.stimuli.photographs import Photograph, PhotographSource, Pixels, pixels_sha256, read_pixels, write_png

SKIPPED = "skipped.csv"


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


@dataclass(frozen=True)
class MadeStudy:
    """What `create` made, and which photographs it could not use (name → reason)."""

    folder: StudyFolder
    n_pairs: int
    photographs_used: int
    skipped: dict[str, str]


def refuse_taken(path: Path) -> None:
    """Raise StudyError where there is something at `path` already; an empty folder is fine."""
    if path.is_symlink() and not path.exists():
        raise StudyError(f"{path} is a link to nothing: name a new folder")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StudyError(f"{path} exists and is not empty: name a new folder")


def create(
    path: Path,
    settings: Settings,
    source: PhotographSource,
    practice: PhotographSource,
    *,
    compressed: bool = True,
    selected: Selected | None = None,
) -> MadeStudy:
    """Make a study folder at `path` from photographs; nothing is left behind where it fails.

    compressed: whether to compress its images, too, which a server does otherwise. selected: the images; chosen here
    where it is left out.
    Raises StudyError where `path` is taken or too few photographs can be used.
    """
    refuse_taken(path)
    with _building(path) as root:
        make_folder_private(root, settings.server.group)
        study_toml.write_settings(settings, root / study_toml.FILE_NAME)
        study_toml.read_settings(root / study_toml.FILE_NAME)  # before any work: a bad setting
        rows, skipped, used = _make_stimuli(root, settings, source, settings.stimuli.count, "stimuli", selected)
        if settings.practice.shifts:
            n_practice = len(settings.practice.shifts)
            skipped |= _make_stimuli(root / PRACTICE, settings, practice, n_practice, "practice")[1]
        if skipped:
            with (root / SKIPPED).open("w", newline="", encoding="utf-8") as file:
                rows_of_text = [("source_file", "reason"), *skipped.items()]
                csv.writer(file, lineterminator="\n").writerows(map(guarded, row) for row in rows_of_text)
        if selected:
            shutil.copyfile(selected.journal, root / pool.FILE_NAME)
        folder = StudyFolder(root)
        _ = folder.pairs, folder.practice_pairs  # what was written must be readable
        if compressed:
            folder.sent_images.fill()
    if selected:
        selected.journal.unlink()
    return MadeStudy(StudyFolder(path), len(rows), used, skipped)


@contextmanager
def _building(path: Path) -> Iterator[Path]:
    """A folder to build in. It becomes `path` if all goes well; if not, nothing is left behind."""
    new_parents = [parent for parent in path.parents if not parent.exists()]
    # An empty folder that is there already is filled, not replaced: somebody may stand in it or have mounted it.
    fill = path.is_dir()
    home = path if fill else path.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-study-", dir=home) as temporary:
            root = Path(temporary) / "study"
            root.mkdir()
            yield root
            if fill:
                for part in list(root.iterdir()):
                    part.rename(path / part.name)
            else:
                root.rename(path)
    except BaseException as error:
        for parent in new_parents:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise StudyError(f"{path} cannot be made: {error}") from error
        raise


def _make_stimuli(
    root: Path,
    settings: Settings,
    source: PhotographSource,
    count: int,
    what: str,
    selected: Selected | None = None,
) -> tuple[list[PairRow], dict[str, str], int]:
    s = settings.stimuli
    # Practice may ask for other shifts than the study's, and for a larger one; its stimuli then go that far.
    shifts = s.all_shifts if what == "stimuli" else range(max(s.max_shift, *settings.practice.shifts) + 1)
    (root / STIMULI).mkdir(parents=True)
    rows: list[PairRow] = []
    used: dict[str, list[CropWindow]] = {}
    skipped = dict(selected.skipped if selected else source.skipped)
    if selected:
        images = _selected_images(selected, used)
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
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in list(skipped.items())[:20])
        more = f"\n  … and {len(skipped) - 20} more" if len(skipped) > 20 else ""
        mend = "lower --count or --size" if what == "stimuli" else "lower --size or name others with --practice-images"
        raise StudyError(
            f"{count} images are needed for {what}, and {made} could be made of the "
            f"{len(source.photographs) + len(source.skipped)} photographs in {source.name}, of which {len(used)} were "
            f"usable: add photographs, {mend}{reasons}{more}"
        )
    manifest.write_manifest(rows, root / manifest.FILE_NAME)
    return rows, skipped, len(used)


def _selected_images(selected: Selected, used: dict[str, list[CropWindow]]) -> Iterator[_Image]:
    for photograph, window, selection in selected.images:
        used.setdefault(photograph.name, []).append(window)
        yield _Image(photograph, window, read_pixels(photograph.path), selection)


def _choose_images(
    settings: Settings,
    source: PhotographSource,
    count: int,
    shifts: Sequence[int],
    what: str,
    used: dict[str, list[CropWindow]],
    skipped: dict[str, str],
) -> Iterator[_Image]:
    """Up to `count` images, one at a time: photographs may be too large to hold many.

    Notes the windows taken from each photograph in `used`, and why the others were passed over in `skipped`.
    """
    s = settings.stimuli
    rng = random.Random(f"{s.seed}/windows/{what}")
    ways = in_turn(s.direction, random.Random(f"{s.seed}/directions/{what}"))
    direction = next(ways)
    usable = list(source.photographs)
    chosen = 0
    while usable and chosen < count:
        for photograph in list(usable):
            if chosen == count:
                break
            try:
                pixels = read_pixels(photograph.path)
                window = _window(pixels, s.size, shifts, direction, rng, used.get(photograph.name, []))
            except StudyError as error:
                usable.remove(photograph)
                if photograph.name not in used:
                    skipped[photograph.name] = str(error)
                continue
            used.setdefault(photograph.name, []).append(window)
            chosen += 1
            direction = next(ways)
            yield _Image(photograph, window, pixels)
        if not source.several_crops:
            break


def _window(
    pixels: Pixels,
    size: int,
    shifts: Sequence[int],
    direction: Direction,
    rng: random.Random,
    taken: list[CropWindow],
) -> CropWindow:
    least = smallest_photograph(size, max(shifts), direction)
    height, width = pixels.shape[:2]
    if width < least[0] or height < least[1]:
        raise StudyError(
            f"{width}x{height} pixels; a crop of {size} px with shifts to {max(shifts)} px needs {least[0]}x{least[1]}"
        )
    window = choose_window(pixels, size=size, shifts=shifts, direction=direction, rng=rng, taken=taken)
    if window is None:
        raise StudyError("so uniform that a shift cannot be seen in it")
    return window


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
    files = [f"{STIMULI}/{pair_id(image_id, n)}.png" for n in shifts]
    rows = [
        PairRow(
            schema=manifest.SCHEMA,
            pair=pair_id(image_id, shift_px),
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
