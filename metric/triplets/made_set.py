"""A set of BAPPS's layout made from photographs: for tests, teaching and dry runs. Nobody has looked at it."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from metric.errors import MetricError
from metric.pixels import Pixels, read_pixels
from metric.triplets.judged_folders import IMAGE_SUFFIXES, JND, TWO_AFC
from metric.triplets.triplet import HUMAN

METADATA = "made.json"
SCHEMA = "shift-study/made-bapps/1"
STRENGTH = "strength"
_COLUMNS = ("set", "category", "sample", "image", "photograph", "x", "y", "distortion", "strength", "amount")
Amount = Callable[[Pixels, Sequence[Pixels]], Sequence[float]]
"""Of a reference and images, how far each is from it."""


@dataclass(frozen=True)
class Photograph:
    """A photograph that is read when it is asked for; its SHA-256 is of its pixels, 8-bit RGB row by row."""

    name: str
    width: int
    height: int
    sha256: str
    read: Callable[[], Pixels]

    @classmethod
    def of(cls, name: str, read: Callable[[], Pixels]) -> Photograph:
        """The photograph that `read` gives."""
        pixels = read()
        digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        return cls(name, pixels.shape[1], pixels.shape[0], digest, read)


_read = lru_cache(maxsize=8)(read_pixels)
"""Of many photographs, few are in memory at a time."""


@dataclass(frozen=True)
class MadeSet:
    """What is to be made.

    Attributes:
        count: triplets in each category, and pairs in each of the JND sets.
        size_px: width and height of an image.
        seed: the same gives the same set, with the same versions of NumPy, SciPy and Pillow.
        votes: `strength`, or the name of a metric whose distances the votes follow.
    """

    count: int = 20
    size_px: int = 256
    seed: int = 0
    votes: str = STRENGTH

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
                small, and a metric that is none or gives no distances of 0 and more.
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
        amount = None if self.votes == STRENGTH else _distances(self.votes)
        draft = folder.with_name(f".{folder.name}.draft")
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            try:
                self._write(draft, large, amount, advance)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise MetricError(f"{folder} cannot be written: {error.strerror or error}.") from error
        return folder / METADATA

    def _write(
        self, folder: Path, photographs: Sequence[Photograph], amount: Amount | None, advance: Callable[[], object]
    ) -> None:
        from metric.triplets.made_votes import preference_shares, same_shares

        rows: list[tuple[object, ...]] = []
        for number, layout in enumerate((TWO_AFC, JND)):
            judged: list[tuple[Path, list[float]]] = []
            for place, category in enumerate(layout.categories):
                home = folder / layout.folder / "val" / category
                for part in layout.parts:
                    (home / part).mkdir(parents=True)
                for sample in range(self.count):
                    generator = np.random.default_rng([self.seed, number, place, sample])
                    amounts = self._sample(home, layout.images, f"{sample:06d}", photographs, amount, generator, rows)
                    judged.append((home / layout.judgments / f"{sample:06d}.npy", amounts))
                    advance()
            generator = np.random.default_rng([self.seed, 2 + number])
            found = np.array([amounts for _, amounts in judged])
            if layout is TWO_AFC:
                shares = preference_shares(found[:, 0], found[:, 1], generator)
            else:
                shares = same_shares(found[:, 0], generator)
            for (path, _), share in zip(judged, shares, strict=True):
                np.save(path, np.array([share], np.float32))
        with (folder / "distortions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows(rows)
        (folder / METADATA).write_text(json.dumps(self._metadata(photographs), indent=2) + "\n", encoding="utf-8")

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
        if amount is None:
            amounts = [each.strength for each in made]
        else:
            amounts = list(amount(reference, [each.pixels for each in made]))
        for part, pixels in zip(images, [reference, *(each.pixels for each in made)], strict=True):
            Image.fromarray(pixels).save(home / part / f"{sample}.png")
        layout = home.parents[1].name
        rows.extend(
            (layout, home.name, sample, part, taken.name, x, y, each.distortion, f"{each.strength:.4f}", repr(value))
            for part, each, value in zip(images[1:], made, amounts, strict=True)
        )
        return amounts

    def _metadata(self, photographs: Sequence[Photograph]) -> dict[str, object]:
        from metric.triplets.made_votes import EXPONENT, RULE, VOTES_PER_PAIR, VOTES_PER_TRIPLET

        what = "strength of its distortion" if self.votes == STRENGTH else f"distance under {self.votes}"
        return {
            "schema": SCHEMA,
            "votes_are_human": False,
            "note": "Nobody looked at these images: their votes were drawn by a rule.",
            "votes": f"rule: {self.votes}",
            "rule": RULE(triplet=VOTES_PER_TRIPLET, pair=VOTES_PER_PAIR, exponent=EXPONENT, amount=what),
            "seed": self.seed,
            "count": self.count,
            "size_px": self.size_px,
            "made_with": {name: version(name) for name in ("shift-study", "numpy", "pillow", "scipy")},
            "photographs": {photograph.name: photograph.sha256 for photograph in photographs},
        }


def photographs_in(folder: Path) -> tuple[list[Photograph], list[str]]:
    """Photographs of a folder and those below it, named by their path in it; and of what was left out, why.

    Raises:
        MetricError: where there is no readable image.
    """
    if not folder.is_dir():
        raise MetricError(f'There is no folder "{folder}" of photographs; name one, or demo.')
    found: list[Photograph] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            try:
                found.append(Photograph.of(path.relative_to(folder).as_posix(), partial(_read, path)))
            except MetricError as error:
                left_out.append(str(error))
    if not found:
        raise MetricError(f"{folder} has no readable image{': ' + left_out[0] if left_out else '.'}")
    return found, left_out


def votes_of(data: Path) -> str:
    """`human`, or the rule by which the votes of a set were made, by the file beside its folders.

    Raises:
        MetricError: where that file is damaged.
    """
    places = (_home(data.absolute()) / METADATA, _home(data.resolve()) / METADATA)
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        return HUMAN
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["votes"])
    except (ValueError, KeyError, TypeError) as error:
        raise MetricError(f"{path} does not say how the votes were made; make the set again.") from error


def _home(data: Path) -> Path:
    """The folder of a set, of which `data` may be the part that has the triplets, or a split."""
    parts = (TWO_AFC.folder, JND.folder)
    if data.name in ("val", "train") and data.parent.name in parts:
        return data.parent.parent
    return data.parent if data.name in parts else data


def _distances(metric: str) -> Amount:
    from metric.scoring.arrays import ArrayScorer

    scorer = ArrayScorer.of([metric])

    def amounts(reference: Pixels, images: Sequence[Pixels]) -> Sequence[float]:
        values = [value for (value,) in scorer(reference, images)]
        if min(values) < 0:
            raise MetricError(f"{metric} gives {min(values):g}; votes need distances from 0 on, as of lpips-alex.")
        return values

    return amounts
