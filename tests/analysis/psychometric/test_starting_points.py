"""From where a likelihood is climbed: steps that the answers suggest, and peaks of a table far from each other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.psychometric.cores import CORES, Core, Floats
from analysis.psychometric.likelihood import log_likelihood, probabilities
from analysis.psychometric.starting_points import starts

SHIFTS = np.arange(8.0)


def shares(parameters: Floats, core: Core) -> Floats:
    return probabilities(parameters, core.position(SHIFTS), core)[0]


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_a_step_has_the_pooled_shares_on_its_sides_and_meets_its_flank(core: Core) -> None:
    hits = np.array([[2.0, 2, 2, 14, 30, 39, 38, 37], [4.0, 0, 0, 0, 0, 0, 30, 40]])
    answers = np.full((2, 8), 40.0)
    one, two = starts(core.position(SHIFTS), hits, answers, core, peaks=0, steps=1)
    # Of the first set two shifts see it: 6 of 120 before, 6 of 120 after, 14 of 40 and 30 of 40 on it.
    assert two[2:, 0] == pytest.approx([6 / 120, 6 / 120])
    assert shares(two[:, 0], core)[3:5] == pytest.approx([14 / 40, 30 / 40])
    # Of the second one: 4 of 240 before, none after, 30 of 40 on it.
    assert one[2:, 1] == pytest.approx([4 / 240, 0])
    assert shares(one[:, 1], core) == pytest.approx([4 / 240] * 6 + [30 / 40, 1], abs=1e-6)


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_the_highest_of_the_table_is_near_the_truth_and_the_others_are_elsewhere(core: Core) -> None:
    location = math.log(3) if core.logarithmic else 3.0
    truth = np.array([location, math.log(0.4 if core.logarithmic else 1.2), 0.05, 0.1])
    hits, answers = 100 * shares(truth, core)[np.newaxis], np.full((1, 8), 100.0)
    found = starts(core.position(SHIFTS), hits, answers, core, peaks=4, steps=0)[..., 0]
    assert found.shape == (4, 4)
    likely = [
        float(log_likelihood(*probabilities(one, core.position(SHIFTS), core), hits[0], answers[0])) for one in found
    ]
    assert likely[0] == max(likely)
    best = float(log_likelihood(*probabilities(truth, core.position(SHIFTS), core), hits[0], answers[0]))
    assert best - likely[0] < 3
    angle = [np.arcsin(np.sqrt(shares(np.array([*one[:2], 0, 0]), core))) for one in found]
    assert all(np.sum((a - b) ** 2) > 0.25 - 1e-9 for i, a in enumerate(angle) for b in angle[:i])


def test_a_shift_without_answers_is_no_reason_to_stop() -> None:
    core = CORES["log-normal"]
    hits, answers = np.array([[0.0, 0, 0, 3, 0, 9, 10, 0]]), np.array([[0.0, 10, 10, 10, 0, 10, 10, 0]])
    found = starts(core.position(SHIFTS), hits, answers, core, peaks=3, steps=2)
    assert found.shape == (7, 4, 1)
    assert np.isfinite(found).all()
