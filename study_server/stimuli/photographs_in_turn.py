"""One stimulus after the other from the photographs of a source, each once before any a second time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from study_server.errors import StudyError
from study_server.stimuli.crops import CropWindow, choose_window, smallest_photograph
from study_server.stimuli.directions import Direction
from study_server.stimuli.duplicates import Duplicates
from study_server.stimuli.photographs import Photograph, PhotographSource, Pixels, read_photograph

Made = TypeVar("Made")


def photographs_in_turn(
    source: PhotographSource,
    make: Callable[[Photograph, Pixels, list[CropWindow]], tuple[CropWindow, Made]],
    skipped: dict[str, str],
    *,
    once: bool = False,
) -> Iterator[Made]:
    """What `make` makes of a photograph, its pixels and the windows taken from it before, one at a time.

    A photograph for which `make` raises StudyError is not tried again; noted in `skipped`, name → reason, where nothing
    was made of it, or where it is one that was used already, under another name. once: at most one of each photograph,
    whatever the source allows.
    """
    duplicates = Duplicates()
    usable = list(source.photographs)
    used: dict[str, list[CropWindow]] = {}
    while usable:
        for photograph in list(usable):
            try:
                read = read_photograph(photograph.path)
                duplicates.refuse_same(photograph.name, read.pixels)
                window, made = make(photograph, read.pixels, used.get(photograph.name, []))
            except StudyError as error:
                usable.remove(photograph)
                if photograph.name not in used:
                    skipped[photograph.name] = str(error)
                continue
            if photograph.name not in used:
                source.remark(photograph.name, *read.notes, *duplicates.note(photograph.name, read.pixels))
            used.setdefault(photograph.name, []).append(window)
            yield made
        if once or not source.several_crops:
            break


def draw_window(
    pixels: Pixels,
    *,
    size: int,
    shifts: Sequence[int],
    direction: Direction,
    rng: random.Random,
    taken: list[CropWindow],
) -> CropWindow:
    """A window of a photograph as `choose_window` gives it. Raises StudyError where there is none."""
    refuse_too_small(pixels, size=size, max_shift=max(shifts), direction=direction)
    window = choose_window(pixels, size=size, shifts=shifts, direction=direction, rng=rng, taken=taken)
    if window is None:
        raise StudyError("so uniform that a shift cannot be seen in it")
    return window


def refuse_too_small(pixels: Pixels, *, size: int, max_shift: int, direction: Direction) -> None:
    """Raise StudyError where a window of this size would leave the image (H, W, 3) when it is moved."""
    least = smallest_photograph(size, max_shift, direction)
    height, width = pixels.shape[:2]
    if width < least[0] or height < least[1]:
        raise StudyError(
            f"{width}x{height} pixels; a crop of {size} px with shifts to {max_shift} px needs {least[0]}x{least[1]}"
        )
