"""What a study's psychometric function says of each part: rows, curve, cores, notes, how well it fits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import lognorm

from analysis.errors import AnalysisError
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.psychometric import fit
from analysis.psychometric.cores import CORES
from analysis.psychometric.function import PsychometricFunction, psychometric_function
from analysis.psychometric.levels import LevelOf
from analysis.psychometric.visual_angle import in_arcmin
from analysis.responses.sources import PUBLISHED_TABLE1
from analysis.results import Estimate
from analysis.trial_counts import TrialCounts, read_counts
from analysis.wilson import wilson


@pytest.fixture(scope="module")
def counts() -> TrialCounts:
    return read_counts(PUBLISHED_TABLE1)


@pytest.fixture
def found(counts: TrialCounts) -> PsychometricFunction:
    return psychometric_function(counts, replicates=100)


def of(different: list[int], total: int = 30, shift: list[float] | None = None) -> TrialCounts:
    px = np.arange(float(len(different))) if shift is None else np.array(shift)
    return TrialCounts(px, np.array(different, float), np.full(len(different), float(total)), None, None)


def test_the_estimates_are_those_of_the_fit(counts: TrialCounts, found: PsychometricFunction) -> None:
    best = fit(counts.shift_px, counts.different, counts.total)
    for name in ("threshold_px", "median_px", "spread", "false_alarm_rate", "lapse_rate"):
        estimate: Estimate = getattr(found, name)
        assert estimate.estimate == getattr(best, name)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.estimate < estimate.high  # type: ignore[operator]
        assert estimate.method == "95% interval of 100 binomial draws of the answers, taken as independent"
    for name in ("core", "deviance", "overdispersion", "aic", "answers"):
        assert getattr(found, name) == getattr(best, name)
    assert (found.participants, found.photographs, found.notes) == (None, None, counts.notes)


@pytest.mark.parametrize("core", ["log-normal", "log-logistic", "weibull"])  # where no rate is at its bound
def test_intervals_are_as_wide_as_the_likelihood_is_flat(counts: TrialCounts, core: str) -> None:
    """With many answers, a bootstrap's deviation is that of the information at the top (here by differences)."""
    many = replace(counts, different=20 * counts.different, total=20 * counts.total)
    found = psychometric_function(many, core=core, replicates=400)
    best = fit(many.shift_px, many.different, many.total, core)
    shape = CORES[core]
    position = shape.position(many.shift_px)

    def shares(parameters: np.ndarray) -> np.ndarray:
        z = (position - parameters[0]) / np.exp(parameters[1])
        return np.asarray(parameters[2] + (1 - parameters[2] - parameters[3]) * shape.below(z))

    expected = shares(best.parameters)
    slope = np.stack(
        [(shares(best.parameters + step) - shares(best.parameters - step)) / 2e-5 for step in 1e-5 * np.eye(4)]
    )
    information = (slope * many.total / (expected * (1 - expected))) @ slope.T
    deviation = np.sqrt(np.diag(np.linalg.inv(information)))
    for estimate, to, one in (
        (found.median_px, math.log, deviation[0]), (found.spread, math.log, deviation[1]),
        (found.lapse_rate, float, deviation[3]),
    ):  # fmt: skip
        assert estimate.low is not None
        assert estimate.high is not None
        assert to(estimate.high) - to(estimate.low) == pytest.approx(2 * 1.96 * one, rel=0.25)


@pytest.mark.parametrize("of", ["core", "curve"])
def test_the_threshold_and_levels_are_also_told_in_minutes_of_arc(counts: TrialCounts, of: LevelOf) -> None:
    scale = Estimate(0.7, 0.6, 0.8, "of two screens")
    found = psychometric_function(counts, replicates=20, at=[0.3, 0.75], of=of, arcmin_per_px=scale)
    best = fit(counts.shift_px, counts.different, counts.total)
    assert found.arcmin_per_px == scale
    assert found.threshold_arcmin == in_arcmin(found.threshold_px, scale)
    assert [(level.level, level.of) for level in found.levels] == [(0.3, of), (0.75, of)]
    for level in found.levels:
        share = level.level
        if of == "curve":
            share = (share - best.guess_rate) / (1 - best.guess_rate - best.lapse_rate)
        assert level.shift_px.estimate == pytest.approx(lognorm.ppf(share, best.spread, scale=best.median_px))
        assert level.shift_px.low is not None
        assert level.shift_arcmin == in_arcmin(level.shift_px, scale)
    without = psychometric_function(counts, replicates=20, at=[0.3], of=of)
    assert without.threshold_arcmin is without.levels[0].shift_arcmin is without.arcmin_per_px is None


@pytest.mark.parametrize("level", [-0.5, 0, 1, 1.5])
def test_a_level_that_is_no_share_is_refused(counts: TrialCounts, level: float) -> None:
    with pytest.raises(AnalysisError) as caught:
        psychometric_function(counts, replicates=20, at=[0.5, level])
    assert str(caught.value) == (f"A level of {level:g} is no share between 0 and 1; give one such as 0.75.")


