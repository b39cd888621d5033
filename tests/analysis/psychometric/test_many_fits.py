"""Refits of a bootstrap reach the top, whatever the curve: against fresh fits, other searches and known figures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import xlogy
from scipy.stats import gumbel_l, logistic, norm

from analysis.psychometric import fit
from analysis.psychometric.cores import CORES, Core, Floats
from analysis.psychometric.function import psychometric_function
from analysis.psychometric.likelihood import log_likelihood, probabilities
from analysis.psychometric.many_fits import fit_many, preferred
from analysis.resampling import draw
from analysis.trial_counts import TrialCounts, read_counts

COUNTS = Path(__file__).parents[2] / "data" / "separable_counts"
SHIFTS = np.arange(10.0)
# Median, spread of the logarithm, false-alarm rate, lapse rate, answers a shift.
CURVES = [(3.4, 0.1, 0.0, 0.0, 40), (4.4, 0.03, 0.0, 0.0, 25), (3.0, 0.9, 0.1, 0.05, 12), (6.0, 1.5, 0.1, 0.0, 60)]
DISTRIBUTIONS = {
    "log-normal": norm, "normal": norm, "log-logistic": logistic, "logistic": logistic,
    "weibull": gumbel_l(loc=-math.log(math.log(2))),
}  # fmt: skip


def drawn(core: Core, curve: tuple[float, float, float, float, int], draws: int) -> tuple[Floats, Floats, Floats]:
    """What `fit_many` is near to, and hits and answers of bootstrap draws of an observer."""
    median, spread, false_alarms, lapses, number = curve
    location, scale = (math.log(median), spread) if core.logarithmic else (median, spread * median)
    truth = np.array([location, math.log(scale), false_alarms, lapses])
    generator = np.random.default_rng(4)
    total = np.full(10, float(number))
    observed = generator.binomial(number, different(truth, core)).astype(float)
    best = fit(SHIFTS, observed, total, core.name)
    counts = TrialCounts(SHIFTS, observed, total, None, None)
    return best.parameters, *draw(counts, draws, generator, different(best.parameters, core)).trials


def different(parameters: Floats, core: Core) -> Floats:
    return np.clip(probabilities(parameters, core.position(SHIFTS), core)[0], 0, 1)


def likelihoods(parameters: Floats, hits: Floats, answers: Floats, core: Core) -> Floats:
    return log_likelihood(*probabilities(parameters[..., np.newaxis], core.position(SHIFTS), core), hits, answers)


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_every_refit_is_as_likely_as_a_fresh_fit(core: Core) -> None:
    """`benchmarks.refits` does so for 10,000 draws of 50 curves."""
    for curve in CURVES:
        near, hits, answers = drawn(core, curve, 4)
        found = likelihoods(fit_many(near, SHIFTS, hits, answers, core), hits, answers, core)
        fresh = [fit(SHIFTS, *row, core.name).log_likelihood for row in zip(hits, answers, strict=True)]
        assert np.all(found >= np.array(fresh) - 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_no_quasi_newton_search_from_anywhere_finds_more(core: Core) -> None:
    for curve in CURVES[:3]:
        near, hits, answers = drawn(core, curve, 1)
        (found,) = likelihoods(fit_many(near, SHIFTS, hits, answers, core), hits, answers, core)
        assert found >= searched(core, hits[0], answers[0]) - 1e-3


def searched(core: Core, hits: Floats, answers: Floats) -> float:
    position, scipys = core.position(SHIFTS), DISTRIBUTIONS[core.name]

    def loss(at: Floats) -> float:
        z, rest = (position - at[0]) / np.exp(at[1]), 1 - at[2] - at[3]
        with np.errstate(over="ignore"):
            chances = at[2] + rest * scipys.cdf(z), at[3] + rest * scipys.sf(z)
        log = [np.maximum(chance, 1e-300) for chance in chances]
        return -float((xlogy(hits, log[0]) + xlogy(answers - hits, log[1])).sum())

    unit = 1 if core.logarithmic else 5
    # As far as `bounds` lets a fit go.
    narrowest = (math.log(9 / 8) if core.logarithmic else 1) / 20
    limits = [(-2.0, 4.0) if core.logarithmic else (-9.0, 18.0), (math.log(narrowest), 4.0), (0.0, 0.5), (0.0, 0.5)]
    return max(
        -minimize(loss, [location, math.log(unit * spread), rate, rate], method="L-BFGS-B", bounds=limits).fun
        for location in core.position(np.arange(1.5, 9))
        for spread in (0.05, 0.2, 0.8)
        for rate in (0.02, 0.2)
    )


@pytest.mark.parametrize(
    ("core", "hits", "total"),
    [("normal", [4, 1, 15, 33, 49, 47, 46, 44, 50, 48], 60), ("log-normal", [1, 2, 4, 4, 6, 10, 11, 10, 9, 9], 12)],
)
def test_a_ridge_is_walked_to_its_top(core: str, hits: list[int], total: int) -> None:
    """Fisher's steps along it are so short that they end 0.01 below."""
    shape, counts = CORES[core], np.array([hits], dtype=float)
    answers = np.full((1, 10), float(total))
    near = np.array([float(shape.position(2.5)), -0.5, 0.05, 0.2])
    (found,) = likelihoods(fit_many(near, SHIFTS, counts, answers, shape), counts, answers, shape)
    # A quasi-Newton search, from there.
    position = shape.position(SHIFTS)
    others = [
        minimize(
            lambda at: -float(log_likelihood(*probabilities(at, position, shape), counts[0], answers[0])),
            start, method="L-BFGS-B", bounds=[(-9, 18), (-3, 4), (0, 0.5), (0, 0.5)], options={"ftol": 1e-15},
        ).fun
        for start in (near, [float(shape.position(3.8)), -1.6, 0.2, 0.2])
    ]  # fmt: skip
    assert found == pytest.approx(-min(others), abs=1e-4)


