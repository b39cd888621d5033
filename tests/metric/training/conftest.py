"""Fixtures: small sets of BAPPS's layout, made once of noise, with a split to train on and one to test with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CATEGORIES = ("traditional", "cnn")
COUNT = 3


def write_set(folder: Path, splits: tuple[str, ...] = ("train", "val"), size: tuple[int, int] = (40, 40)) -> Path:
    """A set with triplets of noise, whose judgments are 0, 0.2, 0.4 in each category."""
    generator = np.random.default_rng(0)
    for split in splits:
        for category in CATEGORIES:
            home = folder / "2afc" / split / category
            for part in ("ref", "p0", "p1", "judge"):
                (home / part).mkdir(parents=True)
            for sample in range(COUNT):
                for part in ("ref", "p0", "p1"):
                    pixels = generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(home / part / f"{sample:06d}.png")
                np.save(home / "judge" / f"{sample:06d}.npy", np.array([sample / 5], np.float32))
    return folder


@pytest.fixture(scope="session")
def noise_set_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "noise")


@pytest.fixture
def noise_set(noise_set_once: Path, tmp_path: Path) -> Path:
    """Three triplets of 40 × 40 pixels in each of two categories and two splits, a test's own."""
    return Path(shutil.copytree(noise_set_once, tmp_path / "noise"))
