"""A study folder: study.toml, manifest.csv, stimuli/, practice/ — making one and opening one."""

from __future__ import annotations

import csv
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from study_server.csv_cells import guarded
from study_server.errors import StudyError
from study_server.folder import study_toml
from study_server.folder.private_files import make_folder_private
from study_server.folder.settings import Settings
from study_server.progress_bar import progress
from study_server.stimuli import manifest
from study_server.stimuli.crops import CropWindow, choose_window, smallest_photograph
from study_server.stimuli.directions import DIRECTIONS, Direction, in_turn
from study_server.stimuli.manifest import PairRow, pair_id
from study_server.stimuli.photographs import Photograph, PhotographSource, Pixels, pixels_sha256, read_pixels, write_png
from study_server.stimuli.published import FILE_NAME as PUBLISHED
from study_server.stimuli.published import Published, published_of
from study_server.stimuli.sent_images import SentImages

PRACTICE = "practice"
STIMULI = "stimuli"
DATABASE = "study.db"
SKIPPED = "skipped.csv"
COMPRESSED = "compressed"


@dataclass(frozen=True)
class StudyFolder:
    """An existing study folder. Its parts are read and validated when first asked for."""

    path: Path
    other_database: str = ""
    """URL of the database to use instead of the one that the settings name."""

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise StudyError(f"{self.path} is not a folder: make a study there with shift-study new {self.path}")
        if not (self.path / study_toml.FILE_NAME).is_file():
            raise StudyError(
                f"{self.path} is not a study folder ({study_toml.FILE_NAME} is missing): make one with shift-study new"
            )

    @cached_property
    def settings(self) -> Settings:
        """The settings in study.toml."""
        return study_toml.read_settings(self.path / study_toml.FILE_NAME)

    @cached_property
    def pairs(self) -> list[PairRow]:
        """The manifest's rows; they must be the complete set that study.toml speaks of."""
        rows = manifest.read_manifest(self.manifest_path)
        s = self.settings.stimuli
        images = {row.image for row in rows}
        if len(images) != s.count or len(rows) != s.count * len(s.all_shifts):
            said = ", ".join(map(str, s.shifts)) if s.shifts else f"0 to {s.max_shift}"
            raise StudyError(
                f"{self.manifest_path} has {len(rows)} pairs of {len(images)} images, but [stimuli] in study.toml says "
                f"{s.count} images with shifts {said}: restore the one that was changed"
            )
        missing = set(product(images, s.all_shifts)) - {(row.image, row.shift_px) for row in rows}
        if missing:
            raise StudyError(f"{self.manifest_path} lacks the pair {pair_id(*min(missing))}: restore it")
        ways = DIRECTIONS if s.direction == "mixed" else (s.direction,)
        if any(row.size != s.size or row.direction not in ways for row in rows):
            raise StudyError(
                f"{self.manifest_path} and [stimuli] in study.toml differ in size or direction: "
                "restore the one that was changed"
            )
        return rows

    @cached_property
    def practice_pairs(self) -> list[PairRow]:
        """One pair for each of the practice shifts, in order; empty where the study has no practice."""
        shifts = self.settings.practice.shifts
        if not shifts:
            return []
        rows = {row.pair: row for row in self.practice_rows}
        images = sorted({row.image for row in rows.values()})
        chosen = []
        for position, shift in enumerate(shifts):
            wanted = pair_id(images[position % len(images)], shift)
            if wanted not in rows:
                raise StudyError(
                    f"practice.shifts in study.toml asks for {shift} px, but the practice stimuli have shifts up to "
                    f"{max(row.shift_px for row in rows.values())}"
                )
            chosen.append(rows[wanted])
        return chosen

    @cached_property
    def practice_rows(self) -> list[PairRow]:
        """All rows of the practice manifest; none where the study was made without practice."""
        path = self.practice_path / manifest.FILE_NAME
        return manifest.read_manifest(path) if self.settings.practice.shifts or path.exists() else []

    @property
    def example_pair(self) -> PairRow | None:
        """The pair that shows in the instructions what a shift looks like: a practice image at its largest shift."""
        return max(self.practice_rows, key=lambda row: row.shift_px, default=None)

    @cached_property
    def sent_images(self) -> SentImages:
        """The images of stimuli, practice and example in the form in which browsers get them."""
        practice = [*self.practice_pairs, *([self.example_pair] if self.example_pair else [])]
        # In the order in which a participant sees them, which is that in which they are compressed.
        return SentImages(self.path / COMPRESSED, [(self.practice_path, practice), (self.path, self.pairs)])

    @cached_property
    def published(self) -> Published | None:
        """The names of the stimuli elsewhere, where server.stimuli_url says that browsers get them there."""
        if not self.settings.server.stimuli_url:
            return None
        try:
            return published_of(
                self.path / PUBLISHED, manifest.manifest_sha256(self.manifest_path), [row.pair for row in self.pairs]
            )
        except StudyError as error:
            raise StudyError(f"server.stimuli_url is set, but {error}") from error

    @property
    def manifest_path(self) -> Path:
        """Path of the stimulus manifest."""
        return self.path / manifest.FILE_NAME

    @property
    def practice_path(self) -> Path:
        """Folder of the practice stimuli and their manifest."""
        return self.path / PRACTICE

    @property
    def has_database(self) -> bool:
        """Whether there may be data: the folder's own database file exists, or another database is named."""
        elsewhere = self.other_database or self.settings.server.database_url
        return bool(elsewhere) or (self.path / DATABASE).exists()

    @property
    def database_url(self) -> str:
        """URL of the study's database: the one that study.toml names, or study.db in the folder."""
        elsewhere = self.other_database or self.settings.server.database_url
        return elsewhere or f"sqlite:///{(self.path / DATABASE).resolve()}"


