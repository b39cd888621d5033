"""Which settings of shifted pairs go together."""

from __future__ import annotations

from collections.abc import Sequence

from study_server.tasks.shifted_pairs.settings import ShiftedPairSettings
from study_server.tasks.task import Fail


def catch_shifts(judged: Sequence[int]) -> tuple[int, ...]:
    """Shifts, of those that are judged, of which the answer is plain: none, and the largest.

    >>> catch_shifts((0, 1, 9)), catch_shifts((1, 9))
    ((0, 9), (9,))
    """
    return tuple(shift for shift in judged if shift in (0, judged[-1]))


def check_settings(s: ShiftedPairSettings, judged: Sequence[int], fail: Fail) -> None:
    """Refuse settings that make no design. judged: the shifts of which participants judge pairs, pixels."""
    shifts, counts = s.stimuli.shifts, s.trials.at_each_shift
    if shifts and shifts != sorted({0, *shifts, s.stimuli.max_shift}):
        fail(
            ("stimuli", "shifts"), f"stimuli.shifts is {shifts}",
            f"an ascending list from 0 to the largest, which is stimuli.max_shift = {s.stimuli.max_shift}",
        )  # fmt: skip
    if counts and len(counts) != len(judged):
        fail(
            ("trials", "at_each_shift"), f"trials.at_each_shift has {len(counts)} numbers",
            f"one for each of the {len(judged)} shifts",
        )  # fmt: skip
    if counts:
        _check_counts(s, judged, fail)
    else:
        _check_per_shift(s, len(judged), len(catch_shifts(judged)), fail)


def _check_counts(s: ShiftedPairSettings, judged: Sequence[int], fail: Fail) -> None:
    """Of numbers of pairs that differ from shift to shift."""
    counts, more, images = s.trials.at_each_shift, s.trials.more_catch, s.stimuli.count
    catches = catch_shifts(judged)
    most = max(count + more * (shift in catches) for count, shift in zip(counts, judged, strict=True))
    if most > images:
        fail(
            ("trials", "at_each_shift"), f"a participant would judge {most} pairs of one shift",
            f"at most the {images} images",
        )  # fmt: skip
    trials = sum(counts) + len(catches) * more
    if s.trials.strategy == "balanced" and trials > images:
        fail(
            ("trials", "at_each_shift"),
            f"trials.at_each_shift makes {trials} trials, but the balanced strategy shows each of the {images} "
            "images at most once",
            f'numbers with a sum of at most {images - len(catches) * more}, or strategy = "paper"',
        )


def _check_per_shift(s: ShiftedPairSettings, n_shifts: int, n_catch: int, fail: Fail) -> None:
    more = s.trials.more_catch
    trials = s.trials.per_shift * n_shifts + n_catch * more
    per_shift = ("trials", "per_shift")
    if s.trials.per_shift > s.stimuli.count:
        fail(per_shift, f"trials.per_shift is {s.trials.per_shift}", f"at most the {s.stimuli.count} images")
    if more and s.trials.per_shift + more > s.stimuli.count:
        most = s.stimuli.count - s.trials.per_shift
        fail(("trials", "more_catch"), f"trials.more_catch is {more}", f"at most {most}, as there are images")
    if more and s.trials.strategy == "balanced" and trials > s.stimuli.count >= trials - n_catch * more:
        most = (s.stimuli.count - trials + n_catch * more) // n_catch
        fail(
            ("trials", "more_catch"),
            f"trials.more_catch is {more}, which makes {trials} trials, but the balanced strategy shows each of "
            f"the {s.stimuli.count} images at most once",
            f'at most {most}, a lower trials.per_shift, or strategy = "paper"',
        )
    if s.trials.strategy == "balanced" and trials > s.stimuli.count:
        most = s.stimuli.count // n_shifts
        fail(
            per_shift,
            f"trials.per_shift is {s.trials.per_shift}, which makes {trials} trials, but the balanced "
            f"strategy shows each of the {s.stimuli.count} images at most once",
            (f"at most {most}, or " if most else "") + 'strategy = "paper"',
        )
