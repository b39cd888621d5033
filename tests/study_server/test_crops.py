"""Crop windows: inside the photograph, really moved, apart from each other."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.stimuli.crops import CropWindow, choose_window, smallest_photograph
from study_server.stimuli.directions import DIRECTIONS, Direction
from study_server.stimuli.photographs import Pixels

# Row and column of the window's corner per pixel moved, written out once more.
MOVED = {
    "right": (0, 1), "left": (0, -1), "up": (-1, 0), "down": (1, 0),
    "up-right": (-1, 1), "up-left": (-1, -1), "down-right": (1, 1), "down-left": (1, -1),
}  # fmt: skip


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def choose(
    pixels: Pixels,
    size: int,
    max_shift: int,
    direction: Direction,
    seed: int = 0,
    taken: list[CropWindow] | None = None,
) -> CropWindow | None:
    return choose_window(
        pixels,
        size=size,
        shifts=range(max_shift + 1),
        direction=direction,
        rng=random.Random(seed),
        taken=taken or [],
    )


@given(
    direction=st.sampled_from(DIRECTIONS),
    size=st.integers(16, 24),
    max_shift=st.integers(1, 20),
    spare=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    seed=st.integers(0, 2**32),
)
def test_every_version_is_a_slice_of_the_photograph(
    direction: Direction, size: int, max_shift: int, spare: tuple[int, int], seed: int
) -> None:
    least_width, least_height = smallest_photograph(size, max_shift, direction)
    pixels = noise(least_width + spare[0], least_height + spare[1], seed)
    window = choose(pixels, size, max_shift, direction, seed)
    assert window is not None
    reference = window.cut(pixels, 0)
    down, right = MOVED[direction]
    for n in range(max_shift + 1):
        top, left = window.y + n * down, window.x + n * right
        assert top >= 0 and left >= 0 and top + size <= pixels.shape[0] and left + size <= pixels.shape[1]
        crop = window.cut(pixels, n)
        assert crop.shape == (size, size, 3)
        assert np.array_equal(crop, pixels[top : top + size, left : left + size])
        ours, theirs = window.overlap(reference, crop, n)
        assert ours.size == max(0, size - n * abs(down)) * max(0, size - n * abs(right)) * 3
        assert np.array_equal(ours, theirs)
        if 0 < n < size:
            rolled = np.roll(reference, (-n * down, -n * right), (0, 1))
            assert np.array_equal(*window.overlap(reference, rolled, n))  # which is why the overlap alone is no proof
            assert not np.array_equal(rolled, crop)
            if n > 1:
                assert not np.array_equal(*window.overlap(reference, crop, n - 1))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_smallest_photograph_has_exactly_one_window(direction: Direction) -> None:
    width, height = smallest_photograph(20, 9, direction)
    down, right = MOVED[direction]
    assert (width, height) == (29 if right else 20, 29 if down else 20)
    corner = (9 if right < 0 else 0, 9 if down < 0 else 0)
    window = choose(noise(width, height), 20, 9, direction)
    assert window == CropWindow(*corner, 20, direction)
    assert choose(noise(width - 1, height), 20, 9, direction) is None
    assert choose(noise(width, height - 1), 20, 9, direction) is None


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_window_that_would_leave_the_photograph_is_not_cut(direction: Direction) -> None:
    pixels = noise(*smallest_photograph(20, 9, direction))
    window = choose(pixels, 20, 9, direction)
    assert window is not None
    with pytest.raises(ValueError, match="leaves the"):
        window.cut(pixels, 10)


def test_windows_reach_every_place_of_the_photograph() -> None:
    pixels = noise(34, 24)
    windows = {choose(pixels, 20, 9, "left", seed) for seed in range(400)}
    assert {w.x for w in windows if w} == set(range(9, 15))
    assert {w.y for w in windows if w} == set(range(0, 5))


def test_same_seed_same_window() -> None:
    pixels = noise(400, 300)
    assert choose(pixels, 64, 9, "right", 7) == choose(pixels, 64, 9, "right", 7)
    assert choose(pixels, 64, 9, "right", 7) != choose(pixels, 64, 9, "right", 8)


@given(seed=st.integers(0, 1000), direction=st.sampled_from(DIRECTIONS))
def test_several_windows_of_a_photograph_never_coincide(seed: int, direction: Direction) -> None:
    width, height = smallest_photograph(16, 4, direction)
    pixels = noise(width + 2, height + 1)  # six places
    rng = random.Random(seed)
    taken: list[CropWindow] = []
    while window := choose_window(pixels, size=16, shifts=range(5), direction=direction, rng=rng, taken=taken):
        taken.append(window)
    assert 1 <= len(taken) <= 6
    assert len(set(taken)) == len(taken)


def test_a_second_window_lies_far_from_the_first() -> None:
    pixels = noise(1000, 80)
    first = CropWindow(0, 0, 64, "right")
    second = choose(pixels, 64, 9, "right", taken=[first])
    assert second is not None and second.x > 500


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_photograph_in_which_no_shift_can_be_seen_gives_no_window(direction: Direction) -> None:
    uniform = np.full((100, 100, 3), 77, np.uint8)
    assert choose(uniform, 32, 9, direction) is None
    stripes = noise(100, 100)
    if all(MOVED[direction]):
        return  # no stripe lies along all of a diagonal's axes
    stripes[:] = stripes[:, :1] if MOVED[direction][1] else stripes[:1]  # along the movement
    assert choose(stripes, 32, 9, direction) is None


def test_a_pattern_that_repeats_within_the_shifts_gives_no_window() -> None:
    """Moved by 4 pixels it looks unmoved: «same» and «different» would both be right."""
    pixels = np.tile(noise(4, 100), (1, 25, 1))
    assert choose(pixels, 32, 9, "right") is None
    assert choose(pixels, 32, 3, "right") is not None
