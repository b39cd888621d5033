"""From what `new` is asked for to a study of shifted pairs: its settings, its photographs, its images."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from study_server.errors import StudyError
from study_server.stimuli.crops import smallest_photograph
from study_server.stimuli.directions import Directions, distance_px
from study_server.stimuli.image_sources import demo_photographs, photographs_in
from study_server.stimuli.manifest import PRACTICE
from study_server.stimuli.photographs import PhotographSource
from study_server.tasks.shifted_pairs.making import Selected, make_stimuli
from study_server.tasks.shifted_pairs.pool import FILE_NAME, PoolSettings, Scorer, scored_pool
from study_server.tasks.shifted_pairs.settings import ShiftedPairSettings, ShiftedStimuli
from study_server.tasks.task import MadeStimuli, NewStudy, Plan

_LARGEST_SHIFT = 256  # as of stimuli.max_shift

# So many of each photograph that is downloaded: more tell less of one another than of other photographs.
_WINDOWS_OF_COCO = 8

S = TypeVar("S", bound=ShiftedPairSettings)


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


def plan_study(asked: NewStudy, settings: S, judged: Callable[[S], Sequence[int]]) -> Plan[S]:
    """A study of shifted pairs as `new` is asked for it.

    settings: the defaults of the task's settings; judged: of which shifts participants judge pairs.

    Options: max_shift, shifts and at_each_shift as of the settings; direction; discriminating: select the images on
    which its metrics disagree most (left out, images are drawn).
    Raises StudyError where the source is unknown or the options make no design.
    """
    given = asked.options
    shifts: Sequence[int] = given.get("shifts", ())
    at_each_shift: Sequence[int] = given.get("at_each_shift", ())
    direction: Directions = given.get("direction", "right")
    discriminating: Discriminating | None = given.get("discriminating")
    max_shift: int = given.get("max_shift", ShiftedStimuli().max_shift)
    _refuse_no_shifts(shifts)
    max_shift = max(shifts, default=max_shift)
    count = asked.count or settings.stimuli.count
    stimuli = replace(
        settings.stimuli, count=count, max_shift=max_shift, shifts=list(shifts),
        size=asked.size or settings.stimuli.size, direction=direction, seed=asked.seed,
    )  # fmt: skip
    n_shifts = len(judged(replace(settings, stimuli=stimuli)))
    _refuse_no_counts(at_each_shift, n_shifts, count)
    per_shift = max(1, min(5, count // n_shifts))
    trials = sum(at_each_shift) or per_shift * n_shifts
    settings = replace(
        settings,
        stimuli=stimuli,
        trials=replace(
            settings.trials,
            per_shift=per_shift,
            at_each_shift=list(at_each_shift),
            seed=asked.seed,
            strategy="balanced" if trials <= count else "paper",
        ),
    )
    source = _source(asked, stimuli, discriminating)
    practice = (
        demo_photographs(practice=True)
        if asked.practice_images == "demo"
        else photographs_in(asked.practice_images, asked.seed)
    )
    settings = replace(
        settings,
        stimuli=replace(settings.stimuli, source=source.name),
        practice=replace(
            settings.practice,
            shifts=[min(shift, max_shift) for shift in settings.practice.shifts],
            images=practice.name,
        ),
    )
    selected = None
    if discriminating:
        selected, stimuli = _selected(asked.folder, settings.stimuli, source, discriminating)
        settings = replace(settings, stimuli=stimuli)
    return Plan(
        settings,
        lambda root: _make(root, settings, source, practice, selected),
        (lambda: selected.journal.unlink()) if selected else (lambda: None),
    )


def _source(asked: NewStudy, stimuli: ShiftedStimuli, discriminating: Discriminating | None) -> PhotographSource:
    if not asked.source.startswith("coco:"):
        return photographs_in(asked.source, asked.seed)
    from study_server.stimuli.coco import coco_photographs

    wanted = stimuli.count
    if discriminating:
        wanted = max(wanted, -(-discriminating.pool // _WINDOWS_OF_COCO))
    least = smallest_photograph(stimuli.size, stimuli.max_shift, stimuli.direction)
    split = asked.source.removeprefix("coco:")
    return coco_photographs(split, count=wanted, least=least, seed=asked.seed, info_file=asked.coco_info)


def _make(
    root: Path,
    settings: ShiftedPairSettings,
    source: PhotographSource,
    practice: PhotographSource,
    selected: Selected | None,
) -> MadeStimuli[Any]:
    made = make_stimuli(root, settings, source, settings.stimuli.count, "stimuli", selected)
    skipped = dict(made.skipped)
    if settings.practice.shifts:
        n_practice = len(settings.practice.shifts)
        of_practice = make_stimuli(root / PRACTICE, settings, practice, n_practice, "practice")
        skipped |= of_practice.skipped
        made = replace(made, remarks={**of_practice.remarks, **made.remarks})
    if selected:
        shutil.copyfile(selected.journal, root / FILE_NAME)
    return replace(made, skipped=skipped)


def _refuse_no_shifts(shifts: Sequence[int]) -> None:
    """Raise StudyError where the option makes no design, before a file of settings says so of itself."""
    if shifts and (list(shifts) != sorted({0, *shifts}) or not 0 < max(shifts) <= _LARGEST_SHIFT):
        raise StudyError(
            f"--shifts {','.join(map(str, shifts))}: give different shifts, ascending from 0: 0,2,3,9; "
            f"{_LARGEST_SHIFT} px at most"
        )


def _refuse_no_counts(at_each_shift: Sequence[int], n_shifts: int, count: int) -> None:
    """Likewise of how many pairs of each of the shifts a participant judges."""
    if at_each_shift and (len(at_each_shift) != n_shifts or not 0 < min(at_each_shift) <= max(at_each_shift) <= count):
        raise StudyError(
            f"--at-each-shift {','.join(map(str, at_each_shift))}: give a number from 1 to the {count} images for each "
            f"of the {n_shifts} shifts"
        )


def _selected(
    folder: Path, s: ShiftedStimuli, source: PhotographSource, design: Discriminating
) -> tuple[Selected, ShiftedStimuli]:
    """The images on which two metrics disagree most, and settings that say by which metrics."""
    from study_server.tasks.shifted_pairs.discriminating import choose, disagreement

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
    return Selected(images, pool.skipped, journal), replace(s, selected_by=list(design.metrics))
