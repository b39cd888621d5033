"""Where crop windows move to."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Literal, get_args

Direction = Literal["right", "left", "up", "down", "up-right", "up-left", "down-right", "down-left"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
Directions = Literal[Direction, "mixed"]
"""Of the images of a study: all the same, or each way for as many."""

STEP: dict[str, tuple[int, int]] = {
    "right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1),
    "up-right": (1, -1), "up-left": (-1, -1), "down-right": (1, 1), "down-left": (-1, 1),
}  # fmt: skip
"""By how much a shift of one pixel moves the window to the right and down."""


def distance_px(shift_px: int, direction: str) -> float:
    """How far the window moved, pixels: on a diagonal it moved by `shift_px` along both axes."""
    return shift_px * math.hypot(*STEP[direction])


def lengths(which: Directions) -> tuple[float, ...]:
    """How far windows move for a shift of one pixel: one number, or with diagonals among others two."""
    return tuple(sorted({math.hypot(*STEP[way]) for way in (DIRECTIONS if which == "mixed" else (which,))}))


def in_turn(which: Directions, rng: random.Random) -> Iterator[Direction]:
    """Where the windows of one image after the other move to; mixed: each way once in eight images."""
    while True:
        ways = list(DIRECTIONS) if which == "mixed" else [which]
        rng.shuffle(ways)
        yield from ways
