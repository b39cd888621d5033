"""Which settings of a two-alternative study go together."""

from __future__ import annotations

from study_server.tasks.task import Fail
from study_server.tasks.two_afc.apart import can_be_apart
from study_server.tasks.two_afc.settings import TwoAfcSettings


def check_settings(s: TwoAfcSettings, fail: Fail) -> None:
    """Refuse settings that make no design."""
    shifts, trials = s.stimuli.shifts, s.trials
    if not shifts or shifts[0] != 0 or shifts != sorted({*shifts}):
        fail(("stimuli", "shifts"), f"stimuli.shifts is {shifts}", "an ascending list of different shifts from 0")
    catches = s.stimuli.catches
    if catches != sorted({*catches}) or any(number > s.stimuli.count for number in catches):
        fail(
            ("stimuli", "catches"), f"stimuli.catches is {catches}",
            f"an ascending list of different numbers of triplets up to {s.stimuli.count}",
        )  # fmt: skip
    judged = len(s.stimuli.judged)
    if trials.triplets > judged:
        fail(("trials", "triplets"), f"trials.triplets is {trials.triplets}", f"at most the {judged} triplets")
    if trials.catches > len(catches):
        fail(("trials", "catches"), f"trials.catches is {trials.catches}", f"at most the {len(catches)} catch triplets")
    if trials.retests > trials.triplets:
        fail(
            ("trials", "retests"), f"trials.retests is {trials.retests}",
            f"at most one for each of the {trials.triplets} triplets of a participant",
        )  # fmt: skip
    lengths = [len(shifts)] * trials.triplets + [1] * trials.catches
    lengths[: trials.retests] = [len(shifts) + 1] * trials.retests
    if not can_be_apart(lengths, trials.separation):
        most = max(n for n in range(1, trials.separation) if can_be_apart(lengths, n))
        fail(
            ("trials", "separation"),
            f"trials.separation is {trials.separation}, but {trials.triplets} triplets in {len(shifts)} versions, "
            f"{trials.retests} retests and {trials.catches} catch triplets are too few to stand so far apart",
            f"at most {most}, or more triplets",
        )
