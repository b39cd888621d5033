"""A pool of windows with their distances under metrics: scored once, photograph by photograph, and gone on with."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study_server.errors import StudyError
from study_server.progress_bar import progress
from study_server.stimuli.crops import CropWindow, choose_window
from study_server.stimuli.directions import Directions, in_turn
from study_server.stimuli.duplicates import Duplicates
from study_server.stimuli.photographs import Photograph, PhotographSource, Pixels, read_pixels

SCHEMA = "shift-study/pool/1"
FILE_NAME = "pool.jsonl"

Scorer = Callable[[Pixels, list[Pixels]], Sequence[Sequence[float]]]
"""A reference and its shifted versions → for each version its distance under each metric, larger where more differs."""


@dataclass(frozen=True)
class PoolSettings:
    """What windows of which photographs are scored, and how."""

    metrics: tuple[str, str]
    shifts: tuple[int, ...]
    scored_shifts: tuple[int, ...]
    size: int
    direction: Directions
    windows: int
    """Of each photograph, as far as there are so many different ones."""
    seed: int


@dataclass(frozen=True)
class Pool:
    """Windows of photographs; `distances` is `(N, S, 2)` at the scored shifts, `skipped` name → reason."""

    photographs: list[Photograph]
    windows: list[CropWindow]
    distances: NDArray[np.float64]
    skipped: dict[str, str]


def scored_pool(source: PhotographSource, settings: PoolSettings, scorer: Scorer, journal: Path) -> Pool:
    """The pool of a source's photographs; each photograph's distances are kept in `journal` as they are found.

    Where the journal has some already, they are taken from it. Raises StudyError where the journal is that of another
    pool.
    """
    header = _header(source, settings)
    kept = _read(journal, header)
    duplicates = Duplicates({entry["pixels"]: name for name, entry in kept.items() if "pixels" in entry})
    for photograph in progress(source.photographs, "scoring", unit="photograph", total=len(source.photographs)):
        if photograph.name not in kept:
            kept[photograph.name] = entry = _scored(photograph, settings, scorer, duplicates)
            with journal.open("a", encoding="utf-8") as file:  # not before there is something to keep
                if not file.tell():
                    file.write(json.dumps(header) + "\n")
                file.write(json.dumps(entry) + "\n")
    photographs, windows, distances = [], [], []
    skipped = dict(source.skipped)
    for photograph in source.photographs:
        entry = kept[photograph.name]
        if "skipped" in entry:
            skipped[photograph.name] = entry["skipped"]
        for window in entry.get("windows", []):
            photographs.append(photograph)
            windows.append(CropWindow(window["x"], window["y"], settings.size, window["direction"]))
            distances.append(window["distances"])
    shape = (len(windows), len(settings.scored_shifts), len(settings.metrics))
    return Pool(photographs, windows, np.array(distances, dtype=np.float64).reshape(shape), skipped)


def begun_seed(journal: Path) -> int | None:
    """The seed of the pool that a journal was begun with; None where there is no such journal."""
    try:
        with journal.open(encoding="utf-8") as file:
            seed = json.loads(file.readline())["seed"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return seed if isinstance(seed, int) else None


def _header(source: PhotographSource, settings: PoolSettings) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(json.dumps({"schema": SCHEMA, "source": source.name} | vars(settings)))
    return header  # as it is read: tuples have become lists


def _scored(photograph: Photograph, settings: PoolSettings, scorer: Scorer, duplicates: Duplicates) -> dict[str, Any]:
    entry: dict[str, Any] = {"photograph": photograph.name}
    try:
        pixels = read_pixels(photograph.path)
        entry["pixels"] = duplicates.refuse_same(photograph.name, pixels)
    except StudyError as error:
        return entry | {"skipped": str(error)}
    windows = []
    for window in _windows(pixels, photograph.name, settings):
        versions = [window.cut(pixels, shift) for shift in settings.scored_shifts]
        distances = [[float(value) for value in row] for row in scorer(window.cut(pixels, 0), versions)]
        windows.append({"x": window.x, "y": window.y, "direction": window.direction, "distances": distances})
    if not windows:
        height, width = pixels.shape[:2]
        return entry | {
            "skipped": f"{width}x{height} pixels: too small, or so uniform that a shift cannot be seen in it"
        }
    return entry | {"windows": windows}


def _windows(pixels: Pixels, name: str, settings: PoolSettings) -> Iterator[CropWindow]:
    # Of a photograph's own random numbers, so that they are the same wherever a run goes on.
    rng = random.Random(f"{settings.seed}/pool/{name}")
    ways = in_turn(settings.direction, rng)
    taken: list[CropWindow] = []
    for _ in range(settings.windows):
        window = choose_window(
            pixels, size=settings.size, shifts=settings.shifts, direction=next(ways), rng=rng, taken=taken
        )
        if window is not None:
            taken.append(window)
            yield window


def _read(journal: Path, header: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a journal has of each photograph; a last line that was not written whole is taken away."""
    if not journal.exists():
        return {}
    lines = journal.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    try:
        first, *entries = [json.loads(line) for line in whole] or [header]
        kept = {entry["photograph"]: entry for entry in entries}
    except (ValueError, TypeError, KeyError) as error:
        raise StudyError(f"{journal} is damaged ({error}): remove it, and the pool is scored anew") from error
    if first != header:
        differs = [key for key in header if not isinstance(first, dict) or first.get(key) != header[key]]
        raise StudyError(
            f"{journal} is of another pool ({', '.join(differs)} differ): give what it was begun with, or remove it"
        )
    with journal.open("r+b") as file:
        file.truncate(sum(map(len, whole)))
    return kept
