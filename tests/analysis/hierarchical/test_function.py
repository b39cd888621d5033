"""The hierarchical psychometric function of a response table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.figure_style import draw
from analysis.hierarchical.figure import plot_participants
from analysis.hierarchical.function import HierarchicalFunction, hierarchical_function
from analysis.hierarchical.participant_draws import thresholds_px
from analysis.hierarchical.seen_shift import logits
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import tidy_table
from analysis.psychometric.cores import CORES
from analysis.psychometric.maximum_likelihood import PsychometricFit
from analysis.responses.sources import published_judgments
from benchmarks.hierarchical import errors


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    return tidy_table(simulate(Design(participants=6), Population(), generator), generator)


@pytest.fixture(scope="module")
def found(table: pd.DataFrame) -> HierarchicalFunction:
    return hierarchical_function(table, draws=40)


def test_each_participant_has_a_row_lowest_threshold_first(found: HierarchicalFunction, table: pd.DataFrame) -> None:
    assert {row.participant for row in found.rows} == set(table["participant"])
    assert [row.answers for row in found.rows] == [50] * 6
    thresholds = [row.threshold_px.estimate or 0.0 for row in found.rows]
    assert thresholds == sorted(thresholds)
    for row in found.rows:
        for figure in (row.threshold_px, row.median_px, row.spread, row.false_alarm_rate, row.lapse_rate):
            assert figure.low is not None and figure.estimate is not None and figure.high is not None
            assert figure.low < figure.estimate < figure.high
    assert [(one.of, one.parameter) for one in found.deviations] == [
        ("participants", "log_median"),
        ("participants", "log_spread"),
        ("participants", "false_alarm_logit"),
        ("participants", "lapse_logit"),
        ("photographs", "log_median"),
        ("photographs", "log_spread"),
    ]
    for one in found.deviations:
        assert one.sd.estimate is not None and one.sd.low is not None and one.sd.high is not None
        assert one.sd.low <= one.sd.estimate <= one.sd.high
        assert (one.sd.estimate == 0) == (one.odds_of_none > 1)
    assert (found.answers, found.participants, found.photographs) == (300, 6, 50)


def test_it_turns_into_json_and_a_table(found: HierarchicalFunction) -> None:
    assert HierarchicalFunction.from_json(found.to_json()) == found
    assert found.to_frame()["participant"].tolist() == [row.participant for row in found.rows]


def test_so_few_draws_are_said_to_be_too_few(found: HierarchicalFunction) -> None:
    assert found.r_hat > 1.05
    assert any("The chains have not met" in note for note in found.notes)


@pytest.mark.parametrize("core", ["log-normal", "log-logistic", "weibull"])
def test_the_threshold_is_where_both_answers_are_as_likely(core: str) -> None:
    parameters = np.array([0.8, -0.3, float(logits(0.07)), float(logits(0.12))])
    shift = float(thresholds_px(parameters, CORES[core]))
    function = PsychometricFit(core, None, np.exp(0.8), np.exp(-0.3), 0.07, 0.07, 0.12, 0, 0, None, 0, 10, 1)  # type: ignore[arg-type]
    assert float(function.probability(shift)) == pytest.approx(0.5)


def test_the_figure_draws_the_thresholds(found: HierarchicalFunction) -> None:
    (ax,) = draw(lambda ax: plot_participants(found, ax)).axes
    assert ax.containers[0].lines[0].get_ydata().tolist() == [row.threshold_px.estimate for row in found.rows]
    assert ax.get_yscale() == "log"


def test_what_cannot_be_told_is_one_sentence(table: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="not known who gave the answers, so that nothing can be said of single"):
        hierarchical_function(published_judgments())
    with pytest.raises(AnalysisError, match="logistic is not; choose log-normal, log-logistic, weibull"):
        hierarchical_function(table, core="logistic")
    with pytest.raises(AnalysisError, match="of 4 participants; to tell how people differ takes 5"):
        hierarchical_function(table[table["participant"] < "s0005"])
    with pytest.raises(AnalysisError, match="fewer than two different shifts above 0"):
        hierarchical_function(table[table["shift_px"].isin([0, 3])])


def test_photographs_too_few_to_differ_are_left_out(table: pd.DataFrame) -> None:
    few = table.assign(image=pd.array(["a", "b"] * 150, dtype="string"))
    found = hierarchical_function(few, draws=10)
    assert {one.of for one in found.deviations} == {"participants"}
    assert "There are too few photographs to tell how photographs differ (2)." in found.notes


def test_too_many_answers_are_refused(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.hierarchical.answers.MOST_ANSWERS", 299)
    with pytest.raises(AnalysisError, match="300 answers of 6 participants to 50 photographs are too many"):
        hierarchical_function(table)


@pytest.mark.slow  # the quick tests hold the parts against formulas
def test_the_draws_are_those_of_a_long_run_of_numpyro() -> None:
    """Medians of 10,000 draws of NUTS, as `benchmarks.hierarchical` makes them, of this very study."""
    generator = np.random.default_rng(1)
    simulated = simulate(Design(), Population(), generator)
    found = hierarchical_function(tidy_table(simulated, generator))
    by_name = {(one.of, one.parameter): one.sd for one in found.deviations}
    assert by_name["participants", "log_median"].estimate == pytest.approx(0.420, rel=0.05)
    assert by_name["photographs", "log_median"].estimate == pytest.approx(0.393, rel=0.05)
    assert by_name["participants", "log_spread"].estimate == 0
    assert np.log(found.median_px.estimate or 0.0) == pytest.approx(0.707, abs=0.03)
    assert found.r_hat < 1.05


@pytest.mark.slow
def test_shrunken_thresholds_are_nearer_to_the_truth_than_single_fits() -> None:
    found = errors((0, 300))
    single = np.array(found["single"])
    known = np.isfinite(single)
    shrunken = np.array(found["shrunken"])[known]
    assert np.sqrt(np.mean(shrunken**2)) < 0.75 * np.sqrt(np.mean(single[known] ** 2))
    assert np.mean(found["held"]) > 0.8


def test_answers_that_are_all_alike_are_refused(table: pd.DataFrame) -> None:
    for answer in ("same", "different"):
        with pytest.raises(AnalysisError, match=f"All 300 answers are “{answer}”, of which no threshold follows"):
            hierarchical_function(table.assign(response=answer), draws=10)
