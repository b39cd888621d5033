"""People's judgments in BAPPS's own layout (Zhang et al. 2018), a folder for each version of the triplets."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.results import Result
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.holding_out import held_out_photographs
from analysis.two_alternative.shares import StimulusShare, stimulus_shares
from analysis.two_alternative.stimuli import Stimulus, stimulus_of

PARTS = ("ref", "p0", "p1")
ANSWERS = "answers.csv"
_COLUMNS = ("folder", "name", "stimulus", "triplet", "shift_px", "answers", "second", "share_second")
_SPLITS = ("train", "val")


@dataclass(frozen=True)
class BappsFolder(Result):
    """What was written: the number of triplets in each folder, and notes on what was left out.

    `photographs`: in each split, where some were held out.
    """

    folder: str
    triplets: dict[str, int]
    notes: tuple[str, ...]
    photographs: dict[str, int] | None = None


def check_new(folder: Path) -> None:
    """Raise `AnalysisError` where there is something at `folder` already, before the work that leads to it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AnalysisError(f"{folder} exists already and is not empty; give another name, or remove it.")
    if not folder.absolute().parent.is_dir():
        raise AnalysisError(f"There is no folder {folder.parent} to write {folder.name} into; make it first.")


def write_bapps_folder(
    choices: Choices,
    stimuli: Mapping[str, Stimulus],
    folder: Path,
    *,
    simulated: bool = False,
    held_out: float | None = None,
    seed: int = 0,
) -> BappsFolder:
    """Write `FOLDER/shift_K/2afc/val/study/{ref,p0,p1,judge}` for each shift K, and `FOLDER/answers.csv`.

    Names are those of the triplets. A judgment is a file of one 32-bit number, the share of people who prefer p1, the
    second image, by their first answers.

    Args:
        choices: the answers; those to catch triplets are in none of them.
        stimuli: of the study's manifest.
        folder: must not exist, or be empty.
        simulated: observers answered who are no people; each folder says so, as sets of made votes do.
        held_out: share of the photographs, in (0, 1), whose triplets are in `val`; those of the others are in `train`
            beside it, each with all its versions. None: all are in `val`.
        seed: of the draw of these photographs.

    Raises: `AnalysisError` where a stimulus is not in the manifest, a split would be empty, or a file cannot be read
        or written.
    """
    check_new(folder)
    found = [(share, stimulus_of(stimuli, share.triplet, share.shift_px)) for share in stimulus_shares(choices)]
    splits, photographs = ["val"] * len(found), None
    if held_out is not None:
        names = {stimulus.photograph for _, stimulus in found}
        to_test = held_out_photographs(names, held_out, seed)
        splits = ["val" if stimulus.photograph in to_test else "train" for _, stimulus in found]
        photographs = {"train": len(names) - len(to_test), "val": len(to_test)}
        _check_both(found, splits)
    counts: dict[str, int] = {}
    try:
        # First: what a killed run leaves must not be taken for people's.
        for shift in choices.versions if simulated else ():
            path = folder / f"shift_{shift}" / "made.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"votes": "simulated observers"}) + "\n", "utf-8")
        for (share, stimulus), split in zip(found, splits, strict=True):
            place = Path(f"shift_{share.shift_px}", "2afc", split)
            _write(folder / place / "study", share, stimulus)
            name = place.parts[0] if held_out is None else place.as_posix()
            counts[name] = counts.get(name, 0) + 1
        with (folder / ANSWERS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS if held_out is None else (*_COLUMNS, "split"))
            for (share, _), split in zip(found, splits, strict=True):
                writer.writerow(
                    (
                        f"shift_{share.shift_px}",
                        share.triplet,
                        share.stimulus,
                        share.triplet,
                        share.shift_px,
                        share.answers,
                        share.second,
                        repr(share.share_second.estimate),
                        *([] if held_out is None else [split]),
                    )
                )
    except OSError as error:
        where = error.filename or folder
        raise AnalysisError(f"{where} cannot be read or written: {error.strerror or error}.") from error
    return BappsFolder(str(folder), dict(sorted(counts.items())), choices.notes, photographs)


def _check_both(found: Sequence[tuple[StimulusShare, Stimulus]], splits: Sequence[str]) -> None:
    """Raise `AnalysisError` where all judged triplets of a shift are in one split."""
    for shift in sorted({share.shift_px for share, _ in found}):
        there = {split for (share, _), split in zip(found, splits, strict=True) if share.shift_px == shift}
        for split in _SPLITS:
            if split not in there:
                raise AnalysisError(
                    f"No triplet of the photographs for {split} was judged at a shift of {shift} px; give another "
                    "--seed or share to hold out, or wait for more answers."
                )


def _write(category: Path, share: StimulusShare, stimulus: Stimulus) -> None:
    for part, path in zip(PARTS, stimulus.files, strict=True):
        (category / part).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, category / part / f"{share.triplet}{path.suffix.lower()}")
    (category / "judge").mkdir(exist_ok=True)
    judge = np.array([share.second / share.answers], dtype=np.float32)
    np.save(category / "judge" / f"{share.triplet}.npy", judge)
