"""The psychometric function of a study: the published figures, intervals over people and images, other cores."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import fisk, logistic, lognorm, norm, weibull_min

from analysis.errors import AnalysisError
from analysis.figure_style import draw
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.psychometric import fit
from analysis.psychometric.cores import CORES
from analysis.psychometric.figure import plot_psychometric
from analysis.psychometric.function import PsychometricFunction, psychometric_function
from analysis.psychometric.many_fits import fit_many
from analysis.responses.sources import PUBLISHED_TABLE1
from analysis.trial_counts import TrialCounts, read_counts

SHIFTS = np.arange(10.0)


@pytest.fixture(scope="module")
def published() -> PsychometricFunction:
    return psychometric_function(read_counts(PUBLISHED_TABLE1))


def test_the_papers_table_1(published: PsychometricFunction) -> None:
    assert published.core == "log-normal"
    assert published.threshold_px.estimate == pytest.approx(2.39, abs=0.005)
    assert published.threshold_px.low == pytest.approx(2.13, abs=0.03)
    assert published.threshold_px.high == pytest.approx(2.68, abs=0.03)
    assert published.lapse_rate.estimate == pytest.approx(0.085, abs=0.0005)
    assert published.false_alarm_rate.estimate == pytest.approx(0.064, abs=0.0005)
    assert published.deviance == pytest.approx(8.2, abs=0.05)
    # The χ² distribution with 6 degrees of freedom, which many answers approach, gives 0.227.
    assert published.deviance_p == pytest.approx(0.227, abs=0.04)
    assert published.overdispersion == pytest.approx(8.2 / 6, rel=0.1)
    assert published.cores[0].core == "log-normal"
    assert published.design_effect is None


def test_the_result_survives_json_and_has_a_row_a_shift(published: PsychometricFunction) -> None:
    assert PsychometricFunction.from_json(json.loads(json.dumps(published.to_json()))) == published
    frame = published.to_frame()
    assert frame["shift_px"].tolist() == list(range(10))
    assert frame["share"].tolist() == pytest.approx([row.different / row.total for row in published.rows])


@pytest.mark.parametrize(
    ("name", "scipys"),
    [
        ("log-normal", lambda x, m, s: lognorm.cdf(x, s, scale=m)),
        ("log-logistic", lambda x, m, s: fisk.cdf(x, 1 / s, scale=m)),
        ("weibull", lambda x, m, s: weibull_min.cdf(x, 1 / s, scale=m / np.log(2) ** s)),
        ("logistic", lambda x, m, s: logistic.cdf(x, m, s)),
        ("normal", lambda x, m, s: norm.cdf(x, m, s)),
    ],
)
def test_each_core_is_the_distribution_of_its_name(name: str, scipys: object) -> None:
    counts = read_counts(PUBLISHED_TABLE1)
    found = fit(counts.shift_px, counts.different, counts.total, name)
    shift = np.linspace(0, 9, 19)
    core = scipys(shift, found.median_px, found.spread)  # type: ignore[operator]
    expected = found.guess_rate + (1 - found.guess_rate - found.lapse_rate) * core
    np.testing.assert_allclose(found.probability(shift), expected, atol=1e-12)
    assert found.false_alarm_rate == pytest.approx(expected[0])
    assert found.probability(found.threshold_px) == pytest.approx(0.5)


@pytest.mark.parametrize("name", list(CORES))
def test_many_fits_at_once_are_as_likely_as_one_by_one(name: str) -> None:
    counts = read_counts(PUBLISHED_TABLE1)
    core = CORES[name]
    best = fit(SHIFTS, counts.different, counts.total, name)
    total = np.full((25, 10), 150.0)
    hits = np.random.default_rng(5).binomial(150, best.probability(SHIFTS), total.shape).astype(float)
    many = fit_many(best.parameters, SHIFTS, hits, total, core)
    for parameters, row in zip(many.T, hits, strict=True):
        alone = fit(SHIFTS, row, total[0], name)
        guess, lapse = parameters[2:]
        share = guess + (1 - guess - lapse) * core.below(
            (core.position(SHIFTS) - parameters[0]) / np.exp(parameters[1])
        )
        likely = (row * np.log(share) + (150 - row) * np.log(1 - share)).sum()
        assert likely == pytest.approx(alone.log_likelihood, abs=1e-3)


@pytest.mark.slow
def test_psignifit_finds_the_same_function() -> None:
    import psignifit

    counts = read_counts(PUBLISHED_TABLE1)
    data = np.stack([counts.shift_px, counts.different, counts.total], axis=1)
    grid = {"threshold": 30, "width": 30, "lambda": 15, "gamma": 15, "eta": 10}
    theirs = psignifit.psignifit(data, sigmoid="norm", experiment_type="yes/no", grid_steps=grid)
    threshold, ends = theirs.threshold(0.5)
    ours = psychometric_function(counts, core="normal")
    # Theirs is a mode under weak priors on width and rates, and its interval is wider by a beta-binomial's spread.
    assert ours.threshold_px.estimate == pytest.approx(threshold, rel=0.05)
    assert ours.threshold_px.low is not None
    assert ours.threshold_px.high is not None
    assert ends["0.95"][0] < ours.threshold_px.low
    assert ours.threshold_px.high < ends["0.95"][1]
    shift = np.linspace(0, 9, 10)
    np.testing.assert_allclose(
        [point.probability for point in ours.curve][::10], theirs.proportion_correct(shift), atol=0.03
    )


@pytest.mark.slow
def test_people_and_images_both_widen_the_interval() -> None:
    generator = np.random.default_rng(11)
    study = simulate(Design(), Population(participant_sd=0.5, image_sd=0.5), generator).counts()
    bare = TrialCounts(study.shift_px, study.different, study.total, None, None)
    images_only = TrialCounts(study.shift_px, study.different, study.total, None, study.by_photograph)
    widths = []
    for counts in (bare, images_only, study):
        threshold = psychometric_function(counts, replicates=1000).threshold_px
        assert threshold.low is not None
        assert threshold.high is not None
        assert threshold.low < threshold.estimate < threshold.high  # type: ignore[operator]
        widths.append(np.log(threshold.high / threshold.low))
    assert widths[0] < widths[1] < widths[2]
    effect = psychometric_function(study, replicates=1000).design_effect
    assert effect is not None
    # Student's factor of 30 participants is 1.04.
    assert effect == pytest.approx((widths[2] / widths[0] / 1.04) ** 2, rel=0.2)


@pytest.mark.slow
def test_where_answers_are_independent_the_interval_is_that_of_independent_answers() -> None:
    generator = np.random.default_rng(12)
    effects = []
    for _ in range(6):
        study = simulate(Design(), Population(participant_sd=0.0, image_sd=0.0, rate_spread=0.0), generator)
        effect = psychometric_function(study.counts(), replicates=300).design_effect
        assert effect is not None
        effects.append(effect)
    # Drawing both at once would give 3.
    assert np.median(effects) == pytest.approx(1, abs=0.2)


def test_the_same_seed_gives_the_same_interval(published: PsychometricFunction) -> None:
    assert psychometric_function(read_counts(PUBLISHED_TABLE1)) == published
    assert psychometric_function(read_counts(PUBLISHED_TABLE1), seed=1).threshold_px != published.threshold_px


def counts_from(different: list[int], total: int = 30) -> TrialCounts:
    shift = np.arange(float(len(different)))
    return TrialCounts(shift, np.array(different, float), np.full(len(different), float(total)), None, None)


def test_perfect_separation_is_said() -> None:
    found = psychometric_function(counts_from([0, 0, 0, 30, 30, 30]), replicates=200)
    assert any("step between 2 and 3 px (perfect separation)" in note for note in found.notes)


def test_a_function_that_does_not_cross_one_half_has_no_threshold_and_says_why() -> None:
    found = psychometric_function(counts_from([1, 2, 2, 3, 4, 5]), replicates=200)
    assert found.threshold_px.estimate is None
    assert "crosses one half at none of the shifts" in found.threshold_px.method


def test_a_perfect_fit_is_as_good_as_any() -> None:
    assert psychometric_function(counts_from([0] * 8), replicates=200).deviance_p == 1


def test_no_false_alarm_is_no_certainty() -> None:
    found = psychometric_function(counts_from([0, 3, 9, 16, 21, 27], total=30), replicates=1000).false_alarm_rate
    assert found.estimate == pytest.approx(0, abs=0.01)
    assert found.high is not None
    assert found.high > 0.02


def test_four_shifts_leave_no_deviance_to_judge_by() -> None:
    found = psychometric_function(counts_from([2, 9, 20, 28]), replicates=200)
    assert found.deviance_p is None
    assert found.overdispersion is None


def test_too_few_shifts_and_unknown_cores_are_named() -> None:
    with pytest.raises(AnalysisError, match="4 different shifts or more; these have answers at 3"):
        psychometric_function(counts_from([2, 9, 20]))
    with pytest.raises(AnalysisError, match="probit is no core"):
        psychometric_function(counts_from([2, 9, 20, 28]), core="probit")


def test_the_figure_shows_answers_curve_and_threshold(published: PsychometricFunction) -> None:
    (axes,) = draw(lambda ax: plot_psychometric(published, ax)).axes
    assert "threshold 2.39 px" in axes.texts[0].get_text()
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "95% interval of the curve",
        "log-normal fit",
        "answers, Wilson 95%",
    ]
