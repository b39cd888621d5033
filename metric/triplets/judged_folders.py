"""Folders of images with a NumPy file of one number for each: the layout of BAPPS (Zhang et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metric.errors import MetricError
from metric.triplets.triplet import Triplet, TripletSet, files_as_they_are

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True)
class Layout:
    """Where a set lies: `FOLDER/SPLIT/CATEGORY/{images..., judgments}`.

    Attributes:
        name: what the table of scores calls it.
        what: what an error calls it.
        folder: the folder of the splits, such as `2afc`.
        images: the folders of images; the first is the reference's.
        judgments: the folder of NumPy files.
        categories: those that BAPPS has, in the order of its publication.
    """

    name: str
    what: str
    folder: str
    images: tuple[str, ...]
    judgments: str
    categories: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """All folders that a category has."""
        return (*self.images, self.judgments)


TWO_AFC = Layout(
    "bapps",
    "BAPPS's 2AFC set",
    "2afc",
    ("ref", "p0", "p1"),
    "judge",
    ("traditional", "cnn", "superres", "deblur", "color", "frameinterp"),
)
JND = Layout("bapps-jnd", "BAPPS's JND set", "jnd", ("p0", "p1"), "same", ("traditional", "cnn"))


SPLITS = ("train", "val")


def read_folders(
    data: Path,
    layout: Layout,
    split: str = "val",
    *,
    votes: str = "human",
    skip_bad: bool = False,
    only: Sequence[str] = (),
    advance: Callable[[], object] = lambda: None,
) -> TripletSet:
    """The judged triplets or pairs of all categories of a split, those of a category by name.

    Args:
        data: the folder that has `2afc` (or `jnd`), or that one, or the split in it.
        layout: `TWO_AFC` or `JND`.
        split: `val` or `train`.
        votes: whose the judgments are.
        skip_bad: leave out what lacks a file or a readable judgment, and list it.
        only: categories that are read; none stands for all.
        advance: called after each triplet or pair.

    Raises:
        MetricError: for a folder of another layout, a category of `only` that is not there, one without one of its
            folders, a file without its partners, and a judgment that is unreadable or outside [0, 1].
    """
    root, categories = _find(data, layout, split)
    unknown = [category for category in only if category not in categories]
    if unknown:
        raise MetricError(f'{root} has no category "{unknown[0]}"; there are {", ".join(categories)}.')
    if only:
        categories = [category for category in categories if category in only]
    bad: list[str] = []

    def refuse(sentence: str) -> None:
        if not skip_bad:
            raise MetricError(sentence)
        bad.append(sentence)

    triplets = []
    for category in categories:
        for triplet in _category(root / category, layout, refuse):
            triplets.append(triplet)
            advance()
    if not triplets:
        raise MetricError(f"{root} has no {layout.what} to score{': ' + bad[0] if bad else '; its folders are empty.'}")
    lacking = [category for category in layout.categories if category not in categories]
    notes = []
    # A set of other categories alone is nobody's part of BAPPS.
    if split == "val" and not only and 0 < len(lacking) < len(layout.categories):
        notes.append(f"{root} has no {', '.join(lacking)}: means are over {len(categories)} categories.")
    return TripletSet(layout.name, triplets, votes, bad=bad, notes=notes)


def splits_in(data: Path, layout: Layout) -> tuple[str, ...]:
    """Which of the splits lie in a folder that has `2afc` (or `jnd`), or in that one."""
    return tuple(
        split
        for split in SPLITS
        if any(_categories(root, layout) for root in (data / layout.folder / split, data / split))
    )


def _find(data: Path, layout: Layout, split: str) -> tuple[Path, list[str]]:
    places = [data / layout.folder / split, data / split, data]
    for root in places:
        categories = _categories(root, layout)
        if categories:
            return root, categories
    found = sorted(path.name for path in data.iterdir())[:8] if data.is_dir() else None
    there = f"found {', '.join(found) or 'nothing'}" if found is not None else "there is no such folder"
    looked = f"{layout.folder}/{split}/{{{','.join(layout.categories)}}}/{{{','.join(layout.parts)}}}"
    raise MetricError(f"{data} is not {layout.what}: looked for {looked}, {there}.")


def _categories(root: Path, layout: Layout) -> list[str]:
    if not root.is_dir():
        return []
    found = {path.name for path in root.iterdir() if (path / layout.images[0]).is_dir()}
    known = [name for name in layout.categories if name in found]
    return known + sorted(found - set(known))


def _category(folder: Path, layout: Layout, refuse: Callable[[str], None]) -> Iterator[Triplet]:
    for part in layout.parts:
        if not (folder / part).is_dir():
            raise MetricError(f"{folder} has no folder {part}; a category has {', '.join(layout.parts)}.")
    files = {part: _by_stem(folder / part, IMAGE_SUFFIXES) for part in layout.images}
    files[layout.judgments] = _by_stem(folder / layout.judgments, (".npy",))
    for stem in sorted(set().union(*files.values())):
        lacking = [part for part in layout.parts if stem not in files[part]]
        if lacking:
            counts = ", ".join(f"{len(files[part])} in {part}" for part in layout.parts)
            have = next(files[part][stem] for part in layout.parts if stem in files[part])
            refuse(f"{have} has no partner in {folder / lacking[0]} ({counts}).")
            continue
        images = [files[part][stem] for part in layout.images]
        try:
            judge, stamp = read_judgment(files[layout.judgments][stem]), files_as_they_are(images)
        except MetricError as error:
            refuse(str(error))
            continue
        yield Triplet(
            category=folder.name,
            sample=stem,
            reference=images[0],
            compared=tuple(images[1:]),
            judge=judge,
            reference_name=f"{folder.name}/{layout.images[0]}/{images[0].name}",
            images=stamp,
        )


def _by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            if path.stem in found:
                raise MetricError(f"{path} and {found[path.stem].name} have one name; remove one of them.")
            found[path.stem] = path
    return found


def read_judgment(path: Path) -> float:
    """The one number of a NumPy file, in [0, 1]: 0.2 where it is the single nearest to it.

    Raises:
        MetricError: for a file that is no such array, and a number outside [0, 1].
    """
    try:
        with path.open("rb") as file:  # NumPy would leave it open where it raises
            array = np.load(file, allow_pickle=False)
    except Exception as error:  # of a damaged file, NumPy raises whatever comes
        raise MetricError(f"{path} cannot be read as a NumPy file: {error}.") from error
    if not isinstance(array, np.ndarray) or array.size != 1 or array.dtype.kind not in "fiub":
        raise MetricError(f"{path} does not hold one number; a judgment is the share of people, in [0, 1].")
    value = float(str(array.reshape(-1)[0])) if array.dtype.kind == "f" else float(array.reshape(-1)[0])
    if not 0 <= value <= 1:
        raise MetricError(f"{path} holds {value:g}; a judgment is the share of people, in [0, 1].")
    return value
