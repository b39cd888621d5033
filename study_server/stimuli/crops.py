"""Crop windows: a reference, and real crops of the same photograph with the window moved by n pixels."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from study_server.stimuli.directions import STEP, Direction, Directions
from study_server.stimuli.photographs import Pixels, pixels_sha256

_TRIES = 40


@dataclass(frozen=True)
class CropWindow:
    """The reference's window (left, top, size; pixels of the upright photograph) and where it is moved to."""

    x: int
    y: int
    size: int
    direction: Direction

    def cut(self, pixels: Pixels, shift_px: int) -> Pixels:
        """The crop (size, size, 3) with the window moved by `shift_px`; it must lie inside the photograph."""
        dx, dy = STEP[self.direction]
        left, top = self.x + dx * shift_px, self.y + dy * shift_px
        height, width = pixels.shape[:2]
        if left < 0 or top < 0 or left + self.size > width or top + self.size > height:
            raise ValueError(f"window at ({left}, {top}) of {self.size} px leaves the {width}x{height} photograph")
        return pixels[top : top + self.size, left : left + self.size]

    def overlap(self, reference: Pixels, shifted: Pixels, shift_px: int) -> tuple[Pixels, Pixels]:
        """The parts of both crops that show the same piece of the photograph; they must be equal."""
        everything, ahead, behind = slice(None), slice(shift_px, None), slice(None, max(0, self.size - shift_px))
        # Along an axis, by the sign of the step: the parts of the reference and of the shifted crop.
        parts = {0: (everything, everything), 1: (ahead, behind), -1: (behind, ahead)}
        (left, left_shifted), (top, top_shifted) = (parts[step] for step in STEP[self.direction])
        return reference[top, left], shifted[top_shifted, left_shifted]


def smallest_photograph(size: int, max_shift: int, direction: Directions) -> tuple[int, int]:
    """Least (width, height) of a photograph in which every window fits."""
    dx, dy = (1, 1) if direction == "mixed" else STEP[direction]
    return size + abs(dx) * max_shift, size + abs(dy) * max_shift


def choose_window(
    pixels: Pixels,
    *,
    size: int,
    shifts: Sequence[int],
    direction: Direction,
    rng: random.Random,
    taken: list[CropWindow],
) -> CropWindow | None:
    """A window whose versions, moved by each of `shifts`, all lie inside the photograph and all look different.

    Of several random candidates it takes the one farthest from the windows already `taken` from this photograph.
    None where the photograph is too small, or so uniform that moving the window changes nothing.
    """
    max_shift = max(shifts)
    height, width = pixels.shape[:2]
    least_width, least_height = smallest_photograph(size, max_shift, direction)
    if width < least_width or height < least_height:
        return None
    dx, dy = STEP[direction]
    low_x, low_y = max(0, -dx * max_shift), max(0, -dy * max_shift)
    candidates = [
        CropWindow(
            low_x + rng.randrange(width - least_width + 1),
            low_y + rng.randrange(height - least_height + 1),
            size,
            direction,
        )
        for _ in range(_TRIES)
    ]
    if taken:
        apart = [c for c in candidates if _distance(c, taken) > 0]
        candidates = sorted(apart, key=lambda c: -_distance(c, taken))
    return next((c for c in candidates if not _looks_unmoved(c, pixels, shifts)), None)


def _distance(candidate: CropWindow, taken: list[CropWindow]) -> int:
    return min(max(abs(candidate.x - t.x), abs(candidate.y - t.y)) for t in taken)


def _looks_unmoved(window: CropWindow, pixels: Pixels, shifts: Sequence[int]) -> bool:
    """Whether any two of the versions have the same pixels, so that no answer about them could be right."""
    digests = {pixels_sha256(window.cut(pixels, n)) for n in shifts}
    return len(digests) < len(shifts)
