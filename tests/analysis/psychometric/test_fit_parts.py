"""What a fit takes and refuses, word for word, and what it is described by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from analysis.errors import AnalysisError
from analysis.psychometric import fit
from analysis.psychometric.cores import CORES, Core
from analysis.psychometric.likelihood import probabilities
from analysis.psychometric.maximum_likelihood import crossings, described, pooled

SHIFT = np.arange(6.0)
HITS, ANSWERS = np.array([1.0, 3, 9, 20, 26, 27]), np.full(6, 30.0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([0, 1, 2, 3], [0, 1, 2], [2, 2, 2, 2]),
         "shift_px, different and total have the shapes (4,), (3,) and (4,); give three lists of one length."),
        (([0, 1, 2, 3], [0, 1, 2, 2], [2, 2, 2]),
         "shift_px, different and total have the shapes (4,), (4,) and (3,); give three lists of one length."),
        (([[0, 1, 2, 3]], [[0, 1, 2, 2]], [[2, 2, 2, 2]]),
         "shift_px, different and total have the shapes (1, 4), (1, 4) and (1, 4); give three lists of one length."),
        (([0, 1, 2, 9.9e-7], [0, 1, 2, 2], [2, 2, 2, 2]),
         "shift_px holds a value that is neither 0 nor from 1e-06 to 1,000,000 pixels; correct it."),
        (([0, 1, 2, 1.1e6], [0, 1, 2, 2], [2, 2, 2, 2]),
         "shift_px holds a value that is neither 0 nor from 1e-06 to 1,000,000 pixels; correct it."),
        (([0, 1, 2, 3], [0, 1, 2, 0.5], [2, 2, 2, 2]),
         "different holds a value that is not a whole number ≥ 0; give numbers of answers."),
        (([0, 1, 2, 3], [0, 1, 2, 2], [2, 2, 2, math.inf]),
         "total holds a value that is not a whole number ≥ 0; give numbers of answers."),
        (([0, 1, 2.5, 3], [0, 2, 3, 5], [2, 2, 2, 2]),
         "More answers are different than there are answers at a shift of 2.5 px; correct them."),
        (([0, 1, 2, "x"], [0, 1, 2, 2], [2, 2, 2, 2]), "shift_px is not a list of numbers; correct it."),
        (([0, 1, 2, 3], [0, 1, [2], 2], [2, 2, 2, 2]), "different is not a list of numbers; correct it."),
        (([0, 1, 2, 3], [0, 1, 2, 2], [2, 2, 2, "x"]), "total is not a list of numbers; correct it."),
        (([0, 1, 2, 2], [1, 1, 1, 1], [2, 2, 2, 2]),
         "A psychometric function needs answers at 4 different shifts or more; these have answers at 3."),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_said(arguments: tuple[Any, Any, Any], says: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        fit(*arguments)
    assert str(caught.value) == says


def test_the_smallest_and_the_largest_shift_are_taken() -> None:
    assert fit([0, 1e-6, 1, 1e6], [0, 1, 2, 2], [2, 2, 2, 2]).shifts == 4
    assert fit([0, 1, 2, 3], [0, 1, 2, 2], [2, 2, 2, 2]).answers == 8  # as many different answers as answers


def test_shifts_are_put_together() -> None:
    levels, hits, answers = pooled(
        np.array([3.0, 1, 0, 2, 1, 7]), np.array([3.0, 1, 0, 2, 4, 0]), np.array([9.0, 2, 1, 8, 5, 0])
    )
    assert (levels.tolist(), hits.tolist(), answers.tolist()) == ([0, 1, 2, 3], [0, 5, 2, 3], [1, 7, 8, 9])
    assert hits.dtype == answers.dtype == np.float64


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
def test_the_crossing_is_where_the_probability_is_one_half(core: Core) -> None:
    parameters = np.array([[0.7, 2.0, 0.3], [-0.5, 0.3, -1.0], [0.05, 0.45, 0.0], [0.1, 0.2, 0.4]])
    found = crossings(parameters, core)
    for column, place in zip(parameters.T, found, strict=True):
        excess = lambda t, column=column: float(probabilities(column, np.array(t), core)[0]) - 0.5  # noqa: E731
        assert place == pytest.approx(brentq(excess, -60, 60), abs=1e-8)


def test_there_is_no_crossing_where_half_of_the_answers_are_guessed_or_lapses() -> None:
    parameters = np.array([[1.0] * 3, [0.0] * 3, [0.5, 0.1, 0.499], [0.1, 0.5, 0.0]])
    assert np.isfinite(crossings(parameters, CORES["normal"])).tolist() == [False, False, True]


@pytest.mark.parametrize("core", CORES)
def test_a_fit_is_described_by_what_follows_from_its_parameters(core: str) -> None:
    shape = CORES[core]
    parameters = np.array([0.9 if shape.logarithmic else 2.5, math.log(0.5), 0.05, 0.1])
    found = described(parameters, SHIFT, HITS, ANSWERS, shape)
    z = (shape.position(SHIFT) - parameters[0]) / 0.5
    expected = 0.05 + 0.85 * shape.below(z)
    likely = float((HITS * np.log(expected) + (ANSWERS - HITS) * np.log(1 - expected)).sum())
    share = HITS / ANSWERS
    highest = float((HITS * np.log(share) + (ANSWERS - HITS) * np.log(1 - share)).sum())
    assert found.core == core
    assert found.median_px == pytest.approx(math.exp(0.9) if shape.logarithmic else 2.5)
    assert (found.spread, found.guess_rate, found.lapse_rate) == (pytest.approx(0.5), 0.05, 0.1)
    assert found.false_alarm_rate == pytest.approx(expected[0])
    assert found.log_likelihood == pytest.approx(likely)
    assert found.deviance == pytest.approx(2 * (highest - likely))
    pearson = float(((HITS - ANSWERS * expected) ** 2 / (ANSWERS * expected * (1 - expected))).sum())
    assert found.overdispersion == pytest.approx(pearson / 2)
    assert found.pearson_p == pytest.approx(chi2.sf(pearson, 2))
    assert found.aic == pytest.approx(8 - 2 * likely)
    assert (found.shifts, found.answers) == (6, 180)
    np.testing.assert_allclose(found.parameters, parameters)
    assert found.threshold_px is not None
    assert float(found.probability(found.threshold_px)) == pytest.approx(0.5)


def test_of_few_answers_nothing_is_said_of_the_fit() -> None:
    different = np.array([2, 3, 15, 25, 26, 10, 27])
    assert fit(range(7), different, [30] * 7).misfit is not None
    few = fit(range(7), [0, 0, 4, 9, 9, 3, 9], [9] * 7)
    assert few.pearson_p < 0.05
    assert few.misfit is None


def test_four_shifts_leave_no_overdispersion_and_five_do() -> None:
    assert fit(SHIFT[:4], HITS[:4], ANSWERS[:4]).overdispersion is None
    found = described(np.array([0.9, -0.7, 0.05, 0.1]), SHIFT[:5], HITS[:5], ANSWERS[:5], CORES["log-normal"])
    expected = found.probability(SHIFT[:5])
    pearson = ((HITS[:5] - 30 * expected) ** 2 / (30 * expected * (1 - expected))).sum()
    assert found.overdispersion == pytest.approx(float(pearson))


@pytest.mark.parametrize(("location", "threshold"), [(-0.001, None), (0.0, 0.0), (5.0, 5.0), (5.001, None)])
def test_a_threshold_is_at_a_shift_that_was_shown(location: float, threshold: float | None) -> None:
    found = described(np.array([location, 0.0, 0.0, 0.0]), SHIFT, HITS, ANSWERS, CORES["normal"])
    assert found.threshold_px == (None if threshold is None else pytest.approx(threshold))
    assert found.median_px == location


@pytest.mark.parametrize(("rate", "threshold"), [(0.4998, None), (0.499, 2.5)])
def test_a_curve_that_hardly_rises_crosses_nothing(rate: float, threshold: float | None) -> None:
    found = described(np.array([2.5, 0.0, rate, rate]), SHIFT, HITS, ANSWERS, CORES["normal"])
    assert found.threshold_px == (None if threshold is None else pytest.approx(threshold))


@pytest.mark.parametrize("core", ["log-normal", "normal"])
@pytest.mark.parametrize("away", [(0.4, 0.4, 0.2, 0.1), (-0.2, -0.5, 0.02, 0.3), (0.02, 0.0, 0.0, 0.0)])
def test_the_top_is_found_from_beside_it(core: str, away: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Fisher scoring rests too early, the last search goes on."""
    from analysis.psychometric import maximum_likelihood

    top = fit(SHIFT, HITS, ANSWERS, core)
    beside = (top.parameters + np.array(away))[:, np.newaxis]
    monkeypatch.setattr(maximum_likelihood, "highest", lambda *_: beside)
    found = fit(SHIFT, HITS, ANSWERS, core)
    assert found.log_likelihood == pytest.approx(top.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(found.parameters, top.parameters, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "says"), [(-1, "number ≥ 0"), (math.nan, "number ≥ 0"), ("three", "list of numbers")]
)
def test_a_probability_is_that_at_a_shift(wrong: Any, says: str) -> None:
    found = fit(SHIFT, HITS, ANSWERS)
    with pytest.raises(AnalysisError) as caught:
        found.probability(wrong)
    assert str(caught.value) == (
        "shift_px holds a value that is not a number ≥ 0; a psychometric function has none."
        if says == "number ≥ 0"
        else "shift_px is not a list of numbers; correct it."
    )
    assert float(found.probability(0)) == pytest.approx(found.false_alarm_rate)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("seed", range(8))
def test_no_neighbouring_curve_is_likelier(core: str, seed: int) -> None:
    """The top is a top: no small step from it leads higher, in any direction that its bounds leave."""
    generator = np.random.default_rng(seed)
    shift = np.sort(generator.choice(12, size=6, replace=False)).astype(float)
    answers = generator.integers(3, [8, 40, 200][seed % 3], size=6).astype(float)
    hits = generator.binomial(answers.astype(int), np.sort(generator.uniform(0.02, 0.98, 6))).astype(float)
    found = fit(shift, hits, answers, core)
    for direction in generator.normal(size=(60, 4)):
        for step in (1e-3, 0.05, 0.5):
            at = found.parameters + step * direction / np.linalg.norm(direction)
            at[2:] = np.clip(at[2:], 0, 0.5)
            near = described(at, shift, hits, answers, CORES[core])
            assert near.log_likelihood <= found.log_likelihood + 1e-6 * answers.sum()
