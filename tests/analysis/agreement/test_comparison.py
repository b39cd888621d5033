"""Metrics compared with people, with each other and with the shift: published figures, closed forms, other packages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

from analysis.agreement.comparison import SHIFT, Comparison, compare, steps
from analysis.agreement.comparison_figure import (
    plot_concordance,
    plot_differences,
    plot_forest,
    plot_precision_recall,
)
from analysis.agreement.comparison_layout import as_text
from analysis.agreement.distances import read_distances
from analysis.agreement.precision_recall_curve import PrecisionRecall
from analysis.errors import AnalysisError
from analysis.figure_style import draw, save
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.responses.sources import read_responses
from analysis.responses.tidy_table import from_rows

pytestmark = pytest.mark.usefixtures("rough_ceilings")

Row = Callable[..., dict[str, Any]]
FEW: dict[str, Any] = {"replicates": 400, "permutations": 200}


@pytest.fixture(scope="module")
def published(no_study: Callable[[str], None]) -> pd.DataFrame:
    return read_responses("ghildyal2022", no_study)


@pytest.fixture(scope="module")
def few_images(published: pd.DataFrame) -> pd.DataFrame:
    """Answers to 14 images: enough for intervals, and few enough ties to be quick."""
    return published[published["image"].isin(published["image"].unique()[:14])]


@pytest.fixture(scope="module")
def found(published: pd.DataFrame, pim1_distances: Path) -> Comparison:
    pim1 = read_distances(pim1_distances)
    reversed_pim1 = {pair: -distance for pair, distance in pim1.items()}
    return compare(published, {"pim1": pim1, "reversed": reversed_pim1}, **FEW)


@pytest.fixture(scope="module")
def simulated(make_row: Row) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """A small study with participants, and the distances of two metrics, one of them with much noise."""
    generator = np.random.default_rng(5)
    study = simulate(Design(participants=18, images=12, per_shift=3, shifts=(0, 1, 2, 3)), Population(), generator)
    names = [f"{image:05d}_n-{shift}" for image in range(12) for shift in range(4)]
    trials: dict[int, int] = {}
    rows = []
    for participant, pair, different in zip(study.participant, study.pair, study.different, strict=True):
        trials[participant] = trials.get(participant, 0) + 1
        rows.append(
            make_row(
                participant=f"p{participant:04d}",
                trial=trials[participant],
                pair=names[pair],
                image=names[pair][:5],
                shift_px=int(names[pair][-1]),
                response="different" if different else "same",
            )
        )
    metrics = {
        name: dict(zip(names, study.distances(generator, SimulatedMetric(noise_sd=noise)).tolist(), strict=True))
        for name, noise in (("good", 0.2), ("bad", 3.0))
    }
    return from_rows(rows), metrics


def test_published_study(found: Comparison) -> None:
    assert (found.n_pairs, found.n_photographs, found.n_answers, found.n_participants) == (301, 50, 1158, None)
    pim1 = found.metrics[0]
    assert pim1.jnd_map.estimate == pytest.approx(0.7745365, abs=5e-8)
    assert pim1.jnd_map_block == pytest.approx(0.7708851, abs=5e-8)
    assert pim1.jnd_map_paper == pytest.approx(0.7725041, abs=5e-8)
    assert pim1.tied_pairs == 32
    assert found.floor.estimate == pytest.approx(0.4287, abs=2e-4)
    assert found.shift_baseline.estimate == pytest.approx(0.7739, abs=1e-4)
    # The audit's figures, γ by hand and p of its own exchanges.
    assert pim1.concordance.estimate == pytest.approx(0.097, abs=5e-4)
    assert pim1.concordance_p == pytest.approx(0.036, abs=0.03)
    assert (found.shift_baseline.estimate or 1) < (found.ceiling.jnd_map.estimate or 0) < 0.82
    assert "not known" in pim1.jnd_map.method
    assert any("not known who" in note for note in found.notes)


def test_figures_agree_with_scipy(found: Comparison, published: pd.DataFrame, pim1_distances: Path) -> None:
    distances = read_distances(pim1_distances)
    share = (published["response"] == "different").groupby(published["pair"], sort=False).mean()
    listed = [distances[str(pair)] for pair in share.index]
    assert found.metrics[0].spearman.estimate == pytest.approx(spearmanr(listed, share)[0])
    assert found.metrics[0].kendall.estimate == pytest.approx(kendalltau(listed, share)[0])


def test_intervals_hold_their_estimates(found: Comparison) -> None:
    estimates = [found.floor, found.shift_baseline, *vars(found.ceiling).values()]
    for metric in found.metrics:
        estimates += vars(metric).values()
    estimates += [difference.difference for difference in found.comparisons]
    checked = 0
    for estimate in estimates:
        if hasattr(estimate, "low") and estimate.low is not None:
            assert estimate.low < estimate.estimate < estimate.high
            checked += 1
    assert checked > 20


def test_comparisons_say_who_is_better(found: Comparison) -> None:
    by_names = {(row.first, row.second): row for row in found.comparisons if row.outcome == "jnd_map"}
    assert list(by_names) == [("pim1", "reversed"), ("pim1", SHIFT), ("reversed", SHIFT)]
    assert by_names["pim1", "reversed"].verdict == "better"
    assert by_names["pim1", "reversed"].sentence.startswith("pim1 is better than reversed in JND mAP (+0.")
    assert by_names["reversed", SHIFT].verdict == "worse"
    alike = by_names["pim1", SHIFT]
    assert alike.verdict == "equivalent"
    assert (alike.equivalent_within or 1) < 0.02
    # 80% power at two-sided 5%: 2.01 + 0.84 standard errors, for 50 photographs.
    assert alike.resolvable == pytest.approx(2.851 * (alike.standard_error or 0), rel=1e-3)


def test_within_shifts_chance_has_nothing_and_metrics_may_be_compared(found: Comparison) -> None:
    by_names = {(row.first, row.second): row for row in found.comparisons if row.outcome == "concordance"}
    assert list(by_names) == [("pim1", "reversed"), ("pim1", SHIFT), ("reversed", SHIFT)]
    pim1, reversed_pim1 = (row.concordance for row in found.metrics)
    assert reversed_pim1.estimate == pytest.approx(-(pim1.estimate or 0))
    assert by_names["pim1", SHIFT].difference == pim1
    assert by_names["pim1", "reversed"].difference.estimate == pytest.approx(2 * (pim1.estimate or 0))
    assert by_names["pim1", SHIFT].sentence.startswith("Whether pim1 knows anything beyond the shift cannot be told")


def test_a_lift_is_what_its_parts_give(found: Comparison) -> None:
    for metric in found.metrics:
        parts = (metric.jnd_map.estimate or 0) - metric.permuted_jnd_map
        assert metric.shift_lift.estimate == pytest.approx(parts, abs=1e-12)


def test_a_p_value_that_an_interval_does_not_bear_out_has_a_word(found: Comparison) -> None:
    pim1 = found.metrics[0]
    assert pim1.shift_lift_p < 0.05
    assert (pim1.shift_lift.low or 0) < 0
    assert any("of pim1 would be rare if distances were exchanged" in note for note in found.notes)
    assert not any("of reversed" in note for note in found.notes)


@pytest.mark.slow
def test_a_comparison_is_antisymmetric(few_images: pd.DataFrame, pim1_distances: Path) -> None:
    pim1 = read_distances(pim1_distances)
    metrics = {"pim1": pim1, "reversed": {pair: -distance for pair, distance in pim1.items()}}
    found = compare(few_images, metrics, **FEW)
    swapped = compare(few_images, dict(reversed(metrics.items())), **FEW)
    one, other = (next(c for c in r.comparisons if c.outcome == "jnd_map") for r in (found, swapped))
    assert (other.first, other.second, other.verdict) == ("reversed", "pim1", "worse")
    assert swapped.comparisons[0].difference.low == pytest.approx(-(found.comparisons[0].difference.high or 0))
    assert swapped.comparisons[0].permutation_p == found.comparisons[0].permutation_p
    assert other.difference.estimate == pytest.approx(-(one.difference.estimate or 0))
    assert other.difference.low == pytest.approx(-(one.difference.high or 0))
    assert (other.p_value, other.permutation_p) == (one.p_value, one.permutation_p)
    # What is said of a metric depends neither on its place nor on the others.
    assert swapped.metrics[1] == found.metrics[0]


def test_only_the_order_of_distances_counts(few_images: pd.DataFrame, pim1_distances: Path) -> None:
    pim1 = read_distances(pim1_distances)
    stretched = {pair: math.exp(3 * distance) - 7 for pair, distance in reversed(pim1.items())}
    one, other = (compare(few_images, {"pim1": distances}, **FEW) for distances in (pim1, stretched))
    assert one == other


def test_a_result_comes_back_from_json_and_has_a_frame(found: Comparison) -> None:
    assert Comparison.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    frame = found.to_frame()
    assert frame["name"].tolist() == ["pim1", "reversed"]
    assert {"jnd_map_low", "shift_lift", "auroc_high", "concordance_method", "concordance_p"} <= set(frame.columns)


def test_the_shift_itself_has_no_lift(few_images: pd.DataFrame) -> None:
    shift = {str(pair): float(px) for pair, px in zip(few_images["pair"], few_images["shift_px"], strict=True)}
    result = compare(few_images, {"shift": shift}, **FEW)
    metric = result.metrics[0]
    assert metric.shift_lift.estimate == 0
    assert (metric.shift_lift.low, metric.shift_lift.high) == (None, None)
    assert "all draws of the photographs give the same" in metric.shift_lift.method
    assert metric.shift_lift_p == 1
    assert (metric.concordance.estimate, metric.concordance_p) == (None, None)
    assert "no two pairs of the same shift are ordered" in result.comparisons[0].sentence
    assert metric.jnd_map == result.shift_baseline
    _, by_map = result.comparisons
    assert by_map.sentence.endswith("there is no difference to resolve.")
    assert (by_map.p_value, by_map.difference.low) == (None, None)
    assert by_map.permutation_p == 1


def test_a_metric_that_knows_more_is_better(simulated: tuple[pd.DataFrame, dict[str, dict[str, float]]]) -> None:
    responses, metrics = simulated
    result = compare(responses, metrics, **FEW)
    assert (result.n_pairs, result.n_photographs, result.n_participants) == (48, 12, 18)
    assert len(result.notes) == 3
    assert result.notes[0].startswith("Only 48 pairs are ranked, so that intervals of JND mAP are too narrow")
    assert "lift" in result.notes[1]
    assert "images were selected" in result.notes[2]
    assert result.ceiling.headroom.estimate is not None
    assert "variance between participants added" in result.metrics[0].jnd_map.method
    good, bad = result.metrics
    assert (good.jnd_map.estimate or 0) > (bad.jnd_map.estimate or 0)


def test_where_answers_follow_the_shift_there_is_no_headroom(make_row: Row) -> None:
    rows = [
        make_row(
            trial=3 * number + answer,
            pair=f"{number:05d}_n-{shift}",
            image=f"{number:05d}",
            shift_px=shift,
            response="same" if shift == 0 else "different",
        )
        for number, shift in enumerate([0, 9] * 10)
        for answer in (1, 2, 3)
    ]
    result = compare(from_rows(rows), {}, **FEW)
    assert result.ceiling.jnd_map.estimate == result.shift_baseline.estimate == pytest.approx(1)
    assert result.ceiling.headroom.estimate == result.ceiling.concordance.estimate == 0
    assert (result.shift_baseline.low, result.shift_baseline.high) == (None, None)
    assert "all draws of the photographs give the same" in result.shift_baseline.method
    assert result.metrics == result.comparisons == ()


def test_few_images_have_no_interval(make_row: Row) -> None:
    rows = [
        make_row(
            trial=3 * number + answer,
            pair=f"{number % 3}_n-{number // 3}",
            image=str(number % 3),
            shift_px=number // 3,
            response="same" if number * answer % 4 < 2 else "different",
        )
        for number in range(9)
        for answer in (1, 2, 3)
    ]
    distances = {f"{number % 3}_n-{number // 3}": float(-number) for number in range(9)}
    result = compare(from_rows(rows), {"m": distances}, **FEW)
    assert result.metrics[0].jnd_map.estimate is not None
    assert result.metrics[0].jnd_map.low is None
    assert result.metrics[0].kendall.low is None
    assert result.comparisons[-1].p_value is None
    assert "3 photographs are fewer than the 10" in result.comparisons[-1].sentence
    assert result.notes[0] == "There is no interval: 3 photographs are fewer than the 10 that one needs."
    assert "3 photographs are fewer" in as_text(result)


def test_metrics_that_cannot_be_used_are_left_out(few_images: pd.DataFrame, pim1_distances: Path) -> None:
    pim1 = read_distances(pim1_distances)
    first = str(few_images["pair"].iloc[0])
    judged = few_images["pair"].nunique()
    result = compare(
        few_images,
        {
            "constant": dict.fromkeys(pim1, 2.0),
            "short": {first: 1.0},
            "nan": pim1 | {first: math.nan},
            "inf": pim1 | {first: math.inf},
            SHIFT: pim1,
            "pim1": pim1,
        },
        **FEW,
    )
    assert [metric.name for metric in result.metrics] == ["pim1"]
    assert list(result.left_out) == ["constant", "short", "nan", "inf", SHIFT]
    assert "which ranks nothing" in result.left_out["constant"]
    assert f"no distance for {judged - 1} of {judged} judged pairs" in result.left_out["short"]
    assert f"distance of {first} is nan, not a finite number (1 of {judged}" in result.left_out["nan"]
    assert "is inf" in result.left_out["inf"]
    assert "rename it" in result.left_out[SHIFT]
    text = as_text(result)
    assert all(sentence in text for sentence in result.left_out.values())


def test_too_few_draws_for_so_many_comparisons_are_noted(few_images: pd.DataFrame) -> None:
    generator = np.random.default_rng(1)
    pairs = few_images["pair"].unique()
    metrics = {f"m{n}": dict(zip(pairs, generator.random(len(pairs)).tolist(), strict=True)) for n in range(4)}
    result = compare(few_images, metrics, replicates=200, permutations=100)
    assert result.notes[1:3] == (
        "With 200 draws of the photographs no p-value can be below 0.05 once it is corrected for 6 comparisons; that "
        "takes 240 or more.",
        "With 100 exchanges no p-value can be below 0.05 once it is corrected for 6 comparisons; that takes 121 or "
        "more.",
    )
    assert not any("corrected for" in note for note in compare(few_images, metrics, **FEW).notes)


def test_it_is_said_of_how_many_answers_the_participant_is_unknown(
    simulated: tuple[pd.DataFrame, dict[str, dict[str, float]]],
) -> None:
    responses, _ = simulated
    people = responses["participant"].copy()
    people.iloc[[3, 7]] = None
    result = compare(responses.assign(participant=people), {}, **FEW)
    assert f"It is not known who gave 2 of the {len(responses)} answers, so" in result.notes[0]
    assert "who are not known for every answer" in result.shift_baseline.method
    assert result.n_participants is None


def test_progress_comes_to_the_number_of_steps(few_images: pd.DataFrame, pim1_distances: Path) -> None:
    pim1 = read_distances(pim1_distances)
    done: list[int] = []
    compare(few_images, {"a": pim1, "b": {}, "c": pim1}, progress=done.append, **FEW)
    assert sum(done) == steps(3)


def test_bad_input_is_said(published: pd.DataFrame, make_row: Row) -> None:
    with pytest.raises(AnalysisError, match="None of the 301 pairs has 40 accepted responses"):
        compare(published, {}, min_responses=40)
    for name in ("min_responses", "replicates", "permutations", "concordance_margin", "map_margin"):
        with pytest.raises(AnalysisError, match=f"{name} is 0"):
            compare(published, {}, **{name: 0})
    different = from_rows([make_row(trial=trial, response="different") for trial in (1, 2, 3)])
    with pytest.raises(AnalysisError, match="no recall"):
        compare(different, {})


def test_curves_have_the_area_that_is_reported(
    found: Comparison, published: pd.DataFrame, pim1_distances: Path
) -> None:
    curves = PrecisionRecall.of(published, {"pim1": read_distances(pim1_distances), "none": {}})
    assert [curve.name for curve in curves.curves] == ["pim1", SHIFT]
    for curve, wanted in zip(curves.curves, (found.metrics[0].jnd_map, found.shift_baseline), strict=True):
        area = float(np.sum(np.diff([0.0, *curve.recall]) * curve.envelope))
        # Here ties are spread evenly, there it is the mean over their orders.
        assert area == pytest.approx(wanted.estimate, abs=0.01)


@pytest.mark.slow
def test_figures_are_drawn(found: Comparison, published: pd.DataFrame, pim1_distances: Path, tmp_path: Path) -> None:
    pim1 = read_distances(pim1_distances)
    figures: list[Callable[[Any], None]] = [
        lambda ax: plot_forest(found, ax),
        lambda ax: plot_differences(found, ax),
        lambda ax: plot_differences(found, ax, "jnd_map"),
        lambda ax: plot_precision_recall(published, {"pim1": pim1}, ax),
        lambda ax: plot_concordance(found, ax),
    ]
    labels = []
    for number, plot in enumerate(figures):
        figure = draw(plot)
        save(figure, tmp_path / f"{number}.svg")
        labels.append([tick.get_text() for tick in figure.axes[0].get_yticklabels()])
    assert labels[0] == ["reversed", "pim1"]
    assert labels[1] == labels[2] == [f"reversed − {SHIFT}", f"pim1 − {SHIFT}", "pim1 − reversed"]
    assert labels[4] == ["reversed", "pim1"]