def test_each_shift_has_a_row_with_its_share(counts: TrialCounts, found: PsychometricFunction) -> None:
    assert [(row.shift_px, row.different, row.total) for row in found.rows] == [
        (shift, int(hits), 150) for shift, hits in enumerate(counts.different)
    ]
    assert all(row.share == wilson(row.different, row.total) for row in found.rows)


def test_the_curve_goes_from_0_to_the_largest_shift(counts: TrialCounts, found: PsychometricFunction) -> None:
    best = fit(counts.shift_px, counts.different, counts.total)
    shift = [point.shift_px for point in found.curve]
    assert shift == pytest.approx(list(np.arange(0, 9.05, 0.1)))
    assert [point.probability for point in found.curve] == pytest.approx(best.probability(shift).tolist())
    assert found.curve[0].low == pytest.approx(found.false_alarm_rate.low)
    assert found.curve[0].high == pytest.approx(found.false_alarm_rate.high)
    for point in found.curve:
        assert point.low is not None
        assert point.high is not None
        assert 0 <= point.low < point.probability < point.high <= 1
        assert point.high - point.low < 0.15
    # At the threshold it is as uncertain as the threshold: their ends lie about where the other's do.
    assert found.threshold_px.low is not None
    lowest = next(point for point in found.curve if point.high is not None and point.high > 0.5)
    assert lowest.shift_px == pytest.approx(found.threshold_px.low, abs=0.15)


def test_intervals_are_cut_off_where_a_probability_ends() -> None:
    """Stretched, as few people ask for, some of these would go beyond."""
    people = Population(median_px=1.5, log_sd=0.6, lapse_rate=0.01, participant_sd=0.3, image_sd=0.3)
    found = psychometric_function(simulate(Design(), people, np.random.default_rng(1)).counts(), replicates=100)
    assert max(point.high for point in found.curve if point.high is not None) == 1
    assert found.false_alarm_rate.low == found.lapse_rate.low == 0
    assert found.curve[0].low == 0


def test_all_cores_are_compared_the_likeliest_first(counts: TrialCounts, found: PsychometricFunction) -> None:
    fits = {name: fit(counts.shift_px, counts.different, counts.total, name) for name in CORES}
    assert {core.core for core in found.cores} == set(CORES)
    lowest = min(one.aic for one in fits.values())
    assert [core.aic for core in found.cores] == sorted(one.aic for one in fits.values())
    for core in found.cores:
        one = fits[core.core]
        assert (core.threshold_px, core.deviance, core.aic) == (one.threshold_px, one.deviance, one.aic)
        assert core.delta_aic == one.aic - lowest
        assert one.aic == 8 - 2 * one.log_likelihood


@pytest.mark.slow
def test_the_deviance_is_judged_by_studies_of_this_very_function(counts: TrialCounts) -> None:
    best = fit(counts.shift_px, counts.different, counts.total)
    generator = np.random.default_rng(3)
    drawn = generator.binomial(150, best.probability(counts.shift_px), (60, 10))
    larger = sum(fit(counts.shift_px, row, counts.total).deviance >= best.deviance for row in drawn)
    share = psychometric_function(counts, replicates=400).deviance_p
    assert share is not None
    assert larger / 60 == pytest.approx(share, abs=3.5 * math.sqrt(share * (1 - share) / 60))
    assert 401 * share == pytest.approx(round(401 * share))
    # A study that the function does not fit.
    worse = psychometric_function(of([5, 25, 5, 25, 5, 25, 28, 29]), replicates=99).deviance_p
    assert worse == pytest.approx(1 / 100)


def test_as_many_shifts_as_parameters_leave_nothing_to_judge() -> None:
    assert psychometric_function(of([2, 8, 20, 28]), replicates=50).deviance_p is None
    assert psychometric_function(of([2, 8, 15, 20, 28]), replicates=50).deviance_p is not None


STEP = (
    "The answers change at a step between 2 and 3.5 px (perfect separation): any threshold between them and any "
    "smaller spread fit as well; show shifts in between."
)
LEVEL = "The answers hardly change with the shift: neither median nor spread is determined."
EXCHANGED = "The larger the shift, the fewer answers are “different”: are the two answers exchanged?"
LAST = "The threshold lies between the two largest shifts; show larger ones to be sure of the lapse rate."


