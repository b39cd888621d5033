"""The climb to the top: where it may go, from where they find the top, what they leave alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from analysis.psychometric import fit
from analysis.psychometric.cores import CORES, Core
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
