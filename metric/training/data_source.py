"""What a training is told to learn from: a set of folders, or a study and its answers."""

from __future__ import annotations

import re
from pathlib import Path

from metric.errors import MetricError
from metric.scoring.manifest_pairs import find_stimuli
from metric.scoring.manifest_rows import FILE_NAME
from metric.training.configuration import DataPart
from metric.training.judged_folders_set import ANSWERS, read_judged_folders
from metric.training.judged_set import JudgedSet
from metric.training.progress import Progress, silent
from metric.training.study_set import PreferenceDoor, check_is_of_triplets, judged_study

_SETTINGS = "study.toml"
_PASSWORD = re.compile(r"(://[^:@/\s]*):[^@/\s]*@")


def read_judged(
    data: str,
    part: DataPart,
    *,
    doors: PreferenceDoor,
    split: str = "train",
    stimuli: Path | None = None,
    progress: Progress = silent,
) -> JudgedSet:
    """The judged triplets of a source.

    Args:
        data: a set of BAPPS's layout (see `read_judged_folders`); or a study's folder, the URL of its database, or
            its exported responses.
        part: what is taken of it, and how large images are made.
        doors: gives what people preferred in a study.
        split: `train` or `val`, of a set of folders.
        stimuli: the study folder that has the images, where `data` is none.
        progress: told of each triplet that was read.

    Raises:
        MetricError: where `data` is nothing of that, `part` or an option is of the other kind, and as
            `read_judged_folders` and `judged_study` do.
        ValueError: as `doors` raises it, of answers that cannot be read or are to another task.
    """
    path, url = Path(data), "://" in data
    if not url and not path.exists():
        raise MetricError(
            f"There is no {data}; name a set of BAPPS's layout, a two-alternative study, or its exported responses."
        )
    if url or path.is_file() or (path / _SETTINGS).is_file() or (path / FILE_NAME).is_file():
        return _of_study(data, part, doors, split, stimuli, progress)
    if stimuli is not None:
        raise MetricError(f"--stimuli names the images of a study, but {data} is a set with images of its own.")
    if part.shifts != (0,):
        raise MetricError(
            f"data.shifts picks versions of a study's triplets, but {data} is a set of folders; leave it out."
        )
    exported = sorted(child.name for child in path.glob("shift_*") if child.is_dir())
    if exported and (path / ANSWERS).is_file():
        raise MetricError(f"{data} has a set for each shift: name one of {', '.join(exported)} in it.")
    return read_judged_folders(path, part, split=split, progress=progress)


def _of_study(
    data: str, part: DataPart, doors: PreferenceDoor, split: str, stimuli: Path | None, progress: Progress
) -> JudgedSet:
    # Its name goes into files that others get.
    name = _PASSWORD.sub(r"\1:…@", data.split("?")[0]) if "://" in data else data
    if part.categories:
        raise MetricError(
            f'data.categories are of sets of folders, but {name} is a study, which has no "{part.categories[0]}"; '
            "leave them out."
        )
    if split != "train":
        raise MetricError(
            f"{name} is a study, which has no split {split}: shift-study bapps export --held-out writes a set that has."
        )
    folder = find_stimuli(name, stimuli)
    check_is_of_triplets(folder)  # before its answers are read, for that says it plainest
    return judged_study(folder, doors.preferences(data), part, origin=name, progress=progress)
