"""`shift-study new`: from a source of photographs to a study folder."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from study_server.errors import StudyError
from study_server.folder.settings import PracticeSettings, Settings, StimuliSettings, StudySettings, TrialSettings
from study_server.folder.study_folder import MadeStudy, create, refuse_taken
from study_server.stimuli.crops import smallest_photograph
from study_server.stimuli.directions import Directions
from study_server.stimuli.image_sources import demo_photographs, folder_photographs
from study_server.stimuli.photographs import PhotographSource


def unforeseeable_seed() -> int:
    """A seed from the system's randomness: from one that is known, every trial of every participant follows."""
    return secrets.randbits(53)  # as large as every program that reads JSON takes exactly


def make_study(
    folder: Path,
    *,
    source: str,
    count: int = 50,
    max_shift: int = 9,
    shifts: Sequence[int] = (),
    at_each_shift: Sequence[int] = (),
    size: int = 256,
    direction: Directions = "right",
    seed: int = 0,
    name: str | None = None,
    practice_images: str = "demo",
    coco_info: Path | None = None,
    compressed: bool = True,
) -> MadeStudy:
    """Make a study folder. `source` is demo, a folder of images, or coco:SPLIT; the same seed gives the same study.

    compressed: whether to compress its images, too, which a server does otherwise.
    Raises StudyError where the source is unknown, or too few of its photographs can be used.
    """
    refuse_taken(folder)  # before anything is downloaded
    if practice_images.startswith("coco:"):
        raise StudyError(f"--practice-images is {practice_images!r}: give demo or a folder of images")
    if (shifts and list(shifts) != sorted({0, *shifts})) or len(shifts) == 1:
        raise StudyError(f"--shifts {','.join(map(str, shifts))}: give different shifts, ascending from 0: 0,2,3,9")
    max_shift = max(shifts, default=max_shift)
    stimuli = StimuliSettings(
        count=count, max_shift=max_shift, shifts=list(shifts), size=size, direction=direction, seed=seed
    )
    n_shifts = len(stimuli.all_shifts)
    per_shift = max(1, min(5, count // n_shifts))
    trials = sum(at_each_shift) or per_shift * n_shifts
    settings = Settings(
        study=StudySettings(name=_study_name(name or folder.resolve().name, given=name is not None)),
        stimuli=stimuli,
        trials=TrialSettings(
            per_shift=per_shift,
            at_each_shift=list(at_each_shift),
            seed=seed,
            strategy="balanced" if trials <= count else "paper",
        ),
    )
    if source.startswith("coco:"):
        from study_server.stimuli.coco import coco_photographs

        photographs = coco_photographs(
            source.removeprefix("coco:"), count=count, least=smallest_photograph(size, max_shift, direction), seed=seed,
            info_file=coco_info,
        )  # fmt: skip
    else:
        photographs = _photographs(source, seed)
    practice = demo_photographs(practice=True) if practice_images == "demo" else _photographs(practice_images, seed)
    settings = replace(
        settings,
        stimuli=replace(settings.stimuli, source=photographs.name),
        practice=PracticeSettings(
            shifts=[min(shift, max_shift) for shift in PracticeSettings().shifts], images=practice.name
        ),
    )
    return create(folder, settings, photographs, practice, compressed=compressed)


def _photographs(source: str, seed: int) -> PhotographSource:
    if source == "demo":
        return demo_photographs()
    if source and Path(source).is_dir():
        return folder_photographs(Path(source), seed)
    raise StudyError(
        f"{source!r} is no source of images: give demo, a folder of images, or coco:SPLIT such as coco:test2017"
    )


def _study_name(name: str, *, given: bool) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        return name
    if given:
        raise StudyError(f"--name {name!r}: letters, digits, '-' and '_' are allowed, at most 64")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "study"
