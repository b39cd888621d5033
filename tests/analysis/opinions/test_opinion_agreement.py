"""Agreement with opinion scores: against SciPy, in draws, beside a ceiling, and what cannot be used."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import kendalltau, pearsonr, spearmanr

from analysis.errors import AnalysisError
from analysis.opinions.logistic import fit_curve
from analysis.opinions.metric_draws import OUTCOMES, MetricDraws
from analysis.opinions.opinion_agreement import OpinionAgreement, agree
from analysis.opinions.reference_draws import ReferenceDraws
from made_opinions import distances_of, made_opinions


def exponential(truth: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """A distance that falls with the true opinion, and not on a straight line."""
    return np.exp(-truth + noise * np.random.default_rng(seed).normal(size=truth.size))


@settings(max_examples=6)
@given(seed=st.integers(0, 1000), noise=st.floats(0, 3), rounded=st.booleans(), worse=st.booleans())
def test_the_figures_are_those_of_scipy(seed: int, noise: float, rounded: bool, worse: bool) -> None:
    opinions, truth = made_opinions(seed=seed)
    opinions = replace(opinions, standard_error=None)
    values = exponential(truth, noise, seed)
    if rounded:
        values, opinions = np.round(values, 1), replace(opinions, score=np.round(opinions.score))
    if worse:
        opinions = replace(opinions, score=-opinions.score, higher_is_worse=True)
    (found,) = agree(opinions, {"m": distances_of(opinions, values)}, replicates=100).metrics
    badness = opinions.score if worse else -opinions.score
    assert found.srcc.estimate == pytest.approx(spearmanr(values, badness).statistic)
    assert found.krcc.estimate == pytest.approx(kendalltau(values, badness).statistic)
    fitted = fit_curve(values, opinions.score).fitted
    assert abs(found.plcc.estimate or 0) == pytest.approx(pearsonr(fitted, opinions.score).statistic, abs=1e-7)
    assert found.rmse.estimate == pytest.approx(np.sqrt(np.mean((fitted - opinions.score) ** 2)), abs=1e-7)


def test_scores_of_difference_give_the_same_as_their_negatives() -> None:
    opinions, truth = made_opinions()
    distances = {"m": distances_of(opinions, exponential(truth, 0.5, 1))}
    one = agree(opinions, distances).metrics[0]
    other = agree(replace(opinions, score=-opinions.score, higher_is_worse=True), distances).metrics[0]
    for outcome in OUTCOMES:
        assert other.of(outcome).estimate == pytest.approx(one.of(outcome).estimate, abs=1e-6)
        assert other.of(outcome).low == pytest.approx(one.of(outcome).low, abs=1e-6)


def test_a_metric_that_is_against_people_has_correlations_below_zero() -> None:
    opinions, truth = made_opinions()
    found = agree(opinions, {"similarity": distances_of(opinions, -exponential(truth, 0.2, 1))})
    (metric,) = found.metrics
    for one in (metric.srcc, metric.krcc, metric.plcc):
        assert one.estimate is not None
        assert one.estimate < -0.7
    assert "orders the images against people" in " ".join(found.notes)


@pytest.mark.slow  # fits a hundred curves
def test_the_draws_of_references_are_those_of_fits_made_anew() -> None:
    opinions, truth = made_opinions(references=25, images=20)
    values = exponential(truth, 0.6, 3)
    draws = ReferenceDraws.of(25, 100, np.random.default_rng(0))
    cluster = opinions.cluster
    found = MetricDraws.of(values, opinions.score, False, cluster, draws.draws)
    plcc, rmse, srcc, krcc = [], [], [], []
    for times in draws.draws.counts.T.astype(int):
        rows = np.concatenate([np.flatnonzero(cluster == g) for g in range(25) for _ in range(times[g])])
        fitted = fit_curve(values[rows], opinions.score[rows]).fitted
        plcc.append(np.corrcoef(fitted, opinions.score[rows])[0, 1])
        rmse.append(np.sqrt(np.mean((fitted - opinions.score[rows]) ** 2)))
        srcc.append(spearmanr(values[rows], -opinions.score[rows]).statistic)
        krcc.append(kendalltau(values[rows], -opinions.score[rows]).statistic)
    assert found.drawn["srcc"] == pytest.approx(srcc, abs=1e-5)
    assert found.drawn["krcc"] == pytest.approx(krcc, abs=1e-5)
    # The curve moves to first order in the draws, which is next to nothing of what they scatter.
    for drawn, anew in ((found.drawn["plcc"], plcc), (found.drawn["rmse"], rmse)):
        assert np.std(drawn - anew) < 0.1 * np.std(anew)
        assert abs(np.mean(drawn - anew)) < 0.1 * np.std(anew)


def test_an_interval_is_as_wide_as_references_drawn_with_numpy_say() -> None:
    opinions, truth = made_opinions(references=30, images=12, error=None)
    values = exponential(truth, 0.8, 4)
    metric = agree(opinions, {"m": distances_of(opinions, values)}).metrics[0]
    generator, drawn = np.random.default_rng(11), []
    rows_of = [np.flatnonzero(opinions.cluster == number) for number in range(30)]
    for _ in range(600):
        rows = np.concatenate([rows_of[number] for number in generator.integers(0, 30, 30)])
        drawn.append(np.arctanh(spearmanr(values[rows], -opinions.score[rows]).statistic))
    assert metric.srcc.low is not None
    assert metric.srcc.high is not None
    width = np.arctanh(metric.srcc.high) - np.arctanh(metric.srcc.low)
    expected = 2 * stdtrit(29, 0.975) * np.std(drawn, ddof=1) * np.sqrt(30 / 29)
    assert width == pytest.approx(expected, rel=0.12)
    assert metric.srcc.low < (metric.srcc.estimate or 0) < metric.srcc.high


def test_the_better_of_two_metrics_is_found_and_equal_ones_are_not_told_apart() -> None:
    opinions, truth = made_opinions(references=25, images=12, error=None)
    distances = {
        name: distances_of(opinions, exponential(truth, noise, seed))
        for name, noise, seed in (("good", 0.3, 1), ("bad", 1.0, 2), ("as bad", 1.0, 3))
    }
    found = agree(opinions, distances)
    verdicts = {(one.outcome, one.first, one.second): one.verdict for one in found.comparisons}
    assert len(verdicts) == 3 * len(OUTCOMES)
    for outcome in OUTCOMES:
        assert verdicts[outcome, "good", "bad"] == "better"
        assert verdicts[outcome, "bad", "as bad"] == "undecided"
        corrected = sorted((one.p_value or 0, one.p_holm or 0) for one in found.comparisons if one.outcome == outcome)
        assert corrected[0][1] == pytest.approx(min(1, 3 * corrected[0][0]))
        assert all(one[1] <= other[1] for one, other in pairwise(corrected))
    reverse = agree(opinions, dict(reversed(distances.items())))
    assert {one.verdict for one in reverse.comparisons if one.second == "good"} == {"worse"}


@pytest.mark.parametrize("error", [pytest.param(0.2, marks=pytest.mark.slow), 0.8])
def test_the_ceiling_is_what_the_truth_reaches(error: float) -> None:
    reached, ceilings = [], []
    for seed in range(6):
        opinions, truth = made_opinions(references=10, images=25, error=error, seed=seed)
        ceiling = agree(opinions, {}, replicates=100).ceiling
        assert ceiling is not None
        ceilings.append([ceiling.srcc.estimate, ceiling.krcc.estimate, ceiling.plcc.estimate, ceiling.rmse.estimate])
        reached.append(
            [
                spearmanr(truth, opinions.score).statistic,
                kendalltau(truth, opinions.score).statistic,
                np.corrcoef(truth, opinions.score)[0, 1],
                np.sqrt(np.mean((truth - opinions.score) ** 2)),
            ]
        )
    assert np.mean(ceilings, axis=0) == pytest.approx(np.mean(reached, axis=0), abs=0.02)


def test_without_errors_there_is_no_ceiling_and_with_few_references_no_interval() -> None:
    opinions, truth = made_opinions(references=4, error=None)
    found = agree(opinions, {"m": distances_of(opinions, exponential(truth, 0.5, 1))}, replicates=100)
    assert found.ceiling is None
    assert found.metrics[0].srcc.low is None
    assert found.metrics[0].srcc.estimate is not None
    assert "4 references are fewer than the 10" in found.metrics[0].srcc.method
    assert "There is no ceiling" in " ".join(found.notes)
    certain = agree(replace(opinions, standard_error=np.zeros(len(opinions.score))), {}, replicates=100).ceiling
    assert certain is not None
    assert (certain.srcc.estimate, certain.plcc.estimate, certain.rmse.estimate) == (1.0, 1.0, 0.0)


def test_what_cannot_be_used_is_left_out_with_a_sentence() -> None:
    opinions, truth = made_opinions()
    good = dict(distances_of(opinions, exponential(truth, 0.5, 1)))
    first = opinions.keys[0]
    distances = {
        "good": good,
        "short": {key: value for key, value in good.items() if key != first},
        "odd": {**good, first: float("nan")},
        "flat": dict.fromkeys(good, 2.0),
    }
    found = agree(opinions, distances, replicates=100)
    assert [one.name for one in found.metrics] == ["good"]
    assert found.left_out == {
        "short": "short is left out: it has no distance for 1 of 120 images with a score, such as r00_0.png of "
        "r00.png; score them too.",
        "odd": "odd is left out: its distance of r00_0.png of r00.png is nan, not a finite number (1 of 120 are not); "
        "correct it.",
        "flat": "flat is left out: its distance is 2 for every image, which ranks nothing.",
    }
    with pytest.raises(AnalysisError, match="replicates is 10; give 100 or more"):
        agree(opinions, {}, replicates=10)


def test_a_result_comes_back_from_json_and_another_metric_changes_no_interval() -> None:
    opinions, truth = made_opinions()
    one = {"a": distances_of(opinions, exponential(truth, 0.5, 1))}
    two = one | {"b": distances_of(opinions, exponential(truth, 0.9, 2))}
    found, more = agree(opinions, one, replicates=200), agree(opinions, two, replicates=200)
    assert more.metrics[0] == found.metrics[0]
    assert OpinionAgreement.from_json(more.to_json()) == more
