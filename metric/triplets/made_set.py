"""A set of BAPPS's layout made from photographs: for tests, teaching and dry runs. Nobody has looked at it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from metric.errors import MetricError
from metric.pixels import Pixels
from metric.triplets.judged_folders import JND, TWO_AFC, Layout
from metric.triplets.photograph_files import Photograph
from metric.triplets.triplet import HUMAN

METADATA = "made.json"
SCHEMA = "shift-study/made-bapps/1"
STRENGTH = "strength"
_COLUMNS = ("set", "category", "sample", "image", "photograph", "x", "y", "distortion", "strength", "amount")
Amount = Callable[[Pixels, Sequence[Pixels]], Sequence[float]]
"""Of a reference and images, how far each is from it."""
_HELD_OUT = 6
"""Names the draw of the photographs that are held out; `_Part` has those of others."""


@dataclass(frozen=True)
class _Part:
    """A split of a layout. `draws` and `votes` name the draws of its images and votes, after the seed."""

    layout: Layout
    split: str
    photographs: Sequence[Photograph]
    count: int
    draws: int
    votes: int


@dataclass(frozen=True)
class MadeSet:
    """What is to be made.

    Attributes:
        count: triplets in each category of the split `val`, and pairs in each of the JND sets.
        size_px: width and height of an image.
        seed: the same gives the same set, with the same versions of NumPy, SciPy and Pillow.
        votes: `strength`, or the name of a metric whose distances the votes follow.
        hold_out: photographs that `val` and the pairs are of, while the others make a split `train`; 0 makes no such
            split, and uses all.
        train_count: triplets in each category of `train`; None: as many as `count`.
        enlarged: how many times each pixel stands in the files, across and down. Patches of `size_px` are cut and
            distorted first; metrics that votes follow see the enlarged ones.
    """

    count: int = 20
    size_px: int = 256
    seed: int = 0
    votes: str = STRENGTH
    hold_out: int = 0
    train_count: int | None = None
    enlarged: int = 1

    @property
    def to_train(self) -> int:
        """Triplets in each category of `train`, 0 where there is no such split."""
        if not self.hold_out:
            return 0
        return self.count if self.train_count is None else self.train_count

    def make(
        self, photographs: Sequence[Photograph], folder: Path, advance: Callable[[], object] = lambda: None
    ) -> Path:
        """Writes the set into `folder`, whole or not at all, and gives the file that says that its votes are not human.

        Args:
            photographs: those that are smaller than `size_px` are not used.
            folder: must not exist, or be empty.
            advance: called after each triplet and each pair.

        Raises:
            MetricError: for a folder that has something in it or cannot be written, photographs that are all too
                small or no more than are held out, and a metric that is none or gives no distances of 0 and more.
        """
        if folder.name in ("", ".."):
            raise MetricError(f"{folder} has no name of its own; give a folder that is to be made, with -o.")
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise MetricError(f"{folder} exists already; give a folder that does not, with -o.")
        large = [photograph for photograph in photographs if min(photograph.width, photograph.height) >= self.size_px]
        if not large:
            raise MetricError(
                f"Not one of {len(photographs)} photographs has {self.size_px} × {self.size_px} pixels; give larger "
                "ones, or a smaller --size."
            )
        train, val = self._split(large)
        amount = None if self.votes == STRENGTH else _distances(self.votes)
        draft = folder.with_name(f".{folder.name}.draft")
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            try:
                self._write(draft, train, val, amount, advance)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise MetricError(f"{folder} cannot be written: {error.strerror or error}.") from error
        return folder / METADATA

    def _split(self, photographs: Sequence[Photograph]) -> tuple[list[Photograph], list[Photograph]]:
        """Photographs to train on and those held out, no picture on both sides, under whatever names it stands."""
        if not self.hold_out:
            return [], list(photographs)
        pictures = sorted({photograph.sha256 for photograph in photographs})
        if self.hold_out >= len(pictures):
            raise MetricError(
                f"--hold-out {self.hold_out} of {len(pictures)} different photographs of {self.size_px} × "
                f"{self.size_px} pixels leaves none to train on; hold out fewer, or give more photographs."
            )
        chosen = np.random.default_rng([self.seed, _HELD_OUT]).permutation(len(pictures))[: self.hold_out]
        held_out = {pictures[place] for place in chosen}
        return (
            [photograph for photograph in photographs if photograph.sha256 not in held_out],
            [photograph for photograph in photographs if photograph.sha256 in held_out],
        )

    def _write(
        self,
        folder: Path,
        train: Sequence[Photograph],
        val: Sequence[Photograph],
        amount: Amount | None,
        advance: Callable[[], object],
    ) -> None:
        from metric.triplets.made_votes import preference_shares, same_shares

        rows: list[tuple[object, ...]] = []
        parts = [
            _Part(TWO_AFC, "val", val, self.count, draws=0, votes=2),
            _Part(JND, "val", val, self.count, draws=1, votes=3),
        ]
        if train:
            parts.append(_Part(TWO_AFC, "train", train, self.to_train, draws=4, votes=5))
        for part in parts:
            layout = part.layout
            judged: list[tuple[Path, list[float]]] = []
            for place, category in enumerate(layout.categories):
                home = folder / layout.folder / part.split / category
                for name in layout.parts:
                    (home / name).mkdir(parents=True)
                for sample in range(part.count):
                    generator = np.random.default_rng([self.seed, part.draws, place, sample])
                    name = f"{sample:06d}"
                    amounts = self._sample(home, layout.images, name, part.photographs, amount, generator, rows)
                    judged.append((home / layout.judgments / f"{name}.npy", amounts))
                    advance()
            generator = np.random.default_rng([self.seed, part.votes])
            found = np.array([amounts for _, amounts in judged])
            if layout is TWO_AFC:
                shares = preference_shares(found[:, 0], found[:, 1], generator)
            else:
                shares = same_shares(found[:, 0], generator)
            for (path, _), share in zip(judged, shares, strict=True):
                np.save(path, np.array([share], np.float32))
        with (folder / "distortions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*_COLUMNS, "split") if train else _COLUMNS)
            writer.writerows(rows)
        metadata = self._metadata(train, val)
        (folder / METADATA).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")

    def _sample(
        self,
        home: Path,
        images: Sequence[str],
        sample: str,
        photographs: Sequence[Photograph],
        amount: Amount | None,
        generator: np.random.Generator,
        rows: list[tuple[object, ...]],
    ) -> list[float]:
        """Writes one triplet or pair, and gives how distorted its images are."""
        from metric.triplets.distortions import distort

        taken = photographs[int(generator.integers(len(photographs)))]
        x, y = (int(generator.integers(side - self.size_px + 1)) for side in (taken.width, taken.height))
        reference = taken.read()[y : y + self.size_px, x : x + self.size_px]
        most = 1.0 if len(images) > 2 else 0.5
        made = [distort(reference, home.name, generator.uniform(0.02, most), generator) for _ in images[1:]]
        shown, *others = (_enlarged(pixels, self.enlarged) for pixels in (reference, *(each.pixels for each in made)))
        amounts = [each.strength for each in made] if amount is None else list(amount(shown, others))
        for part, pixels in zip(images, [shown, *others], strict=True):
            Image.fromarray(pixels).save(home / part / f"{sample}.png")
        layout, split = home.parents[1].name, (home.parent.name,) if self.hold_out else ()
        what = (layout, home.name, sample)
        rows.extend(
            (*what, part, taken.name, x, y, each.distortion, f"{each.strength:.4f}", repr(value), *split)
            for part, each, value in zip(images[1:], made, amounts, strict=True)
        )
        return amounts

    def _metadata(self, train: Sequence[Photograph], val: Sequence[Photograph]) -> dict[str, object]:
        from metric.triplets.made_votes import EXPONENT, RULE, VOTES_PER_PAIR, VOTES_PER_TRIPLET

        what = "strength of its distortion" if self.votes == STRENGTH else f"distance under {self.votes}"
        metadata = {
            "schema": SCHEMA,
            "votes_are_human": False,
            "note": "Nobody looked at these images: their votes were drawn by a rule.",
            "votes": f"rule: {self.votes}",
            "rule": RULE(triplet=VOTES_PER_TRIPLET, pair=VOTES_PER_PAIR, exponent=EXPONENT, amount=what),
            "seed": self.seed,
            "count": self.count,
            "size_px": self.size_px,
            "made_with": {name: version(name) for name in ("shift-study", "numpy", "pillow", "scipy")},
            "photographs": {photograph.name: photograph.sha256 for photograph in (*train, *val)},
        }
        if self.enlarged > 1:
            metadata["enlarged"] = self.enlarged
        if train:
            metadata["train_count"] = self.to_train
            metadata["splits"] = {
                split: [photograph.name for photograph in photographs]
                for split, photographs in (("train", train), ("val", val))
            }
        return metadata


def votes_of(data: Path) -> str:
    """`human`, or the rule by which the votes of a set were made, by the file beside its folders.

    Raises:
        MetricError: where that file is damaged.
    """
    places = (set_home(data.absolute()) / METADATA, set_home(data.resolve()) / METADATA)
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        return HUMAN
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["votes"])
    except (ValueError, KeyError, TypeError) as error:
        raise MetricError(f"{path} does not say how the votes were made; make the set again.") from error


def set_home(data: Path) -> Path:
    """The folder of a set, of which `data` may be the part that has the triplets, or a split."""
    parts = (TWO_AFC.folder, JND.folder)
    if data.name in ("val", "train") and data.parent.name in parts:
        return data.parent.parent
    return data.parent if data.name in parts else data


def _enlarged(pixels: Pixels, times: int) -> Pixels:
    """Each pixel `times` × `times` times: no filter that would have to be chosen, and none that blurs."""
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def _distances(metric: str) -> Amount:
    from metric.scoring.arrays import ArrayScorer

    scorer = ArrayScorer.of([metric])

    def amounts(reference: Pixels, images: Sequence[Pixels]) -> Sequence[float]:
        values = [value for (value,) in scorer(reference, images)]
        if min(values) < 0:
            raise MetricError(f"{metric} gives {min(values):g}; votes need distances from 0 on, as of lpips-alex.")
        return values

    return amounts
