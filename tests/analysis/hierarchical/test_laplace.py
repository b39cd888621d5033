"""Laplace's likelihood, its slope, its top and its profile: against differences, quadrature and lme4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import chi2

from analysis.errors import AnalysisError
from analysis.hierarchical.groups import Groups
from analysis.hierarchical.laplace import MixedLogistic, conditional, slope
from analysis.hierarchical.maximum import maximise
from analysis.hierarchical.profile import profile

LME4 = Path(__file__).parents[2] / "data" / "lme4"


def model(people: int, photographs: int, seed: int = 0, answers: int = 300) -> MixedLogistic:
    """Effects of photographs count in some of the answers only."""
    generator = np.random.default_rng(seed)
    kinds = [Groups(generator.integers(people, size=answers), people)]
    weights = [np.ones(answers)]
    if photographs:
        kinds.append(Groups(generator.integers(photographs, size=answers), photographs))
        weights.append((generator.random(answers) < 0.8).astype(np.float64))
    predictors = np.stack([np.ones(answers), generator.normal(size=answers)], axis=1)
    odds = predictors @ [-0.5, 1.0] + 0.7 * generator.normal(size=people)[kinds[0].codes]
    return MixedLogistic(generator.random(answers) < expit(odds), predictors, kinds, weights)


@pytest.mark.parametrize(("people", "photographs"), [(12, 30), (30, 12), (20, 0)])
def test_the_slope_is_that_of_the_likelihood(people: int, photographs: int) -> None:
    some = model(people, photographs)
    point = np.array([-0.4, 0.9, 0.5, 0.6])[: 2 + len(some.kinds)]

    def height(at: np.ndarray[Any, Any]) -> float:
        return conditional(some, at[:2], at[2:]).log_likelihood

    steps = 1e-5 * np.eye(len(point))
    expected = [(height(point + step) - height(point - step)) / 2e-5 for step in steps]
    found = slope(some, conditional(some, point[:2], point[2:]))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_likelihood_of_one_kind_is_nearly_that_by_quadrature() -> None:
    some = model(6, 0, answers=240)
    fixed, sd = np.array([-0.4, 0.9]), 0.6
    exact = 0.0
    for person in range(6):
        mine = some.kinds[0].codes == person
        level, said = (some.predictors @ fixed)[mine], some.answers[mine]

        def density(effect: float, level: Any = level, said: Any = said) -> float:
            odds = level + sd * effect
            return float(np.exp(np.where(said, -np.logaddexp(0, -odds), -np.logaddexp(0, odds)).sum() - effect**2 / 2))

        exact += np.log(quad(density, -8, 8, epsabs=0, points=[0])[0] / np.sqrt(2 * np.pi))
    assert conditional(some, fixed, np.array([sd])).log_likelihood == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize("name", ["alike", "both", "people"])
def test_the_top_and_its_profile_are_those_of_lme4(name: str) -> None:
    theirs = json.loads((LME4 / "figures.json").read_text(encoding="utf-8"))[name]
    table = pd.read_csv(LME4 / "answers.csv").query("study == @name")
    who, people = pd.factorize(table["participant"], sort=True)
    what, pictures = pd.factorize(table["photograph"], sort=True)
    shift = table["shift_px"].to_numpy(dtype=np.float64)
    predictors = np.stack([np.ones(len(table)), np.log2(1 + shift)], axis=1)
    kinds = [Groups(who, len(people)), Groups(what, len(pictures))]
    weights = [np.ones(len(table)), (shift > 0).astype(np.float64)]
    some = MixedLogistic(table["different"].to_numpy() == 1, predictors, kinds, weights)
    top = maximise(some, np.array([-2.0, 1.0]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(top.sds, theirs["sds"], atol=2e-5)
    np.testing.assert_allclose(top.fixed, theirs["fixed"], atol=2e-5)
    assert top.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-6)
    assert [sd == 0 for sd in top.sds] == [sd < 1e-6 for sd in theirs["sds"]]
    np.testing.assert_allclose(top.sds[0] * top.effects[0], theirs["participants"], atol=5e-5)
    errors = top.sds[0] * np.sqrt(top.matrix.variances()[0])
    np.testing.assert_allclose(errors, theirs["participant_errors"], atol=5e-5)
    for kind, (low, high) in enumerate(zip(theirs["low"], theirs["high"], strict=True)):
        if high >= 0:  # else lme4 has no profile
            found = profile(some, top, kind)
            assert (found.low, found.high) == (pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
            assert found.p == pytest.approx(_likelihood_ratio(some, top.log_likelihood, kind), rel=1e-3)


def _likelihood_ratio(some: MixedLogistic, top: float, kind: int) -> float:
    """p of a model without this kind, half of chi-squared's tail."""
    other = 1 - kind
    less = MixedLogistic(some.answers, some.predictors, [some.kinds[other]], [some.weights[other]])
    without = maximise(less, np.array([-2.0, 1.0]), np.array([0.5])).log_likelihood
    return 0.5 * float(chi2.sf(max(2 * (top - without), 0.0), 1))


def test_groups_whose_answers_are_all_alike_have_no_likeliest_difference() -> None:
    codes = np.repeat(np.arange(8), 40)
    some = MixedLogistic(codes % 2 == 0, np.ones((320, 1)), [Groups(codes, 8)], [np.ones(320)])
    with pytest.raises(AnalysisError, match="no likeliest value"):
        maximise(some, np.zeros(1), np.full(1, 0.5))