def test_a_flank_that_two_shifts_see_is_found() -> None:
    """A search from twelve spreads ended at −198.229."""
    found = fit(range(10), [25, 33, 134] + [150] * 7, [150] * 10)
    assert found.log_likelihood == pytest.approx(-197.917, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "threshold", "low", "high"),
    # Of the first, the ends are those of exact refits of the same draws.
    [
        ("steep", 3.377, 3.131, 3.546),
        pytest.param("few", 4.082, 3.846, 4.310, marks=pytest.mark.slow),
        pytest.param("moderate", 3.314, 3.114, 3.538, marks=pytest.mark.slow),
    ],
)
def test_the_interval_of_a_trained_observer(name: str, threshold: float, low: float, high: float) -> None:
    found = psychometric_function(read_counts(str(COUNTS / f"{name}.csv"))).threshold_px
    assert (found.estimate, found.low, found.high) == (
        pytest.approx(threshold, abs=1e-3), pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02),
    )  # fmt: skip


def test_many_draws_are_fitted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.psychometric import many_fits

    core = CORES["weibull"]
    near, hits, answers = drawn(core, CURVES[0], 7)
    at_once = fit_many(near, SHIFTS, hits, answers, core)
    monkeypatch.setattr(many_fits, "_BATCH", 3)
    in_batches = fit_many(near, SHIFTS, hits, answers, core)
    # Rates of the table are those of a batch; the tops are the same.
    np.testing.assert_allclose(
        likelihoods(in_batches, hits, answers, core), likelihoods(at_once, hits, answers, core), atol=1e-4
    )


def test_of_tops_as_likely_as_each_other_the_widest_is_preferred() -> None:
    log_spread = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.05], [-2.0, -2.0, 1.0]])
    tops = np.stack([np.zeros((3, 3)), log_spread, np.zeros((3, 3)), np.zeros((3, 3))])
    likely = np.array([[-5.0, -5.0, -6.0], [-5.000005, -5.1, -5.000001], [-5.0, -9.0, -5.0]])
    assert preferred(tops, likely).tolist() == [1, 0, 2]


def test_a_step_that_one_shift_sees_is_as_wide_as_its_neighbours_let_it_be() -> None:
    """At 4 px a quarter is "different", at 5 px everything: any narrower flank is as likely, a wider one is not."""
    hits, total = [0] * 4 + [10] + [40] * 5, [40] * 10
    found = fit(SHIFTS, hits, total)
    assert found.probability(4) == pytest.approx(0.25, abs=1e-4)
    best = float((xlogy([10], [0.25]) + xlogy([30], [0.75]))[0])
    assert found.log_likelihood == pytest.approx(best, abs=2e-5)
    z = (math.log(5) - math.log(4)) / found.spread
    assert 4.5 < z + norm.ppf(0.25) < 6.5  # where 40 answers tell nothing from 1
