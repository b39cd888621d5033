"""How many pairs of each shift participants judge."""

from __future__ import annotations

import pytest

from study_server.tasks import task
from study_server.tasks.assignment import balanced, paper
from study_server.tasks.same_different.settings import SameDifferentSettings
from study_server.tasks.shifted_pairs.settings import ShiftedStimuli, ShiftedTrials


@pytest.mark.parametrize(
    ("images", "shifts", "per_shift", "more"), [(12, 4, 2, 2), (15, 4, 3, 1), (10, 5, 1, 2), (9, 3, 2, 1), (7, 2, 1, 2)]
)
def test_with_more_catch_trials_every_pair_of_a_shift_is_used_equally_often(
    images: int, shifts: int, per_shift: int, more: int
) -> None:
    settings = SameDifferentSettings(
        stimuli=ShiftedStimuli(count=images, max_shift=shifts - 1),
        trials=ShiftedTrials(per_shift=per_shift, more_catch=more, seed=4),
    )
    design = task("same-different").design(settings)
    counts = list(design.counts)
    assert counts == [per_shift + more, *[per_shift] * (shifts - 2), per_shift + more]
    used = dict.fromkeys(((image, shift) for image in range(images) for shift in range(shifts)), 0)
    for slot in range(design.round_slots):
        cells = balanced(design, slot)
        assert len({image for image, _ in cells}) == len(cells) == design.n_trials
        assert [sum(shift == s for _, shift in cells) for s in range(shifts)] == counts
        for cell in cells:
            used[cell] += 1
    for shift in range(shifts):
        assert len({used[image, shift] for image in range(images)}) == 1
    assert min(used.values()) == design.round_answers
    drawn = paper(design, 0)
    assert [sum(shift == s for _, shift in drawn) for s in range(shifts)] == counts
