"""Sets of BAPPS's layout to be trained on, with the number of votes behind each judgment where it is known."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from metric.errors import MetricError
from metric.training.checked_set import checked_set
from metric.training.configuration import DataPart
from metric.training.judged_set import JudgedSet
from metric.training.progress import Progress, silent
from metric.triplets.judged_folders import SPLITS, TWO_AFC, read_folders, splits_in
from metric.triplets.made_set import set_home, votes_of
from metric.triplets.triplet import Triplet

ANSWERS = "answers.csv"
"""Beside the sets that `shift-study bapps export` writes: the number of answers behind each judgment of each."""
_COLUMNS = ("folder", "name", "answers")


def read_judged_folders(
    data: Path,
    part: DataPart,
    *,
    split: str = "train",
    progress: Progress = silent,
) -> JudgedSet:
    """The triplets of a split, each weighted by its number of votes where `answers.csv` lies beside the set.

    Args:
        data: the folder that has `2afc`, or that one, or the split in it.
        part: which categories are read, and how large images are made.
        split: `train` or `val`.
        progress: told of each triplet, once for its judgment and once for its images.

    Raises:
        MetricError: where there is no such split, and as `read_folders` and `checked_set` do.
    """
    there = splits_in(data, TWO_AFC)
    if there and split not in there:
        raise MetricError(
            f"{data} has no split {split}, only {there[0]}: --split {there[0]} trains on it; shift-study bapps make "
            "--hold-out and shift-study bapps export --held-out write sets that have both."
        )
    with progress("Reading judgments", None) as advance:
        found = read_folders(data, TWO_AFC, split, votes=votes_of(data), only=part.categories, advance=advance)
    notes = list(found.notes)
    named = _split_named(data)
    if named not in (None, split):
        notes.append(f"{data} is the split {named}, and is what is trained on.")
    answers, said = _answers(data, found.triplets)
    notes += said
    return checked_set(str(data), found.triplets, answers, found.votes, part, notes=notes, progress=progress)


def _split_named(data: Path) -> str | None:
    """The split that a path is of by its name."""
    name = data.absolute().name
    return name if name in SPLITS else None


def _answers(data: Path, triplets: Sequence[Triplet]) -> tuple[list[float] | None, list[str]]:
    """Answers behind each judgment, None where they are not known; and what is to be said of it."""
    home = set_home(data.absolute())
    path = home.parent / ANSWERS
    if not path.is_file():
        return None, []
    counts: dict[str, float] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if not set(_COLUMNS) <= set(rows.fieldnames or ()):
                return None, [f"{path} has no columns {', '.join(_COLUMNS)}: all triplets weigh the same."]
            for row in rows:
                if row["folder"] == home.name:
                    counts[row["name"]] = _count(row["answers"], f"{path}, line {rows.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MetricError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error
    if not counts:
        return None, [f"{path} has no rows of {home.name}: all triplets weigh the same."]
    for triplet in triplets:
        if triplet.sample not in counts:
            raise MetricError(
                f"{path} has no row of {triplet.sample} in {home.name}, though it is judged; export the set again, or "
                "remove the file, and all triplets weigh the same."
            )
    return [counts[triplet.sample] for triplet in triplets], []


def _count(text: str | None, where: str) -> float:
    if text is None or not text.isascii() or not text.isdecimal():
        raise MetricError(f'{where}: answers is "{text or ""}", not a whole number from 0 on; correct it.')
    return float(text)
