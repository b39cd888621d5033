"""Fixtures: small sets of BAPPS's and of CLIC's layout, made from photographs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import shift_study
from metric.pixels import Pixels
from metric.triplets.made_set import MadeSet
from metric.triplets.photograph_files import Photograph

ALONE: dict[str, str | None] = {"RANK": None, "WORLD_SIZE": None, "MASTER_ADDR": None, "MASTER_PORT": None}


@pytest.fixture(scope="session")
def some_photographs(photographs: dict[str, Pixels]) -> list[Photograph]:
    """Three photographs of which one is too small for windows of 80 pixels."""
    pixels = {
        "china": photographs["china"][100:260, 200:400],
        "rocket": photographs["rocket"][:150, :140],
        "small": photographs["coffee"][:79, :200],
    }
    return [Photograph.of(name, lambda name=name: pixels[name]) for name in pixels]  # type: ignore[misc]


@pytest.fixture(scope="session")
def made_once(some_photographs: list[Photograph], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "made"
    MadeSet(count=2, size_px=80, seed=5).make(some_photographs, folder)
    return folder


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    """A set of BAPPS's layout of a test's own: two triplets of 80 × 80 pixels in each category."""
    return Path(shutil.copytree(made_once, tmp_path / "made"))


@pytest.fixture
def invoke() -> Callable[..., Result]:
    """Runs a verb in this process, alone."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(shift_study.main, list(map(str, arguments)), env=ALONE)

    return run


@pytest.fixture
def clic(tmp_path: Path, photographs: dict[str, Pixels]) -> Path:
    """A folder of CLIC's layout: two originals, six rows of which two do not ask about two images."""
    folder = tmp_path / "clic"
    (folder / "crops" / "codecs").mkdir(parents=True)
    rows = []
    for name, size in (("astronaut", (48, 40)), ("china", (64, 56))):
        width, height = size
        pixels = photographs[name][60 : 60 + height, 60 : 60 + width]
        Image.fromarray(pixels).save(folder / "crops" / f"{name}.png")
        for codec, quality in (("a", 10), ("b", 40), ("c", 80)):
            path = folder / "crops" / "codecs" / f"{name}_{codec}.png"
            Image.fromarray(pixels).save(path.with_suffix(".jpg"), quality=quality)
            Image.open(path.with_suffix(".jpg")).save(path)
            path.with_suffix(".jpg").unlink()
    for original, first, second, answer in (
        ("astronaut", "a", "b", 1),
        ("china", "a", "b", 1),
        ("astronaut", "b", "c", 0),
        ("china", "c", "a", 0),
    ):
        rows.append(f"{original}.png,codecs/{original}_{first}.png,{original}_{second}.png,{answer}")
    rows[2:2] = ["china.png,china.png,codecs/china_a.png,0", "china.png,china_a.png,china_a.png,0"]
    (folder / "answers.csv").write_text("\n".join(rows) + "\n")
    return folder
