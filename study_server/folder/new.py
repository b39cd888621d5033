"""`shift-study new`: from a source of photographs to a study folder."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from study_server.errors import StudyError
from study_server.folder.making import MadeStudy, create, refuse_taken
from study_server.settings import StudySettings
from study_server.tasks import DEFAULT, task
from study_server.tasks.task import NewStudy


def unforeseeable_seed() -> int:
    """A seed from the system's randomness: from one that is known, every trial of every participant follows."""
    return secrets.randbits(53)  # as large as every program that reads JSON takes exactly


def make_study(
    folder: Path,
    *,
    source: str,
    task_name: str = DEFAULT,
    count: int | None = None,
    size: int | None = None,
    seed: int = 0,
    name: str | None = None,
    practice_images: str = "demo",
    coco_info: Path | None = None,
    compressed: bool = True,
    **options: Any,
) -> MadeStudy:
    """Make a study folder. `source` is demo, a folder of images, or coco:SPLIT; the same seed gives the same study.

    count, size: how many images or triplets, and their width and height, pixels; what the task has usually if left out.
    options: what the task has beside those of every task (`Task.options`).
    compressed: whether to compress its images, too, which a server does otherwise.
    Raises StudyError where task or source are unknown, or too few photographs can be used.
    """
    refuse_taken(folder)  # before anything is downloaded
    kind = task(task_name)
    foreign = sorted(options.keys() - kind.options)
    if foreign:
        option = "--design discriminating" if foreign[0] == "discriminating" else f"--{foreign[0].replace('_', '-')}"
        raise StudyError(f"{option} is no option of the task {kind.name}: leave it out, or name another with --task")
    if practice_images.startswith("coco:"):
        raise StudyError(f"--practice-images is {practice_images!r}: give demo or a folder of images")
    asked = NewStudy(folder, source, count, size, seed, practice_images, coco_info, options)
    plan = kind.plan_study(asked)
    study = StudySettings(task=kind.name, name=_study_name(name or folder.resolve().name, given=name is not None))
    settings = replace(plan.settings, study=replace(plan.settings.study, task=study.task, name=study.name))
    return create(folder, kind, replace(plan, settings=settings), compressed=compressed)


def _study_name(name: str, *, given: bool) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        return name
    if given:
        raise StudyError(f"--name {name!r}: letters, digits, '-' and '_' are allowed, at most 64")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "study"
