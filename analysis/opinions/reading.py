"""Opinion scores from a CSV file or the folder of a published set, and distances for their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.agreement.csv_rows import Row
from analysis.agreement.distances import PairName, read_metrics
from analysis.errors import AnalysisError
from analysis.opinions.opinion_csv import read_opinion_csv
from analysis.opinions.opinion_table import Opinions, pair_key
from analysis.opinions.set_folders import read_set_folder


def read_opinions(source: Path, *, higher_is_worse: bool | None = None) -> Opinions:
    """The opinions of a file or a folder.

    Args:
        source: a CSV file (see `read_opinion_csv`), or a folder of TID2013, KADID-10k or PIPAL.
        higher_is_worse: whether a higher score of a CSV file says that people saw more difference, as DMOS often
            does; a folder's layout says so itself.

    Raises: `AnalysisError` where there is no such thing, or it cannot be read.
    """
    if source.is_dir():
        found = read_set_folder(source)
        if higher_is_worse is not None and higher_is_worse != found.higher_is_worse:
            raise AnalysisError(
                f"{source} has the layout of {found.name}, whose scores are higher for better images; leave out "
                "--higher-is-worse."
            )
        return found
    if not source.exists():
        raise AnalysisError(f"There is no {source}; name a CSV file of scores, or a folder that has them.")
    return read_opinion_csv(source, higher_is_worse=bool(higher_is_worse))


def _key(row: Row) -> str:
    return pair_key((row["reference"] or "").strip(), (row["image"] or "").strip())


BY_IMAGE = PairName(("reference", "image", "distance"), _key)
"""How distances name the images of opinions."""


def read_image_distances(files: Sequence[str]) -> tuple[dict[str, dict[str, float]], dict[str, Path]]:
    """Distances of metrics for the images of opinions: metric → `pair_key` → distance, and metric → its file.

    Args and raises: as of `read_metrics`, with the columns `reference` and `image` in place of `pair`.
    """
    return read_metrics(files, BY_IMAGE)


@dataclass(frozen=True)
class RatedImage:
    """An image with a score and its reference: their names, and their files."""

    reference: str
    image: str
    reference_file: Path
    image_file: Path


def rated_images(opinions: Opinions) -> list[RatedImage]:
    """The images of the scores, with their files in the folder of the opinions, or below it.

    A name that is a path is one from that folder. Otherwise, and where letters differ in being capital, as in TID2013,
    a file of the name is looked for in all folders below.

    Raises: `AnalysisError` where a file is missing, or two have the name.
    """
    below: dict[str, list[Path]] = {}
    found: dict[str, Path] = {}
    references = set(opinions.references)
    for name in dict.fromkeys((*opinions.references, *opinions.images)):
        path = opinions.folder / name
        if not path.is_file():
            below = below or _files_below(opinions.folder)
            path = _only(name, below.get(Path(name).name.lower(), []), opinions.folder, name in references)
        found[name] = path
    return [
        RatedImage(reference, image, found[reference], found[image])
        for reference, image in zip(opinions.references, opinions.images, strict=True)
    ]


def _files_below(folder: Path) -> dict[str, list[Path]]:
    """Files in all folders below, by their names in small letters."""
    below: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            below.setdefault(path.name.lower(), []).append(path)
    return below


def _only(name: str, candidates: list[Path], folder: Path, is_reference: bool) -> Path:
    if not candidates:
        what = "reference" if is_reference else "image"
        raise AnalysisError(f"There is no {what} {name} in {folder} or below it; put it there, as the scores name it.")
    if len(candidates) > 1:
        raise AnalysisError(f"Both {candidates[0]} and {candidates[1]} could be {name}; keep one of them in {folder}.")
    return candidates[0]
