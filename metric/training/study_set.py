"""The judgments of a two-alternative study to be trained on, joined with the images of its manifest.

The judgments come from outside; here is only what this package needs of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from metric.errors import MetricError
from metric.scoring.manifest_rows import FILE_NAME
from metric.training.checked_set import checked_set
from metric.training.configuration import DataPart
from metric.training.judged_set import JudgedSet
from metric.training.progress import Progress, silent
from metric.triplets.study_triplets import StudyStimulus, is_triplet_study, read_triplet_manifest
from metric.triplets.triplet import HUMAN

SIMULATED = "simulated observers"
"""Whose the votes are where no people answered; `shift-study bapps export` says it in the same words."""


class StimulusShare(Protocol):
    """Of the answers to one version of a triplet, how many prefer its second image."""

    @property
    def triplet(self) -> str: ...
    @property
    def shift_px(self) -> int: ...
    @property
    def answers(self) -> int: ...
    @property
    def second(self) -> int: ...


class Preferences(Protocol):
    """What people preferred: stimuli with answers, whether no people answered, and sentences on what was left out."""

    @property
    def shares(self) -> Sequence[StimulusShare]: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def notes(self) -> Sequence[str]: ...


class PreferenceDoor(Protocol):
    """Where the command line gives the preferences of a source; one that cannot be read raises a `ValueError`."""

    def preferences(self, source: str) -> Preferences: ...


def check_is_of_triplets(folder: Path) -> None:
    """Raise `MetricError` for a study folder whose stimuli are no triplets."""
    if (folder / FILE_NAME).is_file() and not is_triplet_study(folder):
        raise MetricError(
            f"{folder} is not a two-alternative study, in which people say which of two images is more like a "
            "reference: shift-study new --task 2afc makes one."
        )


def judged_study(
    folder: Path, preferences: Preferences, part: DataPart, *, origin: str, progress: Progress = silent
) -> JudgedSet:
    """The versions of a study's triplets that people judged, each weighted by its number of answers.

    Args:
        folder: the study's, with its manifest and images.
        preferences: what people preferred in it.
        part: which shifts are taken, and how large images are made.
        origin: what the set is called.
        progress: told of each triplet whose images were looked at.

    Raises:
        MetricError: for a study of another kind or without answers to stimuli of these shifts, a shift that it does
            not have, answers to a stimulus that it lacks, and as `read_triplet_manifest` and `checked_set` do.
    """
    check_is_of_triplets(folder)
    stimuli = [one for one in read_triplet_manifest(folder).triplets if isinstance(one, StudyStimulus)]
    there = sorted({one.shift_px for one in stimuli})
    lacking = [shift for shift in part.shifts if shift not in there]
    if lacking:
        raise MetricError(
            f"{folder} has no version shifted by {lacking[0]} px, which data.shifts asks for; there are "
            f"{', '.join(map(str, there))}."
        )
    shares = {(one.triplet, one.shift_px): one for one in preferences.shares if one.shift_px in part.shifts}
    wanted = [one for one in stimuli if one.shift_px in part.shifts]
    unknown = shares.keys() - {(one.triplet, one.shift_px) for one in wanted}
    if unknown:
        triplet, shift = min(unknown)
        raise MetricError(f"The stimulus {triplet}_n-{shift} was judged, but is not in {folder}; is it of that study?")
    judged = [(one, shares[one.triplet, one.shift_px]) for one in wanted if (one.triplet, one.shift_px) in shares]
    if not judged:
        raise MetricError(
            f"{origin} has no accepted answers to triplets shifted by {', '.join(map(str, part.shifts))} px; wait for "
            "some, or name other versions in data.shifts."
        )
    notes = list(preferences.notes)
    if len(judged) < len(wanted):
        notes.append(f"Left out: {len(wanted) - len(judged):,} of {len(wanted):,} stimuli, which have no answers.")
    return checked_set(
        origin,
        [replace(one, judge=share.second / share.answers) for one, share in judged],
        [share.answers for _, share in judged],
        SIMULATED if preferences.simulated else HUMAN,
        part,
        notes=notes,
        progress=progress,
    )