@dataclass(frozen=True)
class _Image:
    """One image of a study: its photograph, its window, its pixels."""

    photograph: Photograph
    window: CropWindow
    pixels: Pixels


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
    path: Path, settings: Settings, source: PhotographSource, practice: PhotographSource, *, compressed: bool = True
) -> MadeStudy:
    """Make a study folder at `path` from photographs; nothing is left behind where it fails.

    compressed: whether to compress its images, too, which a server does otherwise.
    Raises StudyError where `path` is taken or too few photographs can be used.
    """
    refuse_taken(path)
    with _building(path) as root:
        make_folder_private(root, settings.server.group)
        study_toml.write_settings(settings, root / study_toml.FILE_NAME)
        study_toml.read_settings(root / study_toml.FILE_NAME)  # before any work: a bad setting
        rows, skipped, used = _make_stimuli(root, settings, source, settings.stimuli.count, "stimuli")
        if settings.practice.shifts:
            n_practice = len(settings.practice.shifts)
            skipped |= _make_stimuli(root / PRACTICE, settings, practice, n_practice, "practice")[1]
        if skipped:
            with (root / SKIPPED).open("w", newline="", encoding="utf-8") as file:
                rows_of_text = [("source_file", "reason"), *skipped.items()]
                csv.writer(file, lineterminator="\n").writerows(map(guarded, row) for row in rows_of_text)
        folder = StudyFolder(root)
        _ = folder.pairs, folder.practice_pairs  # what was written must be readable
        if compressed:
            folder.sent_images.fill()
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
    root: Path, settings: Settings, source: PhotographSource, count: int, what: str
) -> tuple[list[PairRow], dict[str, str], int]:
    s = settings.stimuli
    # Practice may ask for other shifts than the study's, and for a larger one; its stimuli then go that far.
    shifts = s.all_shifts if what == "stimuli" else range(max(s.max_shift, *settings.practice.shifts) + 1)
    (root / STIMULI).mkdir(parents=True)
    rows: list[PairRow] = []
    used: dict[str, list[CropWindow]] = {}
    skipped = dict(source.skipped)
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
        )
        for shift_px, file, digest in zip(shifts, files, digests, strict=True)
    ]
    return rows, [pool.submit(write_png, crop, root / file) for crop, file in zip(crops, files, strict=True)]
