"""The psychometric function: published counts, simulated observers, and what must not change it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import differential_evolution
from scipy.stats import lognorm

from analysis.errors import AnalysisError
from analysis.psychometric import PsychometricFit, fit
from examples import examples

SHIFTS = list(range(10))
# Ghildyal & Liu 2022, Table 1: number of answers "same" of 150.
SAME = [140, 121, 84, 52, 52, 40, 35, 31, 27, 15]
DIFFERENT = [150 - same for same in SAME]

few = settings(deadline=None, max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])

# (shift, answers "different", further answers) at four different shifts or more
counts = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 40), st.integers(0, 40)).filter(lambda given: sum(given[1:]) > 0),
    min_size=4,
    max_size=10,
    unique_by=lambda given: given[0],
)


def curve(shift: Any, median: float, spread: float, false_alarm_rate: float, lapse_rate: float) -> NDArray[np.float64]:
    """The function as SciPy's log-normal distribution gives it."""
    core = lognorm.cdf(shift, s=spread, scale=median)
    return np.asarray(false_alarm_rate + (1 - false_alarm_rate - lapse_rate) * core)


def log_likelihood(probability: NDArray[np.float64], different: Any, total: Any) -> float:
    p = np.clip(probability, 1e-100, 1 - 1e-16)
    hits, answers = np.asarray(different, dtype=float), np.asarray(total, dtype=float)
    return float((hits * np.log(p) + (answers - hits) * np.log1p(-p)).sum())


def columns(rows: list[tuple[int, int, int]]) -> tuple[list[int], list[int], list[int]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[1] + row[2] for row in rows]


def test_the_papers_table_1() -> None:
    found = fit(SHIFTS, DIFFERENT, [150] * 10)
    assert found.threshold_px == pytest.approx(2.394, abs=0.001)
    assert found.median_px == pytest.approx(2.328, abs=0.001)
    assert found.false_alarm_rate == pytest.approx(0.0638, abs=0.0001)
    assert found.lapse_rate == pytest.approx(0.0846, abs=0.0001)
    assert found.log_likelihood == pytest.approx(-775.3463358, abs=1e-6)
    assert (found.shifts, found.answers) == (10, 1500)
    assert found.probability(found.threshold_px) == pytest.approx(0.5)


