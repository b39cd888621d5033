"""`shift-study new`: from a source of photographs to a study folder."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from study_server.errors import StudyError
from study_server.folder.making import MadeStudy, Selected, create, refuse_taken
from study_server.folder.settings import PracticeSettings, Settings, StimuliSettings, StudySettings, TrialSettings
from study_server.stimuli.crops import smallest_photograph
from study_server.stimuli.directions import Directions, distance_px
from study_server.stimuli.image_sources import demo_photographs, folder_photographs
from study_server.stimuli.photographs import PhotographSource
from study_server.stimuli.pool import FILE_NAME, PoolSettings, Scorer, scored_pool

_LARGEST_SHIFT = 256  # as of stimuli.max_shift

# So many of each photograph that is downloaded: more tell less of one another than of other photographs.
_WINDOWS_OF_COCO = 8


@dataclass(frozen=True)
class Discriminating:
    """Two metrics and what gives their distances; `pool`: among about how many windows images are selected."""

    metrics: tuple[str, str]
    scorer: Scorer
    pool: int


def pool_journal(folder: Path) -> Path:
    """Where the pool of a discriminating study is kept until the study is made: beside its folder."""
    home = folder.resolve()
    return home.with_name(f"{home.name}.{FILE_NAME}")


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
    discriminating: Discriminating | None = None,
) -> MadeStudy:
    """Make a study folder. `source` is demo, a folder of images, or coco:SPLIT; the same seed gives the same study.

    discriminating: select the images on which its metrics disagree most; left out, images are drawn.
    compressed: whether to compress its images, too, which a server does otherwise.
    Raises StudyError where the source is unknown, or too few of its photographs can be used.
    """
    refuse_taken(folder)  # before anything is downloaded
    if practice_images.startswith("coco:"):
        raise StudyError(f"--practice-images is {practice_images!r}: give demo or a folder of images")
    _refuse_no_design(shifts, at_each_shift, max_shift, count)
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

        wanted = max(count, -(-discriminating.pool // _WINDOWS_OF_COCO)) if discriminating else count
        photographs = coco_photographs(
            source.removeprefix("coco:"), count=wanted, least=smallest_photograph(size, max_shift, direction),
            seed=seed, info_file=coco_info,
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
    selected = None
    if discriminating:
        selected, settings = _selected(folder, settings, photographs, discriminating)
    return create(folder, settings, photographs, practice, compressed=compressed, selected=selected)


def _refuse_no_design(shifts: Sequence[int], at_each_shift: Sequence[int], max_shift: int, count: int) -> None:
    """Raise StudyError where the options make no design, before a file of settings says so of itself."""
    if shifts and (list(shifts) != sorted({0, *shifts}) or not 0 < max(shifts) <= _LARGEST_SHIFT):
        raise StudyError(
            f"--shifts {','.join(map(str, shifts))}: give different shifts, ascending from 0: 0,2,3,9; "
            f"{_LARGEST_SHIFT} px at most"
        )
    n_shifts = len(shifts) or max_shift + 1
    if at_each_shift and (len(at_each_shift) != n_shifts or not 0 < min(at_each_shift) <= max(at_each_shift) <= count):
        raise StudyError(
            f"--at-each-shift {','.join(map(str, at_each_shift))}: give a number from 1 to the {count} images for each "
            f"of the {n_shifts} shifts"
        )


def _selected(
    folder: Path, settings: Settings, source: PhotographSource, design: Discriminating
) -> tuple[Selected, Settings]:
    """The images on which two metrics disagree most, and settings that say by which metrics."""
    from study_server.stimuli.discriminating import choose, disagreement

    s = settings.stimuli
    if len(s.all_shifts) < 3:
        raise StudyError("a discriminating study takes a shift between 0 and the largest: give --shifts 0,2,3,9")
    journal = pool_journal(folder)
    journal.parent.mkdir(parents=True, exist_ok=True)
    pool = scored_pool(
        source,
        PoolSettings(
            metrics=design.metrics,
            shifts=s.all_shifts,
            scored_shifts=s.all_shifts[1:-1],  # of the others everybody sees what they are
            size=s.size,
            direction=s.direction,
            windows=max(1, -(-design.pool // max(1, len(source.photographs)))),
            seed=s.seed,
        ),
        design.scorer,
        journal,
    )
    if len(pool.windows) < s.count:
        raise StudyError(
            f"{s.count} images are needed, and the pool has {len(pool.windows)} of {len(source.photographs)} "
            "photographs: add photographs, or lower --count or --size"
        )
    differences = disagreement(pool.distances, [distance_px(1, window.direction) for window in pool.windows])
    chosen = choose(differences, [p.name for p in pool.photographs], [w.direction for w in pool.windows], s.count)
    first, second = design.metrics
    images = [
        (
            pool.photographs[place],
            pool.windows[place],
            f"{first} > {second}" if differences[place] > 0 else f"{second} > {first}",
        )
        for place in chosen
    ]
    named = replace(settings, stimuli=replace(s, selected_by=list(design.metrics)))
    return Selected(images, pool.skipped, journal), named


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
