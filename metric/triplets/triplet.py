"""A reference and two images of which people said which is more like it; and a pair that they called same or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from metric.errors import MetricError

HUMAN = "human"
"""What the column `votes` says where people judged."""


@dataclass(frozen=True)
class Triplet:
    """A judged triplet, or (with one image) a judged pair.

    Attributes:
        category: kind of distortion.
        sample: its name within its category.
        reference: the file of the reference.
        compared: the files of the images that are compared with it: p0 and p1 of a triplet.
        judge: share of people who preferred p1, in [0, 1]; of a pair, who called it the same. NaN: not known.
        reference_name: as the table of scores names the reference; triplets that share one are one cluster.
        images: which files these are, by their names, sizes and times, in few characters.
    """

    category: str
    sample: str
    reference: Path
    compared: tuple[Path, ...]
    judge: float
    reference_name: str
    images: str

    @property
    def key(self) -> str:
        """What a journal and an error call it."""
        return f"{self.category}/{self.sample}"


@dataclass(frozen=True)
class TripletSet:
    """Triplets (or pairs) in their order.

    Attributes:
        name: the layout that it was read from: `bapps`, `bapps-jnd`, `clic` or `two-afc`.
        triplets: at least one.
        votes: `human`, or the rule by which the votes were made.
        shared_references: whether triplets of one reference stand together, so that its features are worth keeping.
        bad: what was left out with `--skip-bad`, one sentence each.
        notes: what the user should know, one sentence each.
    """

    name: str
    triplets: Sequence[Triplet]
    votes: str = HUMAN
    shared_references: bool = False
    bad: Sequence[str] = field(default=())
    notes: Sequence[str] = field(default=())


def files_as_they_are(files: Sequence[Path]) -> str:
    """Changes when one of the files does: of their names, sizes and times of writing, 16 hexadecimal digits.

    Raises:
        MetricError: for a file that is not there.
    """
    digest = sha256()
    for path in files:
        try:
            found = path.stat()
        except OSError as error:
            raise MetricError(f"{path} cannot be read: {error.strerror or error}.") from error
        # With the name, for files of BMP are of one size, and an archive may write all at one time.
        name = "/".join(path.parts[-2:])
        digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
