"""From what `new` is asked for to a two-alternative study: its settings and its triplets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from study_server.errors import StudyError
from study_server.stimuli.crops import smallest_photograph
from study_server.stimuli.directions import Directions
from study_server.stimuli.image_sources import demo_photographs, photographs_in
from study_server.stimuli.manifest import FILE_NAME, PRACTICE, write_manifest
from study_server.stimuli.photographs import PhotographSource
from study_server.tasks.task import MadeStimuli, NewStudy, Plan
from study_server.tasks.two_afc.apart import can_be_apart
from study_server.tasks.two_afc.distorted_photographs import Distort, DistortedPhotographs
from study_server.tasks.two_afc.making import make_triplets
from study_server.tasks.two_afc.ready_triplets import PREFIX, ReadyTriplets, open_triplets
from study_server.tasks.two_afc.settings import TwoAfcPractice, TwoAfcSettings, TwoAfcStimuli, TwoAfcTrials
from study_server.tasks.two_afc.triplet import TripletDesign, TripletSource
from study_server.tasks.two_afc.triplet_files import has_triplets

_CATCH_SHARE = 10
"""One of so many triplets that are made from photographs is a catch triplet."""

_LARGEST_SHIFT = 256  # as of stimuli.shifts
_COUNT, _SIZE = TwoAfcStimuli().count, TwoAfcStimuli().size


def plan_study(asked: NewStudy) -> Plan[TwoAfcSettings]:
    """A two-alternative study, as `new` is asked for it.

    Options: shifts and direction as of the settings; at_each_shift: how many triplets a participant judges, one number;
    distort: what distorts photographs.
    Raises StudyError where the source is unknown, or has too few triplets for a study.
    """
    shifts = tuple(asked.options.get("shifts", ())) or tuple(TwoAfcStimuli().shifts)
    direction: Directions = asked.options.get("direction", "right")
    distort: Distort | None = asked.options.get("distort")
    if shifts != tuple(sorted({0, *shifts})) or max(shifts) > _LARGEST_SHIFT:
        raise StudyError(
            f"--shifts {','.join(map(str, shifts))}: give different shifts, ascending from 0: 0,1; {_LARGEST_SHIFT} px "
            "at most"
        )
    each = _triplets_each(tuple(asked.options.get("at_each_shift", ())))
    source = _source(asked, shifts, direction, distort)
    size = asked.size or _SIZE
    if isinstance(source, ReadyTriplets):
        size = asked.size or source.largest_size(shifts, direction)
    practice = _practice(asked, distort)
    settings = TwoAfcSettings(
        stimuli=TwoAfcStimuli(
            source=source.name, count=asked.count or 1, size=size, seed=asked.seed, shifts=list(shifts),
            direction=direction,
        ),
        trials=TwoAfcTrials(seed=asked.seed, triplets=1, separation=1, retests=0, catches=0),
        practice=TwoAfcPractice(
            images=asked.practice_images, trials=TwoAfcPractice().trials if practice is not None else 0
        ),
    )  # fmt: skip
    # Of triplets that are ready all are taken, unless a number is asked for; it is known when they have been made.
    count = asked.count if isinstance(source, ReadyTriplets) else asked.count or _COUNT
    return Plan(settings, lambda root: _make(root, settings, count, each, source, practice))


def _triplets_each(at_each_shift: tuple[int, ...]) -> int | None:
    """How many triplets a participant is to judge; None where nothing was asked."""
    if len(at_each_shift) > 1 or 0 in at_each_shift:
        raise StudyError(
            f"--at-each-shift {','.join(map(str, at_each_shift))}: a participant judges a triplet at every shift, so "
            "give one number from 1, that of the triplets"
        )
    return at_each_shift[0] if at_each_shift else None


def _source(asked: NewStudy, shifts: Sequence[int], direction: Directions, distort: Distort | None) -> TripletSource:
    path = Path(asked.source.removeprefix(PREFIX))
    if asked.source.startswith(PREFIX) or (path.exists() and has_triplets(path)):
        return open_triplets(path)
    photographs: PhotographSource
    if asked.source.startswith("coco:"):
        from study_server.stimuli.coco import coco_photographs

        least = smallest_photograph(asked.size or _SIZE, max(shifts), direction)
        split, count = asked.source.removeprefix("coco:"), asked.count or _COUNT
        photographs = coco_photographs(split, count=count, least=least, seed=asked.seed, info_file=asked.coco_info)
    else:
        photographs = photographs_in(asked.source, asked.seed)
    if distort is None:
        raise StudyError("triplets are made from photographs by `shift-study new`, which has the distortions")
    return DistortedPhotographs(photographs, distort, catches=(asked.count or _COUNT) // _CATCH_SHARE)


def _practice(asked: NewStudy, distort: Distort | None) -> TripletSource | None:
    """Catch triplets, of which everybody sees the answer; none where nothing distorts photographs."""
    if distort is None:
        return None
    images = asked.practice_images
    photographs = demo_photographs(practice=True) if images == "demo" else photographs_in(images, asked.seed)
    return DistortedPhotographs(photographs, distort, catches=TwoAfcPractice().trials)


def _make(
    root: Path,
    settings: TwoAfcSettings,
    count: int | None,
    each: int | None,
    source: TripletSource,
    practice: TripletSource | None,
) -> MadeStimuli[TwoAfcSettings]:
    s = settings.stimuli
    design = TripletDesign(s.size, tuple(s.shifts), s.direction, s.seed, count)
    rows, skipped = make_triplets(root, design, source)
    write_manifest(rows, root / FILE_NAME)
    if practice is not None:
        (root / PRACTICE).mkdir()
        of_practice = replace(design, shifts=(0,), count=settings.practice.trials)
        practice_rows, passed_over = make_triplets(root / PRACTICE, of_practice, practice, PRACTICE)
        write_manifest(practice_rows, root / PRACTICE / FILE_NAME)
        skipped |= passed_over
    remarks = {**(practice.remarks if practice else {}), **source.remarks}
    catches = sorted({int(row.triplet) for row in rows if row.catch_answer})
    stimuli = replace(s, count=len({row.triplet for row in rows}), catches=catches)
    made = replace(settings, stimuli=stimuli, trials=_trials(settings.trials, stimuli, each))
    return MadeStimuli(rows, skipped, len({row.source_sha256 for row in rows}), made, remarks)


def _trials(trials: TwoAfcTrials, stimuli: TwoAfcStimuli, each: int | None) -> TwoAfcTrials:
    """As near to the defaults as so many triplets allow; each: how many of them were asked for, where they were."""
    default: Any = TwoAfcTrials()
    if each and each > len(stimuli.judged):
        raise StudyError(
            f"a participant cannot judge {each} triplets, for beside catch triplets there are {len(stimuli.judged)}: "
            "lower --at-each-shift, or add triplets"
        )
    triplets = each or min(default.triplets, len(stimuli.judged))
    retests = min(default.retests, triplets)
    catches = min(default.catches, len(stimuli.catches))
    if not triplets:
        raise StudyError("all triplets are catch triplets: give some of which people can be of two minds")
    versions = len(stimuli.shifts)
    lengths = [versions + 1] * retests + [versions] * (triplets - retests) + [1] * catches
    separation = max((n for n in range(1, default.separation + 1) if can_be_apart(lengths, n)), default=0)
    if not separation:
        raise StudyError(f"{len(stimuli.judged)} triplets are too few to be shown in {versions} versions apart")
    return replace(trials, triplets=triplets, retests=retests, catches=catches, separation=separation)
