"""Triplets made from images that are ready: whole images of one size, of which a square is shown."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.stimuli.crops import CropWindow, smallest_photograph
from study_server.stimuli.directions import STEP, Direction, Directions, in_turn
from study_server.stimuli.image_sources import can_be_recorded
from study_server.stimuli.photographs import Photograph, Pixels, open_heic, pixels_sha256, read_photograph
from study_server.stimuli.photographs_in_turn import refuse_too_small
from study_server.tasks.two_afc.judgments import read_share
from study_server.tasks.two_afc.manifest_row import COMPARED, ROLES, Role, TripletRow
from study_server.tasks.two_afc.triplet import LargerImages, Triplet, TripletDesign
from study_server.tasks.two_afc.triplet_files import TABLE, TripletFiles, read_folders, read_table

PREFIX = "triplets:"
"""Before the path in the name of a source, so that settings say that its images are triplets and not photographs."""
SMALLEST_PX, LARGEST_PX = 16, 2048
"""Sizes that a crop may have."""
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class ReadyTriplets:
    """Triplets of a folder or of a CSV file; see `open_triplets`.

    Attributes:
        name: `triplets:` and the folder or the file, as the settings name it.
        folder: what their files are relative to.
        files: of each triplet.
        left_out: name → reason, of those that could not even be offered.
    """

    name: str
    folder: Path
    files: Sequence[TripletFiles]
    left_out: dict[str, str]
    remarks: dict[str, list[str]] = field(default_factory=dict)
    """What is odd about images that were read, by the names of their files."""

    @property
    def offered(self) -> str:
        """How many of what it has."""
        return f"{len(self.files) + len(self.left_out)} triplets"

    def triplets(self, design: TripletDesign, what: str, skipped: dict[str, str]) -> Iterator[Triplet]:
        """Triplets one at a time, in a drawn order in which categories take turns.

        Of each the middle is shown, as far as its shifts leave room on both sides: nothing else is known about which
        part of it people judged.
        """
        skipped.update(self.left_out)
        ways = in_turn(design.direction, random.Random(f"{design.seed}/directions/{what}"))
        direction = next(ways)
        made, name_of = 0, dict[tuple[str, ...], str]()
        for files in _in_drawn_order(self.files, random.Random(f"{design.seed}/triplets/{what}")):
            if made == design.count:
                break
            try:
                triplet = self._triplet(files, design, direction)
                _refuse_same(triplet, files.name, name_of)
            except StudyError as error:
                skipped[files.name] = str(error)
                continue
            made += 1
            direction = next(ways)
            yield triplet

    def largest_size(self, shifts: Sequence[int], direction: Directions) -> int:
        """Width of the largest square that leaves room for every shift in every triplet, pixels, at most 2048.

        Raises StudyError where that is less than 16, naming the smallest image.
        """
        least = smallest_photograph(0, max(shifts), direction)
        size, smallest = LARGEST_PX, ""
        for files in progress(self.files, "measuring", unit="triplet", total=len(self.files)):
            shape = _width_and_height(self.folder / files.files["reference"])
            if shape and min(shape[0] - least[0], shape[1] - least[1]) < size:
                size, smallest = min(shape[0] - least[0], shape[1] - least[1]), files.files["reference"]
        if size < SMALLEST_PX:
            raise StudyError(
                f"{smallest} leaves {max(0, size)} px for a crop with shifts to {max(shifts)} px, and {SMALLEST_PX} "
                "are needed: take its triplet out, or give a size that the others have room for"
            )
        return size

    def originals(self, rows: Sequence[TripletRow]) -> Iterator[LargerImages]:
        """What the versions of one triplet may have been cut from: all triplets of its reference; see `check_triplet`.

        Nothing where they are not on this machine any more.
        """
        row = rows[0]
        for files in self._by_reference.get(row.source_file, []):
            at_hand = all((self.folder / file).is_file() for file in files.files.values())
            if at_hand and Photograph(self.folder / row.source_file, "").sha256() == row.source_sha256:
                yield LargerImages(self._images(files))

    @cached_property
    def _by_reference(self) -> dict[str, list[TripletFiles]]:
        found: dict[str, list[TripletFiles]] = defaultdict(list)
        for files in self.files:
            found[files.files["reference"]].append(files)
        return found

    def _triplet(self, files: TripletFiles, design: TripletDesign, direction: Direction) -> Triplet:
        images = self._images(files)
        window = _middle(images["reference"], design, direction)
        triplet = Triplet(
            larger=LargerImages(images),
            window=window,
            photograph=Photograph(
                self.folder / files.files["reference"], files.files["reference"], licence=files.licence
            ),
            # Of a set in categories, that is what is known of its distortions.
            distortions=files.distortions or dict.fromkeys(COMPARED, files.category.rpartition("/")[2]),
            catch_answer=files.catch_answer,
            share_second=read_share(self.folder / files.judgment) if files.judgment else None,
        )
        triplet.refuse_useless(design.shifts)
        return triplet

    def _images(self, files: TripletFiles) -> dict[Role, Pixels]:
        images: dict[Role, Pixels] = {}
        for role in ROLES:
            path = self.folder / files.files[role]
            if not path.is_file():
                raise StudyError(f"{files.files[role]} is missing; add it")
            try:
                read = read_photograph(path)
            except StudyError as error:
                raise StudyError(f"{files.files[role]}: {error}") from error
            images[role] = read.pixels
            if read.notes:
                self.remarks[files.files[role]] = [*read.notes]
        sizes = {role: f"{pixels.shape[1]}x{pixels.shape[0]}" for role, pixels in images.items()}
        for role in COMPARED:
            if sizes[role] != sizes["reference"]:
                raise StudyError(
                    f"{files.files[role]} has {sizes[role]} pixels and {files.files['reference']} "
                    f"{sizes['reference']}: bring all three to one size"
                )
        return images


def open_triplets(path: Path) -> ReadyTriplets:
    """Triplets of a CSV file, of a folder with `triplets.csv`, or of a folder with images of one name (`read_folders`).

    Raises StudyError where there are none, or where they cannot be told.
    """
    location = path.resolve()
    if not can_be_recorded(str(location)):
        raise StudyError(f"the name of {str(location)!r} is not UTF-8 or has control characters: rename it")
    table = location / TABLE if (location / TABLE).is_file() else location
    if table.is_file():
        return ReadyTriplets(f"{PREFIX}{location}", table.parent, *read_table(table))
    if not location.is_dir():
        raise StudyError(f"{path} is neither a folder of triplets nor a CSV file that lists them")
    return ReadyTriplets(f"{PREFIX}{location}", location, *read_folders(location))


def _in_drawn_order(files: Sequence[TripletFiles], rng: random.Random) -> Iterator[TripletFiles]:
    by_category: dict[str, list[TripletFiles]] = defaultdict(list)
    for each in files:
        by_category[each.category].append(each)
    for drawn in by_category.values():
        rng.shuffle(drawn)
    for turn in range(max(map(len, by_category.values()))):
        yield from (drawn[turn] for drawn in by_category.values() if turn < len(drawn))


def _refuse_same(triplet: Triplet, name: str, name_of: dict[tuple[str, ...], str]) -> None:
    """Raise StudyError where `name_of`, three images → name, has these already.

    What is there to catch those who do not look may well be there twice, and so may one whose sides are changed.
    """
    if triplet.catch_answer:
        return
    first = name_of.setdefault(tuple(pixels_sha256(triplet.larger.images[role]) for role in ROLES), name)
    if first != name:
        raise StudyError(f"the same three images as {first}: one triplet counts once")


def _middle(pixels: Pixels, design: TripletDesign, direction: Direction) -> CropWindow:
    most = max(design.shifts)
    refuse_too_small(pixels, size=design.size, max_shift=most, direction=direction)
    least = smallest_photograph(design.size, most, direction)
    x, y = (
        max(0, -step * most) + (side - needed) // 2
        for step, side, needed in zip(STEP[direction], pixels.shape[1::-1], least, strict=True)
    )
    return CropWindow(x, y, design.size, direction)


def _width_and_height(path: Path) -> tuple[int, int] | None:
    """Of an upright image, pixels; None for one that cannot be read, which is passed over later."""
    open_heic()
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
            return (image.height, image.width) if turned else image.size
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
