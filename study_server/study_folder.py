"""A study folder: study.toml, manifest.csv, stimuli/, practice/ — making one and opening one."""

from __future__ import annotations

import csv
import random
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from study_server import manifest, study_toml
from study_server.crops import CropWindow, choose_window, smallest_photograph
from study_server.errors import StudyError
from study_server.image_sources import PhotographSource
from study_server.manifest import PairRow, pair_id
from study_server.photographs import Photograph, Pixels, pixels_sha256, read_pixels, write_png
from study_server.progress import progress
from study_server.settings import Settings

PRACTICE = "practice"
STIMULI = "stimuli"
DATABASE = "study.db"
SKIPPED = "skipped.csv"


@dataclass(frozen=True)
class StudyFolder:
    """An existing study folder. Its parts are read and validated when first asked for."""

    path: Path

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
        if len(images) != s.count or len(rows) != s.count * (s.max_shift + 1):
            raise StudyError(
                f"{self.manifest_path} has {len(rows)} pairs of {len(images)} images, but [stimuli] in study.toml says "
                f"{s.count} images with shifts 0 to {s.max_shift}: restore the one that was changed"
            )
        if {row.shift_px for row in rows} != set(range(s.max_shift + 1)):
            raise StudyError(f"{self.manifest_path} lacks a shift between 0 and {s.max_shift}: restore it")
        if any((row.size, row.direction) != (s.size, s.direction) for row in rows):
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
        rows = {row.pair: row for row in manifest.read_manifest(self.practice_path / manifest.FILE_NAME)}
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

    @property
    def manifest_path(self) -> Path:
        """Path of the stimulus manifest."""
        return self.path / manifest.FILE_NAME

    @property
    def practice_path(self) -> Path:
        """Folder of the practice stimuli and their manifest."""
        return self.path / PRACTICE

    @property
    def database_url(self) -> str:
        """URL of the study's database."""
        return f"sqlite:///{(self.path / DATABASE).resolve()}"


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


def create(path: Path, settings: Settings, source: PhotographSource, practice: PhotographSource) -> MadeStudy:
    """Make a study folder at `path` from photographs; nothing is left behind where it fails.

    Raises StudyError where `path` is taken or too few photographs can be used.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StudyError(f"{path} exists and is not empty: name a new folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as building:
        root = Path(building) / "study"
        rows, skipped, used = _make_stimuli(root, settings, source, settings.stimuli.count, "stimuli")
        if settings.practice.shifts:
            n_practice = len(settings.practice.shifts)
            skipped |= _make_stimuli(root / PRACTICE, settings, practice, n_practice, "practice")[1]
        if skipped:
            with (root / SKIPPED).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows([("source_file", "reason"), *skipped.items()])
        study_toml.write_settings(settings, root / study_toml.FILE_NAME)
        folder = StudyFolder(root)
        _ = folder.pairs, folder.practice_pairs  # what was written must be readable
        if path.exists():
            path.rmdir()
        shutil.move(root, path)
    return MadeStudy(StudyFolder(path), len(rows), used, skipped)


def _make_stimuli(
    root: Path, settings: Settings, source: PhotographSource, count: int, what: str
) -> tuple[list[PairRow], dict[str, str], int]:
    s = settings.stimuli
    # Practice may ask for a larger shift than the study's; its stimuli then go that far.
    max_shift = s.max_shift if what == "stimuli" else max(s.max_shift, *settings.practice.shifts)
    images, skipped = _choose_images(settings, source, count, max_shift, what)
    (root / STIMULI).mkdir(parents=True)
    rows = [
        row
        for number, image in enumerate(progress(images, f"writing {what}", unit="image"), start=1)
        for row in _write_image(root, f"{number:05d}", image, max_shift)
    ]
    manifest.write_manifest(rows, root / manifest.FILE_NAME)
    return rows, skipped, len({image.photograph.name for image in images})


def _choose_images(
    settings: Settings, source: PhotographSource, count: int, max_shift: int, what: str
) -> tuple[list[_Image], dict[str, str]]:
    s = settings.stimuli
    rng = random.Random(f"{s.seed}/windows/{what}")
    least = smallest_photograph(s.size, max_shift, s.direction)
    images: list[_Image] = []
    skipped = dict(source.skipped)
    usable = list(source.photographs)
    taken: dict[str, list[CropWindow]] = {}
    while usable and len(images) < count:
        for photograph in progress(list(usable), f"reading photographs for {what}", unit="photo"):
            if len(images) == count:
                break
            try:
                pixels = read_pixels(photograph.path)
                window = _window(pixels, settings, max_shift, least, rng, taken.get(photograph.name, []))
            except StudyError as error:
                usable.remove(photograph)
                if photograph.name not in taken:
                    skipped[photograph.name] = str(error)
                continue
            images.append(_Image(photograph, window, pixels))
            taken.setdefault(photograph.name, []).append(window)
        if not source.several_crops:
            break
    if len(images) < count:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in list(skipped.items())[:20])
        more = f"\n  … and {len(skipped) - 20} more" if len(skipped) > 20 else ""
        raise StudyError(
            f"{count} images are needed for {what}, and {len(images)} of the "
            f"{len(source.photographs) + len(source.skipped)} photographs in {source.name} were usable: add photographs or lower the number (--count){reasons}{more}"
        )
    return images, skipped


def _window(
    pixels: Pixels,
    settings: Settings,
    max_shift: int,
    least: tuple[int, int],
    rng: random.Random,
    taken: list[CropWindow],
) -> CropWindow:
    s = settings.stimuli
    height, width = pixels.shape[:2]
    if width < least[0] or height < least[1]:
        raise StudyError(
            f"{width}x{height} pixels; a crop of {s.size} px with shifts to {max_shift} px needs {least[0]}x{least[1]}"
        )
    window = choose_window(pixels, size=s.size, max_shift=max_shift, direction=s.direction, rng=rng, taken=taken)
    if window is None:
        raise StudyError("so uniform that a shift cannot be seen in it")
    return window


def _write_image(root: Path, image_id: str, image: _Image, max_shift: int) -> Iterable[PairRow]:
    source_sha256 = image.photograph.sha256()
    crops = [image.window.cut(image.pixels, n) for n in range(max_shift + 1)]
    digests = [pixels_sha256(crop) for crop in crops]
    files = [f"{STIMULI}/{pair_id(image_id, n)}.png" for n in range(max_shift + 1)]
    for shift_px, crop in enumerate(crops):
        write_png(crop, root / files[shift_px])
        yield PairRow(
            schema=manifest.SCHEMA,
            pair=pair_id(image_id, shift_px),
            image=image_id,
            shift_px=shift_px,
            direction=image.window.direction,
            reference_file=files[0],
            stimulus_file=files[shift_px],
            source_file=image.photograph.name,
            source_sha256=source_sha256,
            source_url=image.photograph.url,
            licence=image.photograph.licence,
            crop_x=image.window.x,
            crop_y=image.window.y,
            size=image.window.size,
            reference_sha256=digests[0],
            stimulus_sha256=digests[shift_px],
        )