@pytest.mark.parametrize(
    ("different", "notes"),
    [
        ([2, 5, 12, 20, 26, 28], []),
        ([0, 0, 0, 30, 30, 30], [STEP]),
        ([3, 3, 3, 27, 27, 27], [STEP]),
        ([0, 30, 30, 30, 30, 30], [STEP.replace("2 and 3.5", "0 and 1")]),
        ([0, 0, 1, 30, 30, 30], []),
        ([0, 0, 0, 29, 30, 30], []),
        ([15, 15, 15, 15, 15, 15], [LEVEL]),
        ([27, 27, 27, 3, 3, 3], [LEVEL, EXCHANGED]),
        ([25, 24, 24, 23, 24, 23], [LEVEL, EXCHANGED]),
        ([0, 0, 0, 0, 0, 30], [STEP.replace("2 and 3.5", "5 and 6"), LAST]),
        ([0, 1, 2, 4, 9, 20], [LAST]),
        ([0, 1, 2, 9, 20, 27], []),
    ],
)
def test_what_the_answers_leave_open_is_said(different: list[int], notes: list[str]) -> None:
    counts = of(different, shift=[0, 1, 2, 3.5, 5, 6])
    assert list(psychometric_function(counts, replicates=50).notes) == notes


def test_a_step_is_one_of_shares() -> None:
    answers = np.array([10.0, 20, 30, 15, 30, 20])
    counts = replace(of([0, 0, 0, 15, 30, 20], shift=[0, 1, 2, 3.5, 5, 6]), total=answers)
    found = psychometric_function(counts, replicates=50)
    assert list(found.notes) == [STEP]
    for estimate in (found.threshold_px, found.median_px):
        assert estimate.method == (
            "95% likelihood interval of independent answers, perfectly separated between 2 and 3.5 px"
        )


def test_a_shift_with_few_answers_does_not_turn_the_others() -> None:
    answers = np.array([3000.0, 3000, 3000, 3000, 3000, 10])
    counts = replace(of([1500, 1440, 1380, 1320, 1260, 10]), total=answers)
    assert EXCHANGED in psychometric_function(counts, replicates=50).notes


@pytest.mark.slow
def test_answers_that_hardly_change_determine_no_median() -> None:
    for step, said in ((100, True), (300, True), (2400, False)):
        counts = of([15_000 + step * place for place in range(6)], total=30_000, shift=[1, 2, 3, 4, 5, 6])
        assert (LEVEL in psychometric_function(counts, core="normal", replicates=50).notes) == said


def test_notes_of_the_counts_come_first() -> None:
    counts = replace(of([0, 0, 0, 30, 30, 30], shift=[0, 1, 2, 3.5, 5, 6]), notes=("Something of the counts.",))
    assert psychometric_function(counts, replicates=50).notes == ("Something of the counts.", STEP)


def test_people_and_images_are_counted_and_drawn() -> None:
    study = simulate(Design(), Population(participant_sd=0.5, image_sd=0.5), np.random.default_rng(11)).counts()
    assert study.by_participant is not None
    assert study.by_photograph is not None
    found = psychometric_function(study, replicates=100)
    assert (found.participants, found.photographs) == (len(study.by_participant), len(study.by_photograph))
    assert found.threshold_px.method.startswith("95% bootstrap interval over ")
    assert found.design_effect is not None
    assert psychometric_function(replace(study, by_participant=None), replicates=100).design_effect is None


def test_a_function_that_does_not_meet_the_answers_is_told_where_it_is_farthest_off() -> None:
    found = psychometric_function(of([2, 3, 15, 25, 26, 10, 27], total=30), replicates=200)
    assert found.deviance_p is not None
    assert found.deviance_p < 0.05
    off = np.array([(row.different - 30 * p) / np.sqrt(30 * p * (1 - p)) for row, p in zip(
        found.rows, fit(range(7), [row.different for row in found.rows], [30] * 7).probability(range(7)), strict=True
    )])  # fmt: skip
    assert np.argmax(np.abs(off)) == 5
    assert found.misfit is not None
    assert found.misfit.startswith("The function does not fit the answers (deviance p = 0.005, Pearson's χ² ")
    assert "It is farthest off at 5 px, where 33.3% were called different and it says " in found.misfit
    lowest = found.cores[0].core
    assert f"by AIC {lowest} is best: --core {lowest})" in found.misfit
    assert "--hierarchical" not in found.misfit  # it is not known who answered
    assert found.notes == ()
    fitting = psychometric_function(of([2, 3, 15, 25, 26, 26, 27]), replicates=200)
    assert (fitting.misfit, fitting.notes) == (None, ())


def test_without_a_threshold_there_is_a_reason() -> None:
    assert psychometric_function(of([1, 2, 2, 3, 4, 5]), replicates=50).threshold_px == Estimate(
        None, None, None, "the function crosses one half at none of the shifts that were shown"
    )


def test_a_study_is_drawn_two_thousand_times_from_the_seed_0_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.psychometric import function

    asked: list[Any] = []
    drawn = function.draw

    def draw_few(counts: TrialCounts, replicates: int, generator: Any, expected: Any) -> Any:
        asked.append((replicates, generator.bit_generator.state))
        return drawn(counts, 20, generator, expected)

    monkeypatch.setattr(function, "draw", draw_few)
    found = psychometric_function(of([2, 9, 20, 28]))
    assert asked == [(2000, np.random.default_rng(0).bit_generator.state)]
    assert found.core == "log-normal"
