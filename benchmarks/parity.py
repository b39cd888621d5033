"""How far our metrics are from the implementations that others published, on pairs of real photographs.

    python -m benchmarks.parity
    python -m benchmarks.parity --metric lpips-alex --json

The pairs, 49 at 64 × 64 and 49 at 256 × 256 pixels, are crops of seven photographs inside installed packages,
and the same crops shifted by 1 to 9 pixels, compressed as JPEG of quality 15, blurred or with noise. A difference
is relative to the original's value. Both compute in float32, as they are used, and at 64 pixels in float64 too:
where a crop is nearly flat, as the sky in three of them, distances are far below 0.001, and float32 leaves either
of both implementations further from the exact value than they are from each other in float64. `note` says what was
put into both, where it is not the published weights. A new metric is one more `Original` in `ORIGINALS`, or in a
tuple of another module.
"""

from __future__ import annotations

import argparse
import io
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

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
from metric.loading import find_spec, load_metric
from metric.pixels import Pixels, to_tensor
from metric.text_table import align
from metric.weights.finding import Weights

_CASES = {
    "64 px": (64, torch.float32),
    "256 px": (256, torch.float32),
    "64 px, float64": (64, torch.float64),
}

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


Both: TypeAlias = tuple[FeatureMetric, Distance]
Build: TypeAlias = Callable[[], Both]


@dataclass(frozen=True)
class Original:
    """One of our metrics, and the implementation that it is compared with.

    Attributes:
        name: the implementation, with its version.
        metric: our name.
        build: gives both, ours and theirs, with the same weights; None where the original cannot run.
        note: what was put into both, or what was checked instead.
        build_float64: the same as `build` with both in float64, or None.
    """

    name: str
    metric: str
    build: Build | None
    note: str = ""
    build_float64: Build | None = None


@dataclass(frozen=True)
class Parity:
    """The largest relative differences of one metric, by size and type; None where the original cannot run."""

    metric: str
    original: str
    pairs: int
    largest_relative_difference: dict[str, float] | None
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
    largest = {}
    for case, (size_px, dtype) in _CASES.items():
        build = original.build if dtype == torch.float32 else original.build_float64
        if build is None:
            continue
        pairs = photograph_pairs(size_px)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # those of the originals
            ours, theirs = build()
            found = [(ours.compare(*(image.to(dtype) for image in pair)).item(), theirs(*pair)) for pair in pairs]
        largest[case] = max(abs(mine - expected) / abs(expected) for mine, expected in found)
    return Parity(original.metric, original.name, len(pairs), largest, original.note)


def _backbone(metric: str) -> dict[str, Tensor]:
    return Weights(metric, find_spec(metric).weights, {}).read("backbone")


def _stlpips(network: str, dtype: torch.dtype) -> Both:
    return load_metric(f"stlpips-{network}").to(dtype), original_stlpips(network, dtype=dtype)


def _lpips(network: str, dtype: torch.dtype) -> Both:
    theirs = original_lpips(network, _backbone(f"lpips-{network}"), dtype=dtype)
    return load_metric(f"lpips-{network}").to(dtype), theirs


def _load_with(metric: str, role: str, state: dict[str, Tensor]) -> FeatureMetric:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save(state, path)
        return load_metric(metric, weights={role: path})


def _squeeze(dtype: torch.dtype) -> Both:
    backbone = seeded_squeezenet()
    theirs = original_lpips("squeeze", backbone, dtype=dtype)
    return _load_with("lpips-squeeze", "backbone", backbone).to(dtype), theirs


def _vanilla(network: str, dtype: torch.dtype) -> Both:
    theirs, state = original_vanilla(network, seed=3, dtype=dtype)
    return _load_with(f"vanilla-{network}", "all", state).to(dtype), theirs


def _dists(dtype: torch.dtype) -> Both:
    return load_metric("dists").to(dtype), original_dists(_backbone("dists"), dtype=dtype)


_RANDOM = "the same random weights in both"


def _original(name: str, metric: str, build: Callable[[torch.dtype], Both], note: str = "") -> Original:
    return Original(name, metric, partial(build, torch.float32), note, partial(build, torch.float64))


ORIGINALS = (
    _original("stlpips_pytorch 0.0.2", "stlpips-alex", partial(_stlpips, "alex")),
    _original("stlpips_pytorch 0.0.2", "stlpips-vgg", partial(_stlpips, "vgg")),
    _original("lpips 0.1.4", "lpips-alex", partial(_lpips, "alex")),
    _original("lpips 0.1.4", "lpips-vgg", partial(_lpips, "vgg")),
    _original("lpips 0.1.4", "lpips-squeeze", _squeeze, f"its channel weights; of the backbone, {_RANDOM}"),
    _original("stlpips_pytorch 0.0.2, plain", "vanilla-alex", partial(_vanilla, "alex"), _RANDOM),
    _original("stlpips_pytorch 0.0.2, plain", "vanilla-vgg", partial(_vanilla, "vgg"), _RANDOM),
    _original("DISTS_pytorch 0.1", "dists", _dists, "the original subtracts nearly equal numbers in float32"),
)


def parity_table(found: Sequence[Parity]) -> str:
    """One metric a line."""
    rows = [("metric", "original", "pairs", *_CASES, "note")]
    for row in found:
        largest = row.largest_relative_difference
        cells = [f"{largest[case]:.1e}" if largest and case in largest else "–" for case in _CASES]
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