def test_log_likelihood_and_deviance_are_those_of_the_curve() -> None:
    found = fit(SHIFTS, DIFFERENT, [150] * 10)
    parameters = (found.median_px, found.spread, found.false_alarm_rate, found.lapse_rate)
    np.testing.assert_allclose(found.probability(SHIFTS), curve(SHIFTS, *parameters), rtol=1e-12)
    here = log_likelihood(found.probability(SHIFTS), DIFFERENT, [150] * 10)
    assert found.log_likelihood == pytest.approx(here, abs=1e-9)
    observed = np.array(DIFFERENT) / 150
    expected = found.probability(SHIFTS)
    terms = observed * np.log(observed / expected) + (1 - observed) * np.log((1 - observed) / (1 - expected))
    assert found.deviance == pytest.approx(2 * 150 * terms.sum(), abs=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_no_other_search_finds_a_likelier_curve(seed: int) -> None:
    random = np.random.default_rng(seed)
    shift = np.sort(random.choice(20, size=7, replace=False))
    total = random.integers(2, [10, 60, 300][seed % 3], size=7)
    different = random.binomial(total, curve(shift, random.uniform(1, 8), random.uniform(0.2, 1.2), 0.1, 0.1))
    other = differential_evolution(
        lambda at: -log_likelihood(curve(shift, math.exp(at[0]), math.exp(at[1]), at[2], at[3]), different, total),
        [(-1.0, 4.0), (-3.0, 2.0), (0.0, 0.5), (0.0, 0.5)],
        rng=seed,
        maxiter=150,
    )
    assert fit(shift, different, total).log_likelihood > -other.fun - 0.002


@few
@given(st.floats(1.5, 6), st.floats(0.25, 0.8), st.floats(0, 0.3), st.floats(0, 0.3))
@example(4.5, 0.25, 0.001, 0.0)  # a small rate, which a search may leave for 0
@example(5.0, 0.8, 0.001, 0.1)
@example(1.5, 0.25, 6e-8, 6e-8)  # six answers of a hundred million
def test_the_curve_behind_many_answers_is_recovered(
    median: float, spread: float, false_alarm_rate: float, lapse_rate: float
) -> None:
    shift = np.arange(31)
    different = np.rint(1e8 * curve(shift, median, spread, false_alarm_rate, lapse_rate))
    found = fit(shift, different, np.full(31, 1e8))
    assert found.median_px == pytest.approx(median, rel=1e-3)
    assert found.spread == pytest.approx(spread, rel=1e-3)
    assert found.false_alarm_rate == pytest.approx(false_alarm_rate, abs=1e-4)
    assert found.lapse_rate == pytest.approx(lapse_rate, abs=1e-4)
    share = (0.5 - false_alarm_rate) / (1 - false_alarm_rate - lapse_rate)
    assert found.threshold_px == pytest.approx(lognorm.ppf(share, s=spread, scale=median), rel=1e-3)


@few
@given(st.floats(1.5, 6), st.floats(0.25, 0.8), st.floats(0, 0.2), st.floats(0, 0.2), st.integers(0, 2**32 - 1))
def test_no_simulated_observer_is_likelier_than_the_fit(
    median: float, spread: float, false_alarm_rate: float, lapse_rate: float, seed: int
) -> None:
    truth = curve(SHIFTS, median, spread, false_alarm_rate, lapse_rate)
    different = np.random.default_rng(seed).binomial(150, truth)
    found = fit(SHIFTS, different, [150] * 10)
    assert found.log_likelihood >= log_likelihood(truth, different, [150] * 10) - 1e-6
    # Six standard deviations of a share of 150 answers, each way, at each shift that was shown.
    assert np.all(np.abs(found.probability(SHIFTS) - truth) < 6 * math.sqrt(0.25 / 150))


@few
@given(counts)
def test_whatever_the_answers_the_curve_is_sound(rows: list[tuple[int, int, int]]) -> None:
    shift, different, total = columns(rows)
    found = fit(shift, different, total)
    assert 0 <= found.false_alarm_rate <= 0.5
    assert 0 <= found.lapse_rate <= 0.5
    assert found.deviance >= 0
    probability = found.probability(np.linspace(0, 30, 301))
    assert np.all((probability >= 0) & (probability <= 1))
    assert np.all(np.diff(probability) >= -1e-12)
    assert probability[0] == pytest.approx(found.false_alarm_rate)
    if found.threshold_px is None:
        inside = found.probability([min(shift), max(shift)])
        assert inside[0] >= 0.5 - 1e-9 or inside[1] <= 0.5 + 1e-9
    else:
        assert min(shift) <= found.threshold_px <= max(shift)
        assert found.probability(found.threshold_px) == pytest.approx(0.5, abs=1e-6)


@few
@given(counts, st.randoms(use_true_random=False))
def test_splitting_and_ordering_the_counts_makes_no_difference(rows: list[tuple[int, int, int]], random: Any) -> None:
    split = []
    for shift, different, same in rows:
        part = (random.randint(0, different), random.randint(0, same))
        split += [(shift, *part), (shift, different - part[0], same - part[1])]
    random.shuffle(split)
    assert fit(*columns(split)) == fit(*columns(rows))


def test_the_unit_of_the_shift_scales_the_threshold() -> None:
    found, doubled = (fit(np.multiply(SHIFTS, unit), DIFFERENT, [150] * 10) for unit in (1, 2))
    assert found.threshold_px is not None
    assert doubled.threshold_px == pytest.approx(2 * found.threshold_px, rel=1e-4)
    assert doubled.spread == pytest.approx(found.spread, rel=1e-3)


@pytest.mark.parametrize(
    "different",
    [
        [0] * 10,  # nobody sees anything
        [150] * 10,  # nobody says "same"
        [75] * 10,
        [10, 12, 14, 16, 18, 20, 22, 24, 26, 28],
        DIFFERENT[::-1],
    ],
)
def test_a_curve_that_does_not_cross_one_half_has_no_threshold(different: list[int]) -> None:
    assert fit(SHIFTS, different, [150] * 10).threshold_px is None


def test_a_step_has_its_threshold_between_the_two_shifts() -> None:
    found = fit(SHIFTS, [0] * 4 + [150] * 6, [150] * 10)
    assert found.threshold_px is not None
    assert 3 < found.threshold_px < 4
    assert found.deviance == pytest.approx(0, abs=1e-6)


def test_shifts_without_answers_are_ignored() -> None:
    assert fit([*SHIFTS, 50], [*DIFFERENT, 0], [150] * 10 + [0]) == fit(SHIFTS, DIFFERENT, [150] * 10)


def test_probability_has_the_shape_of_the_shifts() -> None:
    found = fit(SHIFTS, DIFFERENT, [150] * 10)
    assert found.probability(3).shape == ()
    assert found.probability([[1, 2, 3]]).shape == (1, 3)
    assert found.probability(math.inf) == pytest.approx(1 - found.lapse_rate)
    for wrong in (-1, math.nan, "three"):
        with pytest.raises(AnalysisError, match="shift_px"):
            found.probability(wrong)


def test_the_result_is_json() -> None:
    found = fit(SHIFTS, DIFFERENT, [150] * 10)
    assert PsychometricFit.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([], [], []), "4 different shifts or more; these have answers at 0"),
        (([0, 1, 2, 2], [1, 1, 1, 1], [2, 2, 2, 2]), "these have answers at 3"),
        (([0, 1, 2, 3], [0, 1, 1, 0], [2, 2, 2, 0]), "these have answers at 3"),
        (([0, 1, 2, 3], [0, 1, 2], [2, 2, 2, 2]), r"shapes \(4,\), \(3,\) and \(4,\)"),
        (([[0, 1, 2, 3]], [[0, 1, 2, 2]], [[2, 2, 2, 2]]), "three lists of one length"),
        ((3, 1, 2), "three lists of one length"),
        (([0, 1, 2, -3], [0, 1, 2, 2], [2, 2, 2, 2]), "shift_px holds"),
        (([0, 1, 2, math.nan], [0, 1, 2, 2], [2, 2, 2, 2]), "shift_px holds"),
        (([0, 1, 2, math.inf], [0, 1, 2, 2], [2, 2, 2, 2]), "shift_px holds"),
        (([0, 1, 2, 1e-300], [0, 1, 2, 2], [2, 2, 2, 2]), "shift_px holds"),
        (([0, 1, 2, 3], [0, 1, 2, 0.5], [2, 2, 2, 2]), "different holds"),
        (([0, 1, 2, 3], [0, 1, 2, -1], [2, 2, 2, 2]), "different holds"),
        (([0, 1, 2, 3], [0, 1, 2, 2], [2, 2, 2, math.nan]), "total holds"),
        (([0, 1, 2, 3], [0, 1, 3, 2], [2, 2, 2, 2]), "at a shift of 2 px"),
        (([0, 1, 2, "x"], [0, 1, 2, 2], [2, 2, 2, 2]), "shift_px is not a list of numbers"),
        (([0, 1, 2, 3], [0, 1, [2], 2], [2, 2, 2, 2]), "different is not a list of numbers"),
        (([0, 1, 2, 3], None, [2, 2, 2, 2]), "shapes"),
    ],
)
def test_what_cannot_be_fitted_is_named(arguments: tuple[Any, Any, Any], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        fit(*arguments)


def test_pandas_is_not_needed() -> None:
    program = "import sys, analysis.psychometric; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
