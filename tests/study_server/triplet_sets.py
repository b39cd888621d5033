"""Triplets on a disk, and a distortion that is quickly made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from study_server.stimuli.photographs import Pixels
from study_server.tasks.two_afc.distortion_plan import KINDS


def noise(width: int = 40, height: int = 32, seed: int = 0) -> Pixels:
    """An image in which no two pixels agree."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def plain_distortion(pixels: Pixels, kind: str, strength: float, seed: int) -> Pixels:
    """Blurred as strongly as is said, and brighter by kind; `seed` is not used."""
    sigma = 0.5 + 3 * strength
    blurred = ndimage.gaussian_filter(pixels.astype(float), (sigma, sigma, 0), mode="reflect")
    return np.clip(np.rint(blurred) + KINDS.index(kind), 0, 255).astype(np.uint8)


def put_triplet(
    home: Path, stem: str, seed: int = 0, size: tuple[int, int] = (40, 32), names: tuple[str, ...] = ("first", "second")
) -> Mapping[str, Pixels]:
    """Three images of noise, under their roles."""
    images = {role: noise(*size, seed=10 * seed + place) for place, role in enumerate(("reference", "first", "second"))}
    for folder, pixels in zip(("ref", *names), images.values(), strict=True):
        save(home / folder / f"{stem}.png", pixels)
    return images


def put_share(home: Path, stem: str, value: object) -> Path:
    (home / "judge").mkdir(parents=True, exist_ok=True)
    path = home / "judge" / f"{stem}.npy"
    np.save(path, np.asarray(value))
    return path
