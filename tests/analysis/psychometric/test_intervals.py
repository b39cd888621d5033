"""Levels, slope and width, and that each estimate lies in its own interval or says why it has none."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.stats import fisk, logistic, lognorm, norm, weibull_min

from analysis.errors import AnalysisError
from analysis.psychometric import PsychometricFit, fit
from analysis.psychometric.cores import CORES
from analysis.psychometric.function import PsychometricFunction, psychometric_function
from analysis.psychometric.levels import LevelOf, positions_at, slopes_at_threshold, steplike, widths
from analysis.responses.sources import PUBLISHED_TABLE1
from analysis.results import Estimate
from analysis.trial_counts import TrialCounts, read_counts
from examples import examples

COUNTS = Path(__file__).parents[2] / "data" / "separable_counts"
few = settings(deadline=None, max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow])
QUANTILE = {
    "log-normal": lambda p, m, s: lognorm.ppf(p, s, scale=m),
    "log-logistic": lambda p, m, s: fisk.ppf(p, 1 / s, scale=m),
    "weibull": lambda p, m, s: weibull_min.ppf(p, 1 / s, scale=m / np.log(2) ** s),
    "logistic": lambda p, m, s: logistic.ppf(p, m, s),
    "normal": lambda p, m, s: norm.ppf(p, m, s),
}


def of(different: list[int], total: int = 30) -> TrialCounts:
    shift = np.arange(float(len(different)))
    return TrialCounts(shift, np.array(different, float), np.full(len(different), float(total)), None, None)


def estimates(found: PsychometricFunction) -> list[Estimate]:
    own = [getattr(found, field.name) for field in fields(found)]
    return [value for value in own if isinstance(value, Estimate)] + [level.shift_px for level in found.levels]


@few
@given(
    st.sampled_from(list(CORES)),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(any), min_size=4, max_size=7),
    st.sampled_from(["curve", "core"]),
)
@example("normal", [(29, 1), (29, 1), (30, 0), (30, 0), (30, 0), (30, 0)], "curve")  # the median lies below 0
@example("weibull", [(0, 5), (0, 5), (5, 0), (5, 0)], "core")
@example("log-normal", [(5, 5)] * 5, "curve")
@example("log-logistic", [(9, 0), (5, 5), (2, 5), (0, 7)], "core")
def test_every_estimate_lies_in_its_interval_or_says_why_not(
    core: str, answers: list[tuple[int, int]], kind: LevelOf
) -> None:
    hits, same = np.array(answers, dtype=float).T
    counts = TrialCounts(np.arange(float(len(hits))), hits, hits + same, None, None)
    found = psychometric_function(counts, core=core, replicates=20, at=(0.25, 0.75), of=kind)
    for one in estimates(found):
        if one.estimate is None or one.low is None or one.high is None:
            assert one.low is one.high is None
            assert len(one.method.split()) > 4
        else:
            assert math.isfinite(one.estimate)
            assert one.low <= one.estimate <= one.high
    for point in found.curve:
        assert point.low is None or point.high is None or point.low <= point.probability <= point.high
    assert PsychometricFunction.from_json(found.to_json()) == found


def test_a_median_below_0_has_its_interval_and_a_sentence() -> None:
    found = psychometric_function(of([29, 29, 30, 30, 30, 30]), core="normal", replicates=100)
    assert found.median_px.estimate is not None
    assert found.median_px.low is not None
    assert found.median_px.low < found.median_px.estimate < 0
    assert any("determine" in note for note in found.notes)


def test_a_median_beyond_the_shifts_is_said() -> None:
    found = psychometric_function(of([14, 20, 25, 28, 29, 30]), core="log-normal", replicates=100)
    assert not any("median" in note for note in found.notes)
    beyond = psychometric_function(of([0, 0, 0, 1, 3, 9]), core="log-normal", replicates=100)
    (note,) = beyond.notes
    assert beyond.median_px.estimate is not None
    assert beyond.median_px.estimate > 5
    assert note.startswith(f"The core's median, {beyond.median_px.estimate:.3g} px, lies at none of the shifts")


@pytest.mark.parametrize("core", CORES)
def test_levels_slope_and_width_are_those_of_the_distribution(core: str) -> None:
    counts = read_counts(PUBLISHED_TABLE1)
    best = fit(counts.shift_px, counts.different, counts.total, core)
    of_curve = psychometric_function(counts, core=core, replicates=20, at=(0.25, 0.5, 0.75))
    assert best.probability([level.shift_px.estimate for level in of_curve.levels]) == pytest.approx([0.25, 0.5, 0.75])
    assert of_curve.levels[1].shift_px == of_curve.threshold_px
    of_core = psychometric_function(counts, core=core, replicates=20, at=(0.25, 0.5), of="core")
    ppf = lambda level: QUANTILE[core](level, best.median_px, best.spread)  # noqa: E731
    assert [level.shift_px.estimate for level in of_core.levels] == pytest.approx([ppf(0.25), best.median_px])
    assert [(level.level, level.of) for level in of_core.levels] == [(0.25, "core"), (0.5, "core")]
    at = of_curve.threshold_px.estimate
    assert at is not None
    rise = float(best.probability(at + 1e-5) - best.probability(at - 1e-5)) / 2e-5
    assert of_curve.slope_per_px.estimate == pytest.approx(rise, rel=1e-6)
    assert of_curve.width_px.estimate == pytest.approx(ppf(0.95) - ppf(0.05), rel=1e-9)


def test_intervals_of_level_slope_and_width_are_as_wide_as_the_likelihood_is_flat() -> None:
    """With many answers, they are those of the delta method, here by differences."""
    counts = read_counts(PUBLISHED_TABLE1)
    many = replace(counts, different=20 * counts.different, total=20 * counts.total)
    found = psychometric_function(many, replicates=400, at=(0.75,))
    best = fit(many.shift_px, many.different, many.total)
    core = CORES["log-normal"]

    def moved(step: np.ndarray) -> PsychometricFit:
        location, log_spread, guess, lapse = best.parameters + step
        return replace(
            best, median_px=math.exp(location), spread=math.exp(log_spread), guess_rate=guess, lapse_rate=lapse
        )

    def derivative(figure: object) -> np.ndarray:
        return np.array([(figure(moved(e)) - figure(moved(-e))) / 2e-5 for e in 1e-5 * np.eye(4)])  # type: ignore[operator]

    expected = best.probability(many.shift_px)
    slope = derivative(lambda one: one.probability(many.shift_px))
    covariance = np.linalg.inv((slope * many.total / (expected * (1 - expected))) @ slope.T)
    for estimate, figure in (
        (found.levels[0].shift_px, lambda one: positions_at(one.parameters[:, None], core, 0.75, "curve")[0]),
        (found.slope_per_px, lambda one: np.log(slopes_at_threshold(one.parameters[:, None], core)[0])),
        (found.width_px, lambda one: np.log(widths(one.parameters[:, None], core)[0])),
    ):
        to = derivative(figure)
        assert estimate.low is not None
        assert estimate.high is not None
        assert math.log(estimate.high / estimate.low) == pytest.approx(
            2 * 1.96 * math.sqrt(to @ covariance @ to), rel=0.2
        )


def test_a_level_that_is_at_no_shift_says_so() -> None:
    found = psychometric_function(of([5, 10, 15, 20, 24, 25]), replicates=50, at=(0.1, 0.99))
    assert [(level.shift_px.estimate, level.shift_px.method) for level in found.levels] == [
        (None, "the function reaches 0.1 at none of the shifts that were shown"),
        (None, "the function reaches 0.99 at none of the shifts that were shown"),
    ]
    (level,) = psychometric_function(of([5, 10, 15, 20, 24, 25]), replicates=50, at=(0.999,), of="core").levels
    assert level.shift_px.method == "the core reaches 0.999 at none of the shifts that were shown"
    with pytest.raises(AnalysisError, match=r"A level of 1\.5 is no share between 0 and 1; give one such as 0\.75\."):
        psychometric_function(of([5, 10, 15, 20, 24, 25]), at=(0.5, 1.5))


def test_answers_perfectly_separated_have_an_interval_between_the_shifts() -> None:
    found = psychometric_function(read_counts(str(COUNTS / "separated.csv")), replicates=200, at=(0.75,))
    method = "95% likelihood interval of independent answers, perfectly separated between 3 and 4 px"
    for one in (found.threshold_px, found.median_px, found.levels[0].shift_px):
        assert (one.low, one.high, one.method) == (3, 4, method)
    assert found.slope_per_px == Estimate(
        None, None, None, "the answers change at a step between 3 and 4 px: any steep slope fits"
    )
    for one in (found.spread, found.width_px):
        assert one.low == 0
        assert one.high is not None
        assert one.high > 0
        assert one.method.endswith("draws of the answers, taken as independent; the function may be a step")


def test_a_function_that_may_be_a_step_has_no_steepest_slope() -> None:
    steep = psychometric_function(read_counts(str(COUNTS / "steep.csv")), replicates=200)
    assert steep.slope_per_px.estimate == pytest.approx(1.149, abs=1e-3)
    assert steep.slope_per_px.low is steep.slope_per_px.high is None
    assert steep.slope_per_px.method.startswith("no interval: ")
    assert steep.width_px.low == 0
    moderate = psychometric_function(read_counts(str(COUNTS / "moderate.csv")), replicates=200)
    assert moderate.slope_per_px.low is not None
    assert moderate.width_px.low is not None
    assert moderate.width_px.low > 1.5
    without = psychometric_function(of([1, 2, 2, 3, 4, 5]), replicates=50).slope_per_px
    assert without.method == "no threshold: the function crosses one half at none of the shifts that were shown"


def test_a_step_is_what_at_most_one_shift_sees_the_flank_of() -> None:
    core = CORES["normal"]
    parameters = np.array([[4.0, 4.5, 4.0], np.log([0.1, 0.1, 0.5]), [0.0] * 3, [0.0] * 3])
    assert steplike(parameters, np.arange(10.0), core).tolist() == [1, 1, 0]
