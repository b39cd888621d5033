"""The triplets of CLIC's perceptual metric track: a CSV file of original, two reconstructions, and the answer.

Each row is `O,A,B,answer`, without a header: the original, what two codecs made of it, and which of the two a rater
preferred, 0 = A, 1 = B (Challenge on Learned Image Compression 2021).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from metric.errors import MetricError
from metric.triplets.judged_folders import IMAGE_SUFFIXES
from metric.triplets.triplet import Triplet, TripletSet, files_as_they_are

CATEGORY = "clic"
_HEADERS = ({"o", "a", "b"}, {"original"}, {"reference"})


@dataclass(frozen=True)
class _Row:
    line: int
    original: str
    first: str
    second: str
    judge: float


def read_clic(data: Path, images: Path | None = None, *, skip_bad: bool = False) -> TripletSet:
    """The triplets of a file, those of one original together, in the order of its first appearance.

    Rows in which the original is one of the two images, or both are one file, test the rater and no metric: they are
    left out, and counted in a note.

    Args:
        data: the CSV file, or a folder that has one.
        images: the folder that has the images; by default that of the file. A name may be a path inside it, or the
            name or the end of the path of one file below it.
        skip_bad: leave out rows whose images are missing, and list them.

    Raises:
        MetricError: for a file that is none of this layout, an answer that is not from 0 to 1, and an image that is
            missing, or may be one of several.
    """
    file = _find(data)
    rows = list(_rows(file))
    asked = [row for row in rows if row.original not in (row.first, row.second) and row.first != row.second]
    if not asked:
        raise MetricError(f"{file} has no triplet of an original and two other images.")
    notes = []
    if len(asked) < len(rows):
        notes.append(f"Left out {len(rows) - len(asked)} of {len(rows)} rows, which do not ask about two images.")
    bad: list[str] = []
    locate = _Images(images or file.parent).locate
    triplets = list(_triplets(file, asked, locate, bad if skip_bad else None))
    if not triplets:
        raise MetricError(f"Not one of the images of {file} was found. {bad[0]}")
    order = {name: number for number, name in reversed(list(enumerate(t.reference_name for t in triplets)))}
    triplets.sort(key=lambda triplet: order[triplet.reference_name])
    return TripletSet("clic", triplets, shared_references=True, bad=bad, notes=notes)


def _find(data: Path) -> Path:
    if data.is_dir():
        files = sorted(data.glob("*.csv"))
        if len(files) != 1:
            found = ", ".join(path.name for path in files) or "none"
            raise MetricError(
                f"{data} is not a folder with CLIC's one CSV file of triplets (O,A,B,answer); found {found}: name it."
            )
        return files[0]
    if not data.is_file():
        raise MetricError(f"There is no file {data}; give CLIC's CSV file of triplets (O,A,B,answer).")
    return data


def _rows(file: Path) -> Iterator[_Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            for cells in reader:
                names = {cell.strip().lower() for cell in cells}
                if not any(cells) or (reader.line_num == 1 and any(header <= names for header in _HEADERS)):
                    continue
                if len(cells) != 4:
                    raise MetricError(
                        f"{file}, line {reader.line_num}, has {len(cells)} cells instead of four: original, image A, "
                        "image B, answer."
                    )
                original, first, second, answer = (cell.strip() for cell in cells)
                yield _Row(reader.line_num, original, first, second, _answer(answer, f"{file}, line {reader.line_num}"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise MetricError(f"{file} is not a CSV file in UTF-8: {error}.") from error


def _answer(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise MetricError(f'{where}: the answer is "{text}"; it is 0 for image A and 1 for image B.')
    return value


class _Images:
    """Files of images by the names that a table has for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, list[Path]] | None = None

    def locate(self, name: str) -> Path:
        path = PurePosixPath(name)
        if not path.is_absolute() and ".." not in path.parts and (self.folder / path).is_file():
            return self.folder / path
        if self._known is None:
            files = (each for each in sorted(self.folder.rglob("*")) if each.suffix.lower() in IMAGE_SUFFIXES)
            self._known = {}
            for each in files:
                self._known.setdefault(each.name, []).append(each)
        named = self._known.get(path.name, [])
        found = [each for each in named if each.parts[-len(path.parts) :] == path.parts] or named
        if not found:
            raise MetricError(f"There is no image {name} in {self.folder}; say where they are with --images.")
        if len(found) > 1:
            raise MetricError(f"{name} may be {found[0]} or {found[1]}; name the folder of one with --images.")
        return found[0]


def _triplets(
    file: Path, rows: Iterable[_Row], locate: Callable[[str], Path], bad: list[str] | None
) -> Iterator[Triplet]:
    for row in rows:
        try:
            files = [locate(name) for name in (row.original, row.first, row.second)]
            if len({*files}) < len(files):
                raise MetricError(f"two of {row.original}, {row.first} and {row.second} are one file; is one missing?")
            stamp = files_as_they_are(files)
        except MetricError as error:
            problem = MetricError(f"{file}, line {row.line}: {error}")
            if bad is None:
                raise problem from error
            bad.append(str(problem))
            continue
        yield Triplet(
            category=CATEGORY,
            sample=f"{row.line:06d}",
            reference=files[0],
            compared=(files[1], files[2]),
            judge=row.judge,
            reference_name=row.original,
            images=stamp,
        )
