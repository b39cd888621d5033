"""People's judgments in BAPPS's own layout (Zhang et al. 2018), a folder for each version of the triplets."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.results import Result
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.shares import StimulusShare, stimulus_shares
from analysis.two_alternative.stimuli import Stimulus, stimulus_of

PARTS = ("ref", "p0", "p1")
ANSWERS = "answers.csv"
_COLUMNS = ("folder", "name", "stimulus", "triplet", "shift_px", "answers", "second", "share_second")
_CATEGORY = Path("2afc", "val", "study")


@dataclass(frozen=True)
class BappsFolder(Result):
    """What was written: the number of triplets in each folder, and notes on what was left out."""

    folder: str
    triplets: dict[str, int]
    notes: tuple[str, ...]


def check_new(folder: Path) -> None:
    """Raise `AnalysisError` where there is something at `folder` already, before the work that leads to it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AnalysisError(f"{folder} exists already and is not empty; give another name, or remove it.")
    if not folder.absolute().parent.is_dir():
        raise AnalysisError(f"There is no folder {folder.parent} to write {folder.name} into; make it first.")


def write_bapps_folder(
    choices: Choices, stimuli: Mapping[str, Stimulus], folder: Path, *, simulated: bool = False
) -> BappsFolder:
    """Write `FOLDER/shift_K/2afc/val/study/{ref,p0,p1,judge}` for each shift K, and `FOLDER/answers.csv`.

    Names are those of the triplets. A judgment is a file of one 32-bit number, the share of people who prefer p1, the
    second image, by their first answers.

    Args:
        choices: the answers; those to catch triplets are in none of them.
        stimuli: of the study's manifest.
        folder: must not exist, or be empty.
        simulated: observers answered who are no people; each folder says so, as sets of made votes do.

    Raises: `AnalysisError` where a stimulus is not in the manifest, or a file cannot be read or written.
    """
    check_new(folder)
    shares = stimulus_shares(choices)
    found = [(share, stimulus_of(stimuli, share.triplet, share.shift_px)) for share in shares]
    counts: dict[str, int] = {}
    try:
        for share, stimulus in found:
            name = f"shift_{share.shift_px}"
            _write(folder / name / _CATEGORY, share, stimulus)
            counts[name] = counts.get(name, 0) + 1
        with (folder / ANSWERS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for share, _ in found:
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
                    )
                )
        for name in counts if simulated else ():
            (folder / name / "made.json").write_text(json.dumps({"votes": "simulated observers"}) + "\n", "utf-8")
    except OSError as error:
        where = error.filename or folder
        raise AnalysisError(f"{where} cannot be read or written: {error.strerror or error}.") from error
    return BappsFolder(str(folder), dict(sorted(counts.items())), choices.notes)


def _write(category: Path, share: StimulusShare, stimulus: Stimulus) -> None:
    for part, path in zip(PARTS, stimulus.files, strict=True):
        (category / part).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, category / part / f"{share.triplet}{path.suffix.lower()}")
    (category / "judge").mkdir(exist_ok=True)
    judge = np.array([share.second / share.answers], dtype=np.float32)
    np.save(category / "judge" / f"{share.triplet}.npy", judge)
