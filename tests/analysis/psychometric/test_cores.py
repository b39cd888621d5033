"""Cores and likelihoods against SciPy's distributions, differences and the binomial distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, gumbel_l, logistic, norm

from analysis.errors import AnalysisError
from analysis.psychometric.cores import CORES, Core, core_named
from analysis.psychometric.likelihood import TINY, Evaluated, log_likelihood, probabilities, slopes, standard

# The Weibull distribution is, on logarithms, one of smallest values; its median is moved to 0.
MEDIAN = math.log(math.log(2))
DISTRIBUTIONS = {
    "log-normal": norm, "normal": norm, "log-logistic": logistic, "logistic": logistic,
    "weibull": gumbel_l(loc=-MEDIAN),
}  # fmt: skip
Z = np.linspace(-6, 4, 41)


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_a_core_is_a_distribution_with_its_density_and_quantiles(core: Core) -> None:
    scipys = DISTRIBUTIONS[core.name]
    np.testing.assert_allclose(core.below(Z), scipys.cdf(Z), rtol=1e-10)
    np.testing.assert_allclose(core.above(Z), scipys.sf(Z), rtol=1e-10)
    np.testing.assert_allclose(core.density(Z), scipys.pdf(Z), rtol=1e-10)
    np.testing.assert_allclose(core.bend(Z), (core.density(Z + 1e-6) - core.density(Z - 1e-6)) / 2e-6, atol=1e-9)
    assert core.below(np.array(0.0)) == pytest.approx(0.5)
    for share in (1e-9, 0.2, 0.5, 0.9):
        assert core.quantile(share) == pytest.approx(float(scipys.ppf(share)), rel=1e-9, abs=1e-12)
    assert (core.quantile(0.0), core.quantile(1.0)) == (-math.inf, math.inf)


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_a_core_is_0_or_1_far_away_and_says_so_without_overflow(core: Core) -> None:
    far = np.array([-math.inf, -1e9, 1e9, math.inf])
    assert core.below(far).tolist() == [0, 0, 1, 1]
    assert core.above(far).tolist() == [1, 1, 0, 0]
    assert core.density(far).tolist() == [0, 0, 0, 0]
    assert core.bend(far).tolist() == [0, 0, 0, 0]


def test_a_core_of_logarithms_has_no_place_for_a_shift_of_0() -> None:
    assert [name for name, core in CORES.items() if core.logarithmic] == ["log-normal", "log-logistic", "weibull"]
    logs, plain = CORES["log-normal"], CORES["normal"]
    assert logs.position([0, 1, 2.5]).tolist() == [-math.inf, 0, math.log(2.5)]
    assert plain.position([0, 1, 2.5]).tolist() == [0, 1, 2.5]
    assert logs.position([0, 1, 2]).dtype == plain.position([0, 1, 2]).dtype == np.float64
    assert logs.position(2).shape == plain.position(2).shape == ()
    for core in (logs, plain):
        np.testing.assert_allclose(core.shift(core.position([0, 1, 2.5])), [0, 1, 2.5])
        assert core.shift([1, 2]).dtype == np.float64


def test_cores_are_known_by_their_names() -> None:
    assert all(core_named(name) is core for name, core in CORES.items())
    with pytest.raises(AnalysisError) as caught:
        core_named("probit")
    assert str(caught.value) == (
        "probit is no core of a psychometric function; "
        "choose one of log-normal, log-logistic, weibull, logistic, normal."
    )


# Location, logarithm of the spread, false-alarm rate and lapse rate.
PARAMETERS = np.array([0.7, math.log(0.4), 0.06, 0.09])
SHIFT = np.array([0.0, 0.5, 1.0, 2.0, 3.0, 9.0])


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_probabilities_lie_between_the_rates(core: Core) -> None:
    position = core.position(SHIFT)
    different, same = probabilities(PARAMETERS, position, core)
    z = (position - 0.7) / 0.4
    np.testing.assert_allclose(standard(PARAMETERS, position), z)
    np.testing.assert_allclose(different, 0.06 + 0.85 * DISTRIBUTIONS[core.name].cdf(z))
    np.testing.assert_allclose(same, 0.09 + 0.85 * DISTRIBUTIONS[core.name].sf(z))


def test_a_small_probability_keeps_its_digits() -> None:
    _, same = probabilities(np.array([0.0, 0.0, 0.0, 0.0]), np.array([20.0]), CORES["normal"])
    assert same[0] == pytest.approx(float(norm.sf(20)), rel=1e-10)


def test_the_likelihood_is_that_of_independent_answers() -> None:
    hits, answers, share = np.array([0.0, 3, 7, 10]), np.array([10.0, 10, 9, 10]), np.array([0.1, 0.3, 0.6, 0.9])
    coefficients = [math.log(math.comb(int(n), int(k))) for k, n in zip(hits, answers, strict=True)]
    expected = binom.logpmf(hits, answers, share).sum() - sum(coefficients)
    assert float(log_likelihood(share, 1 - share, hits, answers)) == pytest.approx(float(expected))
    many = log_likelihood(np.stack([share, share]), np.stack([1 - share] * 2), hits, answers)
    assert many.tolist() == pytest.approx([expected, expected])


def test_the_likelihood_of_the_impossible_is_finite_and_that_of_nothing_is_1() -> None:
    never, always = np.array([0.0]), np.array([1.0])
    assert log_likelihood(never, always, np.array([2.0]), np.array([2.0])) == pytest.approx(2 * math.log(TINY))
    assert log_likelihood(always, never, np.array([0.0]), np.array([2.0])) == pytest.approx(2 * math.log(TINY))
    assert log_likelihood(never, always, np.array([0.0]), np.array([2.0])) == 0
    assert log_likelihood(always, never, np.array([2.0]), np.array([2.0])) == 0


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_slopes_are_those_of_the_probabilities(core: Core) -> None:
    position = core.position(SHIFT)
    found = slopes(PARAMETERS, position, core)
    assert found.shape == (4, len(SHIFT))
    for row, step in zip(found, 1e-6 * np.eye(4), strict=True):
        above, _ = probabilities(PARAMETERS + step, position, core)
        below, _ = probabilities(PARAMETERS - step, position, core)
        np.testing.assert_allclose(row, (above - below) / 2e-6, atol=1e-8)
    several = slopes(np.stack([PARAMETERS, PARAMETERS], axis=1)[..., np.newaxis], position, core)
    np.testing.assert_allclose(several, np.stack([found, found], axis=1))


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_curvature_is_how_slopes_change(core: Core) -> None:
    position = core.position(SHIFT)
    pull = np.array([[3.0, -2.0, 0.5, 4.0, -1.0, 2.0]])
    (found,) = Evaluated.at(PARAMETERS[:, np.newaxis, np.newaxis], position, core).curvature(pull)
    for row, step in zip(found, 1e-6 * np.eye(4), strict=True):
        above, below = (slopes(PARAMETERS + sign * step, position, core) for sign in (1, -1))
        np.testing.assert_allclose(row, (pull * (above - below)).sum(axis=1) / 2e-6, atol=1e-7)
    twice = Evaluated.at(np.stack([PARAMETERS, PARAMETERS], axis=1)[..., np.newaxis], position, core)
    np.testing.assert_array_equal(twice.curvature(np.tile(pull, (2, 1))), [found, found])
    np.testing.assert_array_equal(twice.of(np.array([False, True])).curvature(pull), [found])
