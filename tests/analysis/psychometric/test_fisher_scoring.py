"""The climb to the top: where it may go, from where they find the top, what they leave alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from analysis.psychometric import fit
from analysis.psychometric.cores import CORES, Core, Floats
from analysis.psychometric.fisher_scoring import bounds, climb
from analysis.psychometric.likelihood import log_likelihood, probabilities

SHIFTS = np.arange(10.0)
TOTAL = np.full(10, 150.0)
SAME = np.array([140, 121, 84, 52, 52, 40, 35, 31, 27, 15.0])


def likelihood(parameters: np.ndarray, hits: np.ndarray, core: Core, shift: np.ndarray = SHIFTS) -> float:
    return float(
        log_likelihood(*probabilities(parameters, core.position(shift), core), hits, np.full(len(hits), 150.0))
    )


def test_a_core_may_be_a_step_beyond_all_shifts_or_nearly_level() -> None:
    assert bounds(np.array([0.0, 1.0, 3.0])) == [
        (-3.0, 6.0), (pytest.approx(math.log(1 / 20)), pytest.approx(math.log(30))), (0.0, 0.5), (0.0, 0.5),
    ]  # fmt: skip
    # A shift of 0 has no place among logarithms; a range below 1 and steps below 0.001 count as such.
    assert bounds(np.array([-math.inf, 2.0, 2.25])) == [
        (1.0, 3.25), (pytest.approx(math.log(0.25 / 20)), pytest.approx(math.log(10))), (0.0, 0.5), (0.0, 0.5),
    ]  # fmt: skip
    assert bounds(np.array([2.0, 2.0001, 9.0]))[1][0] == pytest.approx(math.log(0.001 / 20))


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_the_top_is_found_from_far_away_and_no_step_leads_higher(core: Core) -> None:
    hits = TOTAL - SAME
    best = fit(SHIFTS, hits, TOTAL, core.name)
    step = np.array([0.5 if core.logarithmic else 1.5, 0.5, 0.05, -0.05])
    starts = np.stack([best.parameters, best.parameters + step, best.parameters - step], axis=1)
    found, reached = climb(starts, core.position(SHIFTS), np.tile(hits, (3, 1)), np.tile(TOTAL, (3, 1)), core)
    for parameters, likely in zip(found.T, reached, strict=True):
        assert likely == pytest.approx(likelihood(parameters, hits, core), abs=1e-9)
        assert likelihood(parameters, hits, core) == pytest.approx(best.log_likelihood, abs=1e-6)
        slope = approx_fprime(parameters, lambda at: likelihood(at, hits, core))
        held = (parameters <= 0) | (parameters >= 0.5)
        assert np.all((np.abs(slope) < 0.5) | ((np.arange(4) >= 2) & held))


def test_each_set_climbs_as_if_it_were_alone_however_long_the_others_take() -> None:
    core = CORES["log-normal"]
    position = core.position(SHIFTS)
    best = fit(SHIFTS, TOTAL - SAME, TOTAL)
    hits = np.random.default_rng(5).binomial(150, best.probability(SHIFTS), (4, 10)).astype(float)
    start = np.tile(best.parameters[:, np.newaxis], 4)
    together, _ = climb(start, position, hits, np.tile(TOTAL, (4, 1)), core)
    for column, row in zip(together.T, hits, strict=True):
        alone, _ = climb(start[:, :1], position, row[np.newaxis], TOTAL[np.newaxis], core)
        np.testing.assert_allclose(alone[:, 0], column, atol=1e-9)
        assert likelihood(column, row, core) == pytest.approx(fit(SHIFTS, row, TOTAL).log_likelihood, abs=1e-5)


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_a_core_that_hardly_matters_does_not_keep_the_rates_from_the_top(core: Core) -> None:
    """Between 4 and 5 px the step is 40 spreads from either: its place changes nothing, the rates are the shares."""
    hits = np.array([[3.0, 0, 0, 1, 0, 150, 148, 149, 149, 150]])
    start = np.array([[float(core.position(4.5))], [bounds(core.position(SHIFTS))[1][0]], [0.1], [0.2]])
    found, _ = climb(start, core.position(SHIFTS), hits, TOTAL[np.newaxis], core)
    assert found[2:, 0] == pytest.approx([4 / 750, 4 / 750], rel=1e-3)


def test_rates_and_core_stay_inside_the_bounds() -> None:
    core = CORES["normal"]
    hits = np.array([[0.0] * 5 + [150] * 5, [150.0] * 10, [0.0] * 10, [150.0] * 5 + [0] * 5])
    limits = np.array(bounds(SHIFTS))
    outside = np.array([100.0, 10.0, 0.9, -0.2])
    for start in (outside, np.array([4.5, 0.0, 0.1, 0.1])):
        found, _ = climb(np.tile(start[:, np.newaxis], 4), SHIFTS, hits, np.tile(TOTAL, (4, 1)), core)
        assert np.all((found >= limits[:, :1]) & (found <= limits[:, 1:]))
    assert likelihood(found[:, 0], hits[0], core) == pytest.approx(0, abs=0.01)


def test_a_shift_without_answers_says_nothing() -> None:
    core = CORES["log-normal"]
    best = fit(SHIFTS, TOTAL - SAME, TOTAL)
    hits, total = np.append(TOTAL - SAME, 0.0), np.append(TOTAL, 0.0)
    position = core.position(np.append(SHIFTS, 20.0))
    found, _ = climb(best.parameters[:, np.newaxis], position, hits[np.newaxis], total[np.newaxis], core)
    assert likelihood(found[:, 0], hits[:-1], core) == pytest.approx(best.log_likelihood, abs=1e-6)


def test_the_climb_begins_inside_the_bounds() -> None:
    outside = np.array([[-100.0, 100.0], [-10.0, 10.0], [0.9, -0.2], [-0.2, 0.9]])
    begun, _ = climb(outside, SHIFTS, np.tile(TOTAL - SAME, (2, 1)), np.tile(TOTAL, (2, 1)), CORES["normal"], steps=0)
    lowest, highest = np.array(bounds(SHIFTS)).T
    np.testing.assert_allclose(begun.T, [[*lowest[:2], 0.5, 0], [*highest[:2], 0, 0.5]])


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_near_the_top_a_step_leaves_the_square_of_the_distance(core: Core) -> None:
    """Newton's steps: Fisher's would each leave a share of it, as the curve does not meet these answers."""
    hits, total, position = (TOTAL - SAME)[np.newaxis], TOTAL[np.newaxis], core.position(SHIFTS)
    top, height = climb(fit(SHIFTS, hits[0], TOTAL, core.name).parameters[:, np.newaxis], position, hits, total, core)
    steps = 5 if core.logarithmic else 7
    found, reached = climb(top + np.array([[0.1], [0.1], [0.02], [0.02]]), position, hits, total, core, steps=steps)
    np.testing.assert_allclose(found, top, atol=3e-6)
    assert reached == pytest.approx(height, abs=1e-9)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_the_way_is_the_same_in_any_unit(steps: int) -> None:
    core, larger = CORES["normal"], 512.0
    start = np.array([[2.5, 2.5], [1.0, 0.4], [0.05, 0.2], [0.1, 0.2]])
    hits, total = np.tile(TOTAL - SAME, (2, 1)), np.tile(TOTAL, (2, 1))
    found, _ = climb(start, SHIFTS, hits, total, core, steps=steps)
    scaled = np.stack([larger * start[0], start[1] + math.log(larger), *start[2:]])
    same, _ = climb(scaled, larger * SHIFTS, hits, total, core, steps=steps)
    np.testing.assert_allclose(same[0] / larger, found[0], rtol=1e-6)
    np.testing.assert_allclose(same[1] - math.log(larger), found[1], atol=1e-6)
    np.testing.assert_allclose(same[2:], found[2:], atol=1e-6)


def counted(core: Core, steps: list[int]) -> Core:
    """The core, which notes how many sets take each step: it is asked for its values before and after one."""
    asked = list[int]()

    def below(z: Floats) -> Floats:
        asked.append(len(z))
        steps[:] = asked[2::2]
        return core.below(z)

    return replace(core, below=below)


def test_a_fit_rests_once_a_step_gains_nothing() -> None:
    core, steps = CORES["log-normal"], list[int]()
    best = fit(SHIFTS, TOTAL - SAME, TOTAL).parameters
    start = np.stack([best, best + np.array([0.5, 0.5, 0.05, -0.05])], axis=1)
    hits, total = np.tile(TOTAL - SAME, (2, 1)), np.tile(TOTAL, (2, 1))
    climb(start, core.position(SHIFTS), hits, total, counted(core, steps))
    assert steps[0] == 2
    assert steps[2:] == [1] * (len(steps) - 2)  # the one that is there already does not wait for the other
    assert 4 < len(steps) < 10


def test_a_fit_rests_after_eight_steps_in_vain() -> None:
    """A core whose density says the opposite leads downhill, however short the step."""
    core, steps = CORES["normal"], list[int]()
    start = np.array([[4.5], [0.3], [0.0], [0.0]])
    hits = (TOTAL * core.below(SHIFTS - 4.5))[np.newaxis]
    astray = replace(counted(core, steps), density=lambda z: -core.density(z))
    found, _ = climb(start, SHIFTS, hits, TOTAL[np.newaxis], astray)
    np.testing.assert_allclose(found, start)
    assert steps == [1] * 8


@pytest.mark.parametrize("rate", [2, 3])
def test_a_rate_leaves_its_bound_however_few_answers_say_so(rate: int) -> None:
    core, few = CORES["normal"], 1e-3 * TOTAL
    truth = np.array([4.5, math.log(2), 0.02, 0.02])
    hits = few * probabilities(truth, SHIFTS, core)[0]
    start = truth.copy()
    start[rate] = 0.0
    found, _ = climb(start[:, np.newaxis], SHIFTS, hits[np.newaxis], few[np.newaxis], core)
    np.testing.assert_allclose(found[:, 0], truth, atol=1e-4)


@pytest.mark.parametrize("share", [1.0, 0.002])
def test_a_rate_pressed_against_its_bound_does_not_keep_the_others_from_the_top(share: float) -> None:
    core, number = CORES["normal"], share * TOTAL
    truth = np.array([4.0, math.log(1.5), 0.05, 0.55])
    different, _ = probabilities(truth, SHIFTS, core)
    start = (truth + np.array([0.3, 0.3, 0.0, -0.1]))[:, np.newaxis]
    (found,) = climb(start, SHIFTS, (number * different)[np.newaxis], number[np.newaxis], core)[0].T
    slope = approx_fprime(found, lambda at: likelihood(at, TOTAL * different, core))
    assert found[3] == 0.5
    assert slope[3] > 0
    assert np.all(np.abs(slope[:3]) < 0.1)
