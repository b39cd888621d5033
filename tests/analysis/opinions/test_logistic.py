"""The curve between distances and scores: against SciPy's own search, in any units, and never turning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from analysis.opinions.logistic import fit_curve
from analysis.opinions.opinion_table import Floats


def five_parameters(beta: Floats, x: Floats) -> Floats:
    """The curve as it is written down in papers."""
    with np.errstate(over="ignore"):
        return np.asarray(beta[0] * (0.5 - 1 / (1 + np.exp(beta[1] * (x - beta[2])))) + beta[3] * x + beta[4])


def data(seed: int, noise: float, kind: str) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(seed)
    x = np.sort(generator.gamma(2.0, 0.5, 300) if kind == "skewed" else generator.uniform(0, 2, 300))
    beta = np.array([-3.0, 4.0, 0.8, -0.3, 4.0])
    return x, five_parameters(beta, x) + noise * generator.normal(size=len(x))


@pytest.mark.parametrize("kind", ["even", "skewed"])
@pytest.mark.parametrize("noise", [0.05, 0.5])
@pytest.mark.parametrize("seed", range(2))
def test_no_search_of_scipy_from_many_starts_comes_closer(kind: str, noise: float, seed: int) -> None:
    x, y = data(seed, noise, kind)
    found = fit_curve(x, y)
    generator = np.random.default_rng(99)
    costs = []
    for _ in range(12):
        start = [
            np.ptp(y) * generator.choice([-1, 1]),
            10 ** generator.uniform(-1, 1.5) / np.std(x),
            generator.choice(x),
            0.0,
            np.mean(y),
        ]
        with np.errstate(all="ignore"):
            costs.append(float(least_squares(lambda beta: five_parameters(beta, x) - y, start).cost))
    assert found.form == "logistic"
    assert float(np.sum((found.fitted - y) ** 2)) / 2 <= min(costs) * (1 + 1e-6)


def test_its_parameters_are_those_of_the_curve_that_it_gives() -> None:
    x, y = data(1, 0.3, "even")
    found = fit_curve(x, y)
    assert five_parameters(np.array(found.beta), x) == pytest.approx(found.fitted, abs=1e-9)
    assert found.beta[1] > 0
    assert found.direction == -1


@settings(max_examples=6)
@given(
    scale=st.floats(1e-6, 1e6),
    shift=st.floats(-1e3, 1e3),
    gain=st.sampled_from([-50.0, -1.0, 0.01, 7.0]),
    seed=st.integers(0, 20),
)
def test_units_change_nothing(scale: float, shift: float, gain: float, seed: int) -> None:
    x, y = data(seed, 0.4, "even")
    one, other = fit_curve(x, y), fit_curve(scale * (x + shift), gain * y + 3)
    assert other.fitted == pytest.approx(gain * one.fitted + 3, abs=1e-4 * abs(gain))


def test_a_curve_that_turns_gives_way_to_the_closest_that_does_not() -> None:
    x = np.linspace(0, 1, 200)
    y = 1 / (1 + np.exp(-20 * (x - 0.3))) - 0.6 * x + 0.02 * np.random.default_rng(0).normal(size=200)
    found = fit_curve(x, y)
    steps = np.diff(found.fitted)
    assert found.form == "monotone logistic"
    assert (steps >= -1e-9).all() or (steps <= 1e-9).all()
    # None of the curves that rise, whatever their parameters, comes closer.
    bounds = ([0, 1e-3, -2, 0, -5], [5, 500, 3, 5, 5])
    others = [
        least_squares(lambda b: five_parameters(b, x) - y, [1, slope, centre, 0.1, 0], bounds=bounds).cost
        for slope in (1, 10, 50)
        for centre in (0.1, 0.3, 0.7)
    ]
    assert float(np.sum((found.fitted - y) ** 2)) / 2 <= min(others) * (1 + 1e-4)


def test_a_steep_flank_at_one_end_is_found() -> None:
    x = np.linspace(0, 1, 400)
    beta = np.array([-3.0, 300.0, 0.03, -0.5, 4.0])
    y = five_parameters(beta, x) + 0.05 * np.random.default_rng(0).normal(size=400)
    assert fit_curve(x, y).fitted == pytest.approx(five_parameters(beta, x), abs=0.15)


def test_few_distances_have_a_straight_line() -> None:
    x = np.repeat([1.0, 2.0, 4.0], 5)
    y = np.arange(15.0)
    found = fit_curve(x, y)
    assert found.form == "line"
    assert found.fitted == pytest.approx(np.polyval(np.polyfit(x, y, 1), x))


def test_outliers_far_away_and_a_step_have_a_finite_curve() -> None:
    x = np.concatenate([np.linspace(0, 1, 100), [1e9]])
    y = np.concatenate([np.linspace(5, 1, 100), [0.9]])
    assert np.isfinite(fit_curve(x, y).fitted).all()
    step = fit_curve(np.linspace(0, 1, 100), (np.linspace(0, 1, 100) > 0.5).astype(float))
    assert np.isfinite(step.beta).all()
    assert np.corrcoef(step.fitted, np.linspace(0, 1, 100) > 0.5)[0, 1] > 0.99
