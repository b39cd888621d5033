"""Opinion scores in the folders of TID2013, KADID-10k and PIPAL, as these are published."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.agreement.csv_rows import csv_rows, number_in, read_text
from analysis.errors import AnalysisError
from analysis.opinions.opinion_table import Floats, Opinions, checked

# KADID-10k has 30 votes an image; the file does not say of which image a vote was dropped.
_KADID_VOTES = 30


@dataclass(frozen=True)
class SetFolder:
    """The layout of a set: the file, or the folder of files, by which it is known, and who reads it."""

    name: str
    sign: str
    read: Callable[[Path], Opinions]


def read_set_folder(folder: Path) -> Opinions:
    """The opinions in a folder of one of the known layouts.

    Raises: `AnalysisError` where it has none of them, and says what was looked for and found; where a file of scores
        cannot be read; and as `checked` does.
    """
    for layout in LAYOUTS:
        if _found(folder, layout.sign) is not None:
            return layout.read(folder)
    looked = ", ".join(f"{layout.sign} ({layout.name})" for layout in LAYOUTS)
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    raise AnalysisError(
        f"{folder} is not a folder of opinions that is known: looked for {looked}; found {shown or 'nothing'}. Name "
        "the folder that has one of these, or give a CSV file."
    )


def _found(folder: Path, name: str) -> Path | None:
    """The entry of that name, whatever its capital letters."""
    return next((path for path in sorted(folder.iterdir()) if path.name.lower() == name.lower()), None)


def _tid2013(folder: Path) -> Opinions:
    path = _found(folder, "mos_with_names.txt") or folder / "mos_with_names.txt"
    score, images, references = [], [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        cells = line.split()
        if not cells:
            continue
        value = number_in(cells[0])
        if len(cells) != 2 or value is None or "_" not in cells[1]:
            raise AnalysisError(
                f"{path}: line {number} is {line.strip()!r}, not a score and a name such as i01_01_1.bmp; correct it."
            )
        score.append(value)
        images.append(cells[1].lower())
        references.append(cells[1].lower().partition("_")[0] + ".bmp")
    errors = _found(folder, "mos_std.txt")
    known = None if errors is None else _column(errors, len(score))
    origin = "mos_with_names.txt" + ("" if known is None else ", its mos_std.txt taken as standard errors of the means")
    return checked(
        Opinions("TID2013", tuple(references), tuple(images), np.array(score), known, False, origin, folder),
        str(path),
    )


def _column(path: Path, count: int) -> Floats:
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    values = [number_in(line) for line in lines]
    bad = next((number for number, value in enumerate(values) if value is None), None)
    if bad is not None:
        raise AnalysisError(f"{path}: {lines[bad]!r} is not a number; correct it.")
    if len(values) != count:
        raise AnalysisError(
            f"{path} has {len(values):,} lines, but mos_with_names.txt {count:,}; they must be of the same images."
        )
    return np.array(values, dtype=np.float64)


def _kadid(folder: Path) -> Opinions:
    path = _found(folder, "dmos.csv") or folder / "dmos.csv"
    score, spread, images, references = [], [], [], []
    for row, here in csv_rows(path, ("dist_img", "ref_img", "dmos", "var")):
        mean, deviation = number_in(row["dmos"]), number_in(row["var"])
        if mean is None or deviation is None or not row["dist_img"] or not row["ref_img"]:
            raise AnalysisError(f"{here} has no name, or no number for dmos or var; correct it.")
        score.append(mean)
        spread.append(deviation)
        images.append(row["dist_img"].strip())
        references.append(row["ref_img"].strip())
    origin = (
        f"dmos.csv, whose dmos is higher for better images; its var is the standard deviation of about {_KADID_VOTES} "
        f"votes, from which the standard errors are"
    )
    error = np.array(spread) / math.sqrt(_KADID_VOTES - 1)
    return checked(
        Opinions("KADID-10k", tuple(references), tuple(images), np.array(score), error, False, origin, folder),
        str(path),
    )


def _pipal(folder: Path) -> Opinions:
    labels = _found(folder, "Train_Label") or folder / "Train_Label"
    files = sorted(path for path in labels.iterdir() if path.suffix.lower() == ".txt") if labels.is_dir() else []
    if not files:
        raise AnalysisError(f"{labels} has no .txt files with scores; copy the labels of PIPAL there.")
    score, images, references = [], [], []
    for path in files:
        for number, cells in enumerate(csv.reader(read_text(path).splitlines()), 1):
            if not cells:
                continue
            value = number_in(cells[1].strip()) if len(cells) == 2 else None
            if value is None or "_" not in cells[0]:
                raise AnalysisError(
                    f"{path}: line {number} is {','.join(cells)!r}, not a name and a score such as "
                    "A0001_00_00.bmp,1400.5; correct it."
                )
            name = cells[0].strip()
            score.append(value)
            images.append(name)
            references.append(name.partition("_")[0] + ".bmp")
    origin = f"Elo scores of {len(files)} files in {labels.name}, without their errors"
    return checked(
        Opinions("PIPAL", tuple(references), tuple(images), np.array(score), None, False, origin, folder), str(labels)
    )


LAYOUTS = (
    SetFolder("TID2013", "mos_with_names.txt", _tid2013),
    SetFolder("KADID-10k", "dmos.csv", _kadid),
    SetFolder("PIPAL", "Train_Label", _pipal),
)
"""The layouts that are known, in the order in which they are looked for."""
