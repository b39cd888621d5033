"""How far our metrics are from the implementations that others published, on pairs of real photographs.

    python -m benchmarks.parity
    python -m benchmarks.parity --metric lpips-alex --json

The pairs, 49 at 64 × 64 and 49 at 256 × 256 pixels, are crops of seven photographs inside installed packages,
and the same crops shifted by 1 to 9 pixels, compressed as JPEG of quality 15, blurred or with noise. A difference
is relative to the original's value. `note` says what was put into both, where it is not the published weights. A
new metric is one more `Original` in `ORIGINALS`, or in a tuple of another module.
"""

from __future__ import annotations

import argparse
import io
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from tqdm import tqdm

from benchmarks.originals import (
    Distance,
    original_dists,
    original_lpips,
    original_stlpips,
    original_vanilla,
    seeded_squeezenet,
)
from metric.interface import FeatureMetric
from metric.registry import find_spec, load_metric
from metric.scoring.images import Pixels, to_tensor
from metric.tables import align
from metric.weights.finding import Weights

SIZES_PX = (64, 256)

_PHOTOGRAPHS = (
    ("scikit-image", "skimage/data/astronaut.png"),
    ("scikit-image", "skimage/data/coffee.png"),
    ("scikit-image", "skimage/data/chelsea.png"),
    ("scikit-image", "skimage/data/rocket.jpg"),
    ("scikit-learn", "sklearn/datasets/images/china.jpg"),
    ("scikit-learn", "sklearn/datasets/images/flower.jpg"),
    ("scikit-image", "skimage/data/motorcycle_left.png"),
)
_TOP, _LEFT = 30, 50
_SHIFTS = (1, 2, 3, 5, 7, 9)


@dataclass(frozen=True)
class Original:
    """One of our metrics, and the implementation that it is compared with.

    Attributes:
        name: the implementation, with its version.
        metric: our name.
        build: gives both, ours and theirs, with the same weights; None where the original cannot run.
        note: what was put into both, or what was checked instead.
    """

    name: str
    metric: str
    build: Callable[[], tuple[FeatureMetric, Distance]] | None
    note: str = ""


@dataclass(frozen=True)
class Parity:
    """The largest relative differences of one metric, by size in pixels; None where the original cannot run."""

    metric: str
    original: str
    pairs: int
    largest_relative_difference: dict[int, float] | None
    note: str


def photograph_pairs(size_px: int) -> list[tuple[Tensor, Tensor]]:
    """49 pairs (1, 3, size, size) of real photographs: 42 shifted by 1 to 9 pixels, 7 distorted otherwise."""
    pairs = []
    for index, (package, path) in enumerate(_PHOTOGRAPHS):
        pixels = np.asarray(Image.open(str(distribution(package).locate_file(path))).convert("RGB"))
        rows = pixels[_TOP : _TOP + size_px]
        reference = rows[:, _LEFT : _LEFT + size_px]
        shifted = [rows[:, _LEFT + shift_px : _LEFT + shift_px + size_px] for shift_px in _SHIFTS]
        distorted = _DISTORTIONS[index % len(_DISTORTIONS)](reference)
        pairs += [(to_tensor(reference), to_tensor(image)) for image in (*shifted, distorted)]
    return pairs


def _compress(pixels: Pixels) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=15)
    return np.asarray(Image.open(buffer))


def _blur(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1.5)))


def _add_noise(pixels: Pixels) -> Pixels:
    noise = np.random.default_rng(0).normal(0, 10, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


_DISTORTIONS = (_compress, _blur, _add_noise)


def compare(original: Original) -> Parity:
    """Both on all pairs of both sizes."""
    if original.build is None:
        return Parity(original.metric, original.name, 0, None, original.note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the originals
        ours, theirs = original.build()
        largest = {}
        for size_px in SIZES_PX:
            pairs = photograph_pairs(size_px)
            with torch.no_grad():
                found = [(ours(*pair).item(), theirs(*pair)) for pair in pairs]
            largest[size_px] = max(abs(mine - expected) / abs(expected) for mine, expected in found)
    return Parity(original.metric, original.name, len(pairs), largest, original.note)


def _backbone(metric: str) -> dict[str, Tensor]:
    return Weights(metric, find_spec(metric).weights, {}).read("backbone")


def _stlpips(network: str) -> tuple[FeatureMetric, Distance]:
    return load_metric(f"stlpips-{network}"), original_stlpips(network)


def _lpips(network: str) -> tuple[FeatureMetric, Distance]:
    return load_metric(f"lpips-{network}"), original_lpips(network, _backbone(f"lpips-{network}"))


def _load_with(metric: str, role: str, state: dict[str, Tensor]) -> FeatureMetric:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save(state, path)
        return load_metric(metric, weights={role: path})


def _squeeze() -> tuple[FeatureMetric, Distance]:
    backbone = seeded_squeezenet()
    return _load_with("lpips-squeeze", "backbone", backbone), original_lpips("squeeze", backbone)


def _vanilla(network: str) -> tuple[FeatureMetric, Distance]:
    theirs, state = original_vanilla(network, seed=3)
    return _load_with(f"vanilla-{network}", "all", state), theirs


def _dists(dtype: torch.dtype) -> tuple[FeatureMetric, Distance]:
    return load_metric("dists"), original_dists(_backbone("dists"), dtype=dtype)


_RANDOM = "the same random weights in both"
ORIGINALS = (
    Original("stlpips_pytorch 0.0.2", "stlpips-alex", lambda: _stlpips("alex")),
    Original("stlpips_pytorch 0.0.2", "stlpips-vgg", lambda: _stlpips("vgg")),
    Original("lpips 0.1.4", "lpips-alex", lambda: _lpips("alex")),
    Original("lpips 0.1.4", "lpips-vgg", lambda: _lpips("vgg")),
    Original("lpips 0.1.4", "lpips-squeeze", _squeeze, f"its channel weights; of the backbone, {_RANDOM}"),
    Original("stlpips_pytorch 0.0.2, plain", "vanilla-alex", lambda: _vanilla("alex"), _RANDOM),
    Original("stlpips_pytorch 0.0.2, plain", "vanilla-vgg", lambda: _vanilla("vgg"), _RANDOM),
    Original("DISTS_pytorch 0.1 in float64", "dists", lambda: _dists(torch.float64)),
    Original(
        "DISTS_pytorch 0.1 in float32", "dists", lambda: _dists(torch.float32), "the original's own rounding included"
    ),
)


def parity_table(found: Sequence[Parity]) -> str:
    """One metric a line."""
    rows = [("metric", "original", "pairs", *(f"at {size} px" for size in SIZES_PX), "note")]
    for row in found:
        largest = row.largest_relative_difference
        cells = [f"{largest[size]:.1e}" if largest else "–" for size in SIZES_PX]
        rows.append((row.metric, row.original, str(row.pairs), *cells, row.note))
    return align(rows)


def main(originals: Sequence[Original] = ORIGINALS) -> None:
    """Prints the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metric", action="append", help="only this metric of ours; may be given several times")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    chosen = [each for each in originals if not arguments.metric or each.metric in arguments.metric]
    found = [compare(each) for each in tqdm(chosen, unit="original")]
    print(json.dumps([asdict(row) for row in found], indent=2) if arguments.json else parity_table(found))


if __name__ == "__main__":
    main()
