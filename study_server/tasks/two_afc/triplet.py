"""A triplet before its versions are cut: its three images, larger than the crops, and the window in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from study_server.errors import StudyError
from study_server.stimuli.crops import CropWindow
from study_server.stimuli.directions import Directions
from study_server.stimuli.photographs import Photograph, Pixels, pixels_sha256
from study_server.tasks.two_afc.manifest_row import COMPARED, Compared, Role


@dataclass(frozen=True)
class TripletDesign:
    """What versions of how many triplets are made.

    Attributes:
        size: width and height of every crop, pixels.
        shifts: by how much the distorted images are moved, pixels, each once; 0 is the unshifted version.
        direction: where to.
        seed: the same gives the same triplets.
        count: how many triplets; None for as many as the source has.
    """

    size: int
    shifts: tuple[int, ...]
    direction: Directions
    seed: int
    count: int | None = None


@dataclass(frozen=True)
class LargerImages:
    """What all versions are cut from: by role images (H, W, 3) of one shape, whose corner is at `left`, `top` of the
    photograph."""

    images: Mapping[Role, Pixels]
    left: int = 0
    top: int = 0

    def cut(self, role: Role, window: CropWindow, shift_px: int) -> Pixels:
        """The crop of one version: the window of the reference stays, those of the other two move (paper, Eq. 1).

        Raises ValueError where it does not lie inside the image.
        """
        here = replace(window, x=window.x - self.left, y=window.y - self.top)
        return here.cut(self.images[role], 0 if role == "reference" else shift_px)


@dataclass(frozen=True)
class Triplet:
    """A triplet that can be used: its window lies inside its images at every shift, and its versions differ."""

    larger: LargerImages
    window: CropWindow
    photograph: Photograph
    distortions: Mapping[Compared, str] = field(default_factory=dict)
    catch_answer: str = ""
    share_second: float | None = None

    def refuse_useless(self, shifts: Sequence[int]) -> None:
        """Raise StudyError where no answer could be right, or where a shift cannot be seen."""
        digests = {
            (role, shift): pixels_sha256(self.larger.cut(role, self.window, shift))
            for role in COMPARED
            for shift in shifts
        }
        for shift in shifts:
            if digests["first", shift] == digests["second", shift]:
                raise StudyError(
                    "its two distorted images have the same pixels, so that neither is more similar: give two that "
                    "differ"
                )
        for role in COMPARED:
            if len({digests[role, shift] for shift in shifts}) < len(shifts):
                raise StudyError("so uniform that a shift cannot be seen in it")


class TripletSource(Protocol):
    """Where triplets come from."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    @property
    def offered(self) -> str:
        """How many of what it has, in words."""

    @property
    def remarks(self) -> Mapping[str, Sequence[str]]:
        """What is odd about images that were read, by their names."""

    def triplets(self, design: TripletDesign, what: str, skipped: dict[str, str]) -> Iterator[Triplet]:
        """Triplets that can be used, one at a time, at most `design.count`; `what` they are for is part of the seed.

        Notes in `skipped`, name → reason, what was passed over.
        """
