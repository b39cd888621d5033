"""Triplets from photographs: a crop, and two distortions of the photograph round it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from study_server.errors import StudyError
from study_server.stimuli.crops import CropWindow
from study_server.stimuli.directions import STEP, in_turn
from study_server.stimuli.image_sources import locate
from study_server.stimuli.photographs import Photograph, PhotographSource, Pixels, read_pixels
from study_server.stimuli.photographs_in_turn import draw_window, photographs_in_turn
from study_server.tasks.two_afc.distortion_plan import OBVIOUS_KINDS, UNDISTORTED, Distortion, pairs_in_turn
from study_server.tasks.two_afc.manifest_row import COMPARED, Compared, Role, TripletRow
from study_server.tasks.two_afc.triplet import LargerImages, Triplet, TripletDesign

Distort = Callable[[Pixels, str, float, int], Pixels]
"""Of an image (H, W, 3), a kind of `KINDS`, a strength in [0, 1] and a seed the distorted image, of the same shape."""

MARGIN_PX = 32
"""How much of the photograph round the crops is distorted with them: no crop shows the border of a distortion."""
OBVIOUS_RMS = 12.0
"""By how many of 255 levels (root mean square) the worse image of a catch triplet differs from the reference at least;
noise of strength 1 does so on any photograph, blur not on a smooth one."""


@dataclass(frozen=True)
class DistortedPhotographs:
    """Triplets with two different distortions of a photograph, and some with one that is obvious and none.

    Attributes:
        photographs: where crops come from.
        distort: what distorts them.
        catches: how many of the triplets are catch triplets: one image is the photograph itself, the other strongly
            distorted.
    """

    photographs: PhotographSource
    distort: Distort
    catches: int = 0

    @property
    def name(self) -> str:
        """What the settings call it."""
        return self.photographs.name

    @property
    def offered(self) -> str:
        """How many of what it has."""
        return f"{len(self.photographs.photographs) + len(self.photographs.skipped)} photographs"

    @property
    def remarks(self) -> Mapping[str, Sequence[str]]:
        """What is odd about photographs that were used."""
        return self.photographs.remarks

    def triplets(self, design: TripletDesign, what: str, skipped: dict[str, str]) -> Iterator[Triplet]:
        """Triplets one at a time: `design.count`, or without it one of each photograph.

        Raises StudyError where there are to be more catch triplets than triplets.
        """
        count = len(self.photographs.photographs) if design.count is None else design.count
        if self.catches > count:
            raise StudyError(f"{self.catches} catch triplets of {count} triplets: ask for fewer, or for more triplets")
        skipped.update(self.photographs.skipped)
        making = _Making(self.distort, design, what, count, self.catches)
        made = photographs_in_turn(self.photographs, making.make, skipped, once=design.count is None)
        for _, triplet in zip(range(count), made, strict=False):
            yield triplet


class _Making:
    """What is drawn for one triplet after the other; a photograph that cannot be used takes nothing of it."""

    def __init__(self, distort: Distort, design: TripletDesign, what: str, count: int, catches: int) -> None:
        def rng(of: str) -> random.Random:
            return random.Random(f"{design.seed}/{of}/{what}")

        self.distort, self.design = distort, design
        self.windows = rng("windows")
        self.ways = in_turn(design.direction, rng("directions"))
        self.pairs = pairs_in_turn(rng("distortions"))
        self.obvious = rng("obvious distortions")
        catching = rng("catches")
        self.catches = set(catching.sample(range(count), catches))
        self.answers = cycle(catching.sample(COMPARED, 2))
        self.direction, self.pair, self.answer = next(self.ways), next(self.pairs), next(self.answers)
        self.made = 0

    def make(self, photograph: Photograph, pixels: Pixels, taken: list[CropWindow]) -> tuple[CropWindow, Triplet]:
        shifts = self.design.shifts
        window = draw_window(
            pixels, size=self.design.size, shifts=shifts, direction=self.direction, rng=self.windows, taken=taken
        )
        of_photograph = _Photograph(pixels, photograph.sha256(), window, max(shifts))
        if self.made in self.catches:
            distortions = self._obvious(of_photograph, "second" if self.answer == "first" else "first")
        else:
            distortions = dict(zip(COMPARED, self.pair, strict=True))
        triplet = Triplet(
            larger=of_photograph.larger(distortions, self.distort),
            window=window,
            photograph=photograph,
            distortions={role: str(distortion) for role, distortion in distortions.items()},
            catch_answer=self.answer if self.made in self.catches else "",
        )
        triplet.refuse_useless(shifts)
        self.direction = next(self.ways)
        if self.made in self.catches:
            self.answer = next(self.answers)
        else:
            self.pair = next(self.pairs)
        self.made += 1
        return window, triplet

    def _obvious(self, of: _Photograph, worse: Compared) -> dict[Compared, Distortion]:
        """A strong distortion of one image, which differs a lot from the reference, and none of the other."""
        *others, last = (*(k for k in self.obvious.sample(OBVIOUS_KINDS, 4) if k != "noise"), "noise")
        for kind in others:
            distortions = dict.fromkeys(COMPARED, UNDISTORTED) | {worse: Distortion(kind, 1)}
            larger = of.larger(distortions, self.distort)
            cuts = [larger.cut(role, of.window, 0).astype(np.float64) for role in ("reference", worse)]
            if np.sqrt(np.mean((cuts[0] - cuts[1]) ** 2)) >= OBVIOUS_RMS:
                return distortions
        return dict.fromkeys(COMPARED, UNDISTORTED) | {worse: Distortion(last, 1)}


@dataclass(frozen=True)
class _Photograph:
    """A photograph round the crops of one triplet."""

    pixels: Pixels
    sha256: str
    window: CropWindow
    max_shift: int

    def larger(self, distortions: Mapping[Compared, Distortion], distort: Distort) -> LargerImages:
        """The piece of the photograph with all crops and a margin, as it is and with its distortions.

        What a distortion draws follows from what the manifest says of the triplet, so that it can be made again.
        """
        dx, dy = (step * self.max_shift for step in STEP[self.window.direction])
        window, (height, width) = self.window, self.pixels.shape[:2]
        left, top = (max(0, min(at, at + by) - MARGIN_PX) for at, by in ((window.x, dx), (window.y, dy)))
        right = min(width, max(window.x, window.x + dx) + window.size + MARGIN_PX)
        bottom = min(height, max(window.y, window.y + dy) + window.size + MARGIN_PX)
        piece = self.pixels[top:bottom, left:right]
        images: dict[Role, Pixels] = {"reference": piece}
        for role, distortion in distortions.items():
            drawn = f"{self.sha256}/{window.x}/{window.y}/{window.size}/{window.direction}/{role}/{distortion}"
            seed = int.from_bytes(hashlib.sha256(drawn.encode()).digest()[:8], "big")
            images[role] = (
                piece if distortion == UNDISTORTED else distort(piece, distortion.kind, distortion.strength, seed)
            )
        return LargerImages(images, left, top)


@dataclass(frozen=True)
class PhotographOriginals:
    """The larger images of triplets that were made from the photographs of a source; see `check_triplet`.

    distort: what distorted them; without it there is only the reference.
    """

    source: str
    distort: Distort | None = None

    def __call__(self, rows: Sequence[TripletRow]) -> Iterator[LargerImages]:
        """What the versions of one triplet were cut from; nothing where the photograph is not on this machine any more.

        Raises StudyError where the photograph cannot be read, or the rows name a distortion or a window that there is
        not.
        """
        row = rows[0]
        path = locate(self.source, row.source_file)
        if path is None or Photograph(path, "").sha256() != row.source_sha256:
            return
        try:
            pixels = read_pixels(path)
        except StudyError as error:
            raise StudyError(f"{path}: {error}") from error
        for each in rows:
            try:
                each.window.cut(pixels, each.shift_px)
            except ValueError as error:
                raise StudyError(f"{each.stimulus}: {error}") from error
        if self.distort is None:
            yield LargerImages({"reference": pixels})
            return
        distortions: dict[Compared, Distortion] = {
            "first": Distortion.parse(row.distortion_first),
            "second": Distortion.parse(row.distortion_second),
        }
        of_photograph = _Photograph(pixels, row.source_sha256, row.window, max(r.shift_px for r in rows))
        yield of_photograph.larger(distortions, self.distort)
