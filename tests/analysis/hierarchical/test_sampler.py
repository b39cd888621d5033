"""The draws: slopes, steps that leave a posterior as it is, priors given back, and a long run of NumPyro's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import halfnorm, kstest, norm

from analysis.hierarchical.centred import centred_step
from analysis.hierarchical.convergence import effective, r_hat
from analysis.hierarchical.density import odds_of_none, shortest
from analysis.hierarchical.groups import Groups
from analysis.hierarchical.posterior import Posterior, Prior, Varying
from analysis.hierarchical.sampler import _trajectory, sample
from analysis.hierarchical.seen_shift import SeenShift, logits, rates
from analysis.psychometric.cores import CORES
from analysis.psychometric.likelihood import probabilities

PRIOR = Prior(np.array([1.0, -0.3, -2.0, -2.0]), np.array([1.0, 0.7, 1.5, 1.5]), np.array([0.7, 0.5, 1, 1, 0.7, 0.5]))


def posterior(core: str = "log-normal", answers: int = 200, seed: int = 0) -> Posterior:
    generator = np.random.default_rng(seed)
    shift = generator.integers(10, size=answers)
    outcome = SeenShift(generator.random(answers) < 0.1 + 0.08 * shift, CORES[core].position(shift), CORES[core])
    people = Varying(Groups(generator.integers(6, size=answers), 6), (0, 1, 2, 3))
    pictures = Varying(Groups(generator.integers(9, size=answers), 9), (0, 1))
    return Posterior(outcome, (people, pictures), PRIOR)


def states(some: Posterior, count: int, seed: int = 1) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """From the prior."""
    generator = np.random.default_rng(seed)
    found = generator.standard_normal((count, some.size))
    found[:, :4] = PRIOR.mean + PRIOR.spread * found[:, :4]
    found[:, 4 : some.edge] *= PRIOR.scale
    return found


@pytest.mark.parametrize("core", ["log-normal", "log-logistic", "weibull"])
def test_slopes_are_those_of_the_height(core: str) -> None:
    some = posterior(core)
    at = 0.5 * states(some, 2) + 0.5 * np.concatenate([PRIOR.mean, np.zeros(some.size - 4)])
    _, slope = some.height_and_slope(at)
    for place in range(some.size):
        step = np.zeros(some.size)
        step[place] = 1e-6
        up, down = some.height_and_slope(at + step)[0], some.height_and_slope(at - step)[0]
        np.testing.assert_allclose(slope[:, place], (up - down) / 2e-6, rtol=1e-4, atol=1e-4)


def test_the_probability_is_that_of_the_psychometric_function() -> None:
    core = CORES["weibull"]
    shift = np.arange(10)
    outcome = SeenShift(np.ones(10, dtype=bool), core.position(shift), core)
    eta = np.array([0.8, -0.3, float(logits(0.07)), float(logits(0.04))])[:, np.newaxis].repeat(10, axis=1)
    np.testing.assert_allclose(rates(eta[2:, 0]), [0.07, 0.04])
    expected, _ = probabilities(np.array([0.8, -0.3, 0.07, 0.04]), core.position(shift), core)
    np.testing.assert_allclose(outcome.share(eta), expected, atol=1e-12)
    np.testing.assert_allclose(outcome.log_likelihood_and_slopes(eta)[0], np.log(expected), atol=1e-12)


def test_the_information_is_the_variance_of_the_slopes() -> None:
    some = posterior(answers=1)
    at = states(some, 1)
    found = some.information(at)
    eta = some.parameters(at)
    share = float(some.outcome.share(eta)[0, 0])
    prior = np.concatenate([PRIOR.spread**-2.0, PRIOR.scale**-2.0, np.ones(some.size - some.edge)])
    expected = np.diag(prior)
    for answer, chance in ((True, share), (False, 1 - share)):
        said = Posterior(SeenShift(np.array([answer]), some.outcome.position, some.outcome.core), some.kinds, PRIOR)
        none = np.concatenate([-(at[0, :4] - PRIOR.mean), -at[0, 4:]]) * prior
        score = said.height_and_slope(at)[1][0] - none
        expected += chance * np.outer(score, score)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_a_centred_step_leaves_the_answers_as_likely_and_the_prior_as_it_is() -> None:
    some = posterior()
    before = states(some, 4000)
    after = before
    for seed in range(3):
        after = centred_step(some, after, np.random.default_rng(seed))
    np.testing.assert_allclose(some.parameters(after[:50]), some.parameters(before[:50]), atol=1e-9)
    assert np.abs(after - before)[:, : some.edge].mean() > 0.02
    for place in range(4):
        assert kstest((after[:, place] - PRIOR.mean[place]) / PRIOR.spread[place], norm.cdf).pvalue > 1e-3
    for place in range(6):
        assert kstest(np.abs(after[:, 4 + place]) / PRIOR.scale[place], halfnorm.cdf).pvalue > 1e-3


def test_without_answers_the_draws_are_those_of_the_prior() -> None:
    some = posterior(answers=0)
    kept = sample(some, states(some, 8), draws=150, generator=np.random.default_rng(3))
    assert kept.shape == (8, 150, some.size)
    fixed = (kept[..., :4] - PRIOR.mean) / PRIOR.spread
    assert np.abs(fixed.mean(axis=(0, 1))).max() < 0.15
    np.testing.assert_allclose(fixed.std(axis=(0, 1)), 1.0, atol=0.12)
    sds = np.abs(kept[..., 4 : some.edge]) / PRIOR.scale
    np.testing.assert_allclose(np.median(sds, axis=(0, 1)), halfnorm.median(), atol=0.12)
    np.testing.assert_allclose(kept[..., some.edge :].std(axis=(0, 1)), 1.0, atol=0.2)


def test_a_trajectory_that_goes_astray_is_not_taken() -> None:
    some = posterior()
    before = states(some, 500) * 0.3 + np.concatenate([0.7 * PRIOR.mean, np.zeros(some.size - 4)])
    inverse = 0.3 * np.eye(some.size)
    after, chance = _trajectory(some, inverse, before, 0.6, np.random.default_rng(0))
    moved = (after != before).any(axis=1)
    assert 0.02 < chance < 0.9
    assert moved.mean() == pytest.approx(chance, abs=0.08)


def test_chains_that_have_not_met_are_told() -> None:
    generator = np.random.default_rng(0)
    together = generator.normal(size=(4, 500))
    assert float(r_hat(together)) == pytest.approx(1.0, abs=0.01)
    assert float(r_hat(together + np.arange(4)[:, np.newaxis])) > 1.3
    assert effective(together) == pytest.approx(2000, rel=0.2)
    slow = np.zeros((4, 4000))
    for index in range(1, 4000):
        slow[:, index] = 0.8 * slow[:, index - 1] + generator.normal(size=4)
    assert effective(slow) == pytest.approx(16_000 * 0.2 / 1.8, rel=0.2)
    assert effective(together + np.arange(4)[:, np.newaxis]) < 50


def test_the_odds_of_none_and_the_shortest_interval() -> None:
    generator = np.random.default_rng(0)
    prior = np.abs(generator.normal(0, 0.7, 20_000))
    assert odds_of_none(prior, 0.7) == pytest.approx(1.0, abs=0.05)
    assert odds_of_none(prior / 2, 0.7) == pytest.approx(2.0, abs=0.1)
    assert odds_of_none(generator.normal(1.0, 0.1, 20_000), 0.7) < 1e-6
    low, high = shortest(prior)
    assert (low, high) == (0.0, pytest.approx(0.7 * 1.96, rel=0.03))
    assert shortest(generator.normal(1.0, 0.1, 20_000)) == (
        pytest.approx(1 - 0.196, abs=0.02),
        pytest.approx(1 + 0.196, abs=0.02),
    )
