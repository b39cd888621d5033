"""Photographs that come with packages, pairs of them, a small study folder, and the authors' own package."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.published import published_stlpips
from metric.interface import FeatureMetric
from metric.learned.elpips import ELPIPS
from metric.loading import load_metric
from metric.pixels import Pixels, to_tensor
from metric.registry import METRICS
from metric.scoring.manifest_pairs import COLUMNS
from tests.metric.given_weights import WRITERS, load_with_random_weights

_FILES = {
    "astronaut": ("scikit-image", "skimage/data/astronaut.png"),
    "coffee": ("scikit-image", "skimage/data/coffee.png"),
    "chelsea": ("scikit-image", "skimage/data/chelsea.png"),
    "rocket": ("scikit-image", "skimage/data/rocket.jpg"),
    "motorcycle": ("scikit-image", "skimage/data/motorcycle_left.png"),
    "china": ("scikit-learn", "sklearn/datasets/images/china.jpg"),
    "flower": ("scikit-learn", "sklearn/datasets/images/flower.jpg"),
}

TensorPair = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="session")
def photographs() -> dict[str, Pixels]:
    """8-bit RGB values (H, W, 3) of seven photographs, from files inside installed packages."""
    found = {}
    for name, (package, path) in _FILES.items():
        file = Path(str(distribution(package).locate_file(path)))
        found[name] = np.asarray(Image.open(file).convert("RGB"))
    return found


@pytest.fixture(scope="session")
def crop_pair(photographs: dict[str, Pixels]) -> Callable[..., TensorPair]:
    """Two windows of a photograph, the second `shift_px` further right, each (1, 3, height, width)."""

    def crop(name: str, shift_px: int, height: int = 64, width: int = 64, top: int = 90, left: int = 70) -> TensorPair:
        pixels = photographs[name]
        reference = pixels[top : top + height, left : left + width]
        stimulus = pixels[top : top + height, left + shift_px : left + shift_px + width]
        assert reference.shape == stimulus.shape == (height, width, 3)
        return to_tensor(reference), to_tensor(stimulus)

    return crop


_QUICK = {"stlpips-alex", "lpips-alex", *(name for name, spec in METRICS.items() if not spec.weights)}


@pytest.fixture(
    scope="session",
    params=[name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in METRICS],
)
def each_metric(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FeatureMetric:
    """Every registered metric: with random weights where `given_weights` has a writer, else with its own."""
    if request.param in WRITERS:
        metric = load_with_random_weights(request.param, tmp_path_factory.mktemp("weights"))
    else:
        metric = load_metric(request.param)
    if isinstance(metric, ELPIPS):
        metric.draws = 2  # instead of 50, each of which is a VGG-16
    return metric


@pytest.fixture(scope="session")
def alex() -> FeatureMetric:
    return load_metric("stlpips-alex")


@pytest.fixture(scope="session")
def published() -> Callable[[str], Any]:
    """The authors' distance for `alex` or `vgg`, as a function of two images in [0, 1]."""
    models: dict[str, Any] = {}

    def distance(network: str) -> Callable[[torch.Tensor, torch.Tensor], float]:
        if network not in models:
            models[network] = published_stlpips(network)

        def of_pair(reference: torch.Tensor, image: torch.Tensor) -> float:
            with torch.no_grad():
                return float(models[network](reference, image, normalize=True))

        return of_pair

    return distance


@pytest.fixture
def study_folder(tmp_path: Path, photographs: dict[str, Pixels]) -> Iterator[Path]:
    """A study folder with a manifest: two photographs, 32 × 32 pixels, shifts of 0, 1 and 3 pixels."""
    folder = tmp_path / "my-study"
    (folder / "stimuli").mkdir(parents=True)
    rows = []
    for image, name in (("00000", "astronaut"), ("00001", "china")):
        for shift_px in (0, 1, 3):
            stimulus_file = f"stimuli/{image}_{shift_px}.png"
            pixels = photographs[name][90:122, 70 + shift_px : 102 + shift_px]
            Image.fromarray(pixels).save(folder / stimulus_file)
            row = dict.fromkeys(COLUMNS, "")
            row |= {
                "schema": "shift-study/manifest/1",
                "pair": f"{image}_n-{shift_px}",
                "image": image,
                "shift_px": str(shift_px),
                "direction": "right",
                "reference_file": f"stimuli/{image}_0.png",
                "stimulus_file": stimulus_file,
                "source_file": name,
                "source_sha256": "0" * 64,
                "crop_x": "70",
                "crop_y": "90",
                "size": "32",
                "reference_sha256": _digest(photographs[name][90:122, 70:102]),
                "stimulus_sha256": _digest(pixels),
            }
            rows.append(row)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    yield folder


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
