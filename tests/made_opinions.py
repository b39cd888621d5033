"""Opinions and distances that are made by a rule, and files of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from analysis.opinions.opinion_table import Floats, Opinions


def made_opinions(
    references: int = 12, images: int = 10, error: float | None = 0.3, seed: int = 0
) -> tuple[Opinions, Floats]:
    """Opinions of so many images of each reference, and the true ones, which have a standard deviation of about 1."""
    generator = np.random.default_rng(seed)
    truth = 3 + (0.4 * generator.normal(size=(references, 1)) + generator.normal(size=(references, images))).ravel()
    score = truth + (error or 0.0) * generator.normal(size=truth.size)
    names = [(f"r{r:02d}.png", f"r{r:02d}_{i}.png") for r in range(references) for i in range(images)]
    return Opinions(
        "made",
        tuple(reference for reference, _ in names),
        tuple(image for _, image in names),
        score,
        None if error is None else np.full(truth.size, error),
        False,
        "made",
        Path(),
    ), truth


def distances_of(opinions: Opinions, values: Floats) -> Mapping[str, float]:
    """Distances under the names that they are looked up by."""
    return dict(zip(opinions.keys, values.tolist(), strict=True))


def write_distances(path: Path, opinions: Opinions, values: Floats) -> Path:
    """The same as a file."""
    lines = [
        f"{r},{i},{value!r}" for r, i, value in zip(opinions.references, opinions.images, values.tolist(), strict=True)
    ]
    path.write_text("\n".join(["reference,image,distance", *lines, ""]), encoding="utf-8")
    return path


def write_scores(path: Path, opinions: Opinions) -> Path:
    """The opinions as a file of scores with their errors."""
    head, errors = "reference,image,score", [""] * len(opinions.images)
    if opinions.standard_error is not None:
        head, errors = f"{head},standard_error", [f",{one!r}" for one in opinions.standard_error.tolist()]
    rows = zip(opinions.references, opinions.images, opinions.score.tolist(), errors, strict=True)
    path.write_text("\n".join([head, *(f"{r},{i},{s!r}{e}" for r, i, s, e in rows), ""]), encoding="utf-8")
    return path
