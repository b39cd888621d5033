"""Photographs that other packages install: what features of real images are measured on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from metric.errors import MetricError
from metric.pixels import Pixels, read_pixels

_FILES = {
    "astronaut": ("scikit-image", "skimage/data/astronaut.png"),
    "chelsea": ("scikit-image", "skimage/data/chelsea.png"),
    "coffee": ("scikit-image", "skimage/data/coffee.png"),
    "motorcycle": ("scikit-image", "skimage/data/motorcycle_left.png"),
    "rocket": ("scikit-image", "skimage/data/rocket.jpg"),
    "china": ("scikit-learn", "sklearn/datasets/images/china.jpg"),
    "flower": ("scikit-learn", "sklearn/datasets/images/flower.jpg"),
}


def read_photographs() -> dict[str, Pixels]:
    """8-bit RGB values (H, W, 3) of seven photographs, by name.

    Raises:
        MetricError: where the package that carries one, or its file, is missing.
    """
    return {name: read_pixels(_locate(package, path)) for name, (package, path) in _FILES.items()}


def _locate(package: str, path: str) -> Path:
    try:
        file = Path(str(distribution(package).locate_file(path)))
    except PackageNotFoundError:
        raise MetricError(
            f"The package {package}, which carries photographs, is not installed: pip install {package}"
        ) from None
    if not file.is_file():
        raise MetricError(
            f"The package {package} lacks its photograph {file.name}; install it again: pip install {package}"
        )
    return file
