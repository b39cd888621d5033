"""The mixed model beside a sandwich by hand, on studies whose truth is known, and where it cannot be fitted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.figure_style import draw
from analysis.observers.accepted_answers import AcceptedAnswers
from analysis.observers.bayes import bayesian_model
from analysis.observers.cluster_robust import fit_logistic
from analysis.observers.mixed import MixedModel, mixed_model
from analysis.observers.mixed_figure import (
    plot_learning,
    plot_participant_effects,
    plot_photograph_effects,
    plot_reaction_times,
)
from analysis.observers.predictors import predictors_of
from analysis.responses.sources import published_judgments
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]


def study(
    make_row: Row,
    participants: int = 20,
    images: int = 20,
    seed: int = 0,
    participant_sd: float = 0.5,
    image_sd: float = 0.5,
    side: float = 0.0,
    fatigue: float = 0.0,
    practice: float = 0.0,
    slope: float = 1.2,
    **values: Any,
) -> pd.DataFrame:
    """Each participant judges each image once, at a shift from 0 to 9; effects are on log odds."""
    generator = np.random.default_rng(seed)
    people, pictures = generator.normal(0, participant_sd, participants), generator.normal(0, image_sd, images)
    rows = []
    for who in range(participants):
        for trial, image in enumerate(generator.permutation(images).tolist()):
            shift, right = (who + image) % 10, bool(generator.random() < 0.5)
            logit = -2.5 + slope * np.log2(1 + shift) + people[who] + pictures[image]
            logit += side * right + fatigue * trial / 10 + practice * (trial < 10)
            rows.append(
                make_row(
                    participant=f"p{who:03d}",
                    trial=trial + 1,
                    pair=f"{image:03d}_n-{shift}",
                    image=f"{image:03d}",
                    shift_px=shift,
                    reference_side="right" if right else "left",
                    response="different" if generator.random() < 1 / (1 + np.exp(-logit)) else "same",
                    reaction_time_ms=float(generator.lognormal(6.5 + 0.1 * shift, 0.3)),
                    **values,
                )
            )
    return from_rows(rows)


def by_hand(predictors: Any, outcome: Any, groups: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log odds by Newton's method, and the variances of Liang and Zeger's sandwich."""
    log_odds = np.zeros(predictors.shape[1])
    for _ in range(30):
        share = 1 / (1 + np.exp(-predictors @ log_odds))
        information = (predictors * (share * (1 - share))[:, np.newaxis]).T @ predictors
        log_odds = log_odds + np.linalg.solve(information, predictors.T @ (outcome - share))
    scores = predictors * (outcome - share)[:, np.newaxis]
    summed = np.stack([scores[groups == group].sum(axis=0) for group in np.unique(groups)])
    inverse = np.linalg.inv(information)
    return log_odds, np.diag(inverse @ summed.T @ summed @ inverse)


def test_one_way_errors_are_those_of_the_sandwich(make_row: Row) -> None:
    answers = AcceptedAnswers.of(study(make_row))
    predictors = predictors_of(answers).values
    for codes in (answers.participant, answers.photograph):
        assert codes is not None
        found = fit_logistic(predictors, answers.different, [codes])
        log_odds, variances = by_hand(predictors, answers.different, codes)
        np.testing.assert_allclose(found.log_odds, log_odds, atol=1e-6)
        np.testing.assert_allclose(found.errors, np.sqrt(variances * 20 / 19), rtol=1e-4)
        assert found.df == 19


def test_two_way_errors_are_the_sum_less_that_of_the_trials(make_row: Row) -> None:
    answers = AcceptedAnswers.of(study(make_row, participant_sd=1.0, image_sd=1.0))
    predictors = predictors_of(answers).values
    assert answers.participant is not None
    n = len(answers.different)
    parts = [
        by_hand(predictors, answers.different, codes)[1] * number / (number - 1)
        for codes, number in ((answers.participant, 20), (answers.photograph, 20), (np.arange(n), n))
    ]
    found = fit_logistic(predictors, answers.different, [answers.participant, answers.photograph])
    expected = np.maximum(parts[0] + parts[1] - parts[2], np.maximum(parts[0], parts[1]))
    np.testing.assert_allclose(found.errors, np.sqrt(expected), rtol=1e-4)


def test_what_was_put_in_is_found(make_row: Row) -> None:
    truth = {"side": 0.6, "fatigue": -0.3, "practice": 0.8}
    table = study(make_row, 60, 50, seed=3, participant_sd=0.7, image_sd=0.9, **truth)
    found = mixed_model(table, replicates=50)
    rows = {row.name: row for row in found.rows}
    # Odds ratios of pooled answers are nearer to 1 than those of one person and image, by about a tenth here.
    for name, effect in (("reference_right", 0.6), ("ten_trials", -0.3), ("first_trials", 0.8), ("shift", 1.2)):
        ratio = rows[name].odds_ratio
        assert ratio.low is not None and ratio.high is not None
        assert np.log(ratio.low) < effect * 0.85 < np.log(ratio.high)
    assert rows["reference_right"].p is not None and rows["reference_right"].p < 0.01
    assert found.participant_sd is not None and found.photograph_sd is not None
    assert found.participant_sd.estimate == pytest.approx(0.7, abs=0.2)
    assert found.photograph_sd.estimate == pytest.approx(0.9, abs=0.2)
    pictures = np.random.default_rng(3)
    pictures.normal(0, 0.7, 60)
    true_effects = pictures.normal(0, 0.9, 50)
    estimated = {one.name: one.effect.estimate for one in found.photograph_effects}
    ordered = [estimated[f"{image:03d}"] for image in range(50)]
    assert np.corrcoef(true_effects, ordered)[0, 1] > 0.85
    assert [one.effect.estimate for one in found.photograph_effects] == sorted(ordered)
    assert found.sentences[0].startswith("Side: the odds of “different” are ")
    assert found.sentences[0].endswith("1 is not in the interval.")


def test_nobody_is_named_from_noise(make_row: Row) -> None:
    found = mixed_model(study(make_row, 30, 50, seed=1, participant_sd=0.0, image_sd=0.0), replicates=20)
    assert found.photograph_sd is not None and found.participant_sd is not None
    for sd, p in ((found.participant_sd, found.participant_p), (found.photograph_sd, found.photograph_p)):
        assert sd.low == 0
        assert p is not None and p > 0.025
    assert found.told_apart("participants") == found.told_apart("photographs") == ()


def test_who_is_clear_of_the_others_is_named(make_row: Row) -> None:
    found = mixed_model(study(make_row, 40, 40, seed=2, participant_sd=0.0, image_sd=1.2), replicates=20)
    assert found.photograph_sd is not None and (found.photograph_sd.low or 0.0) > 0.5
    assert found.photograph_p is not None and found.photograph_p < 1e-6
    named = found.told_apart("photographs")
    assert 4 < len(named) < 40
    for one in found.photograph_effects:
        assert one.effect.low is not None and one.effect.high is not None
        assert (one in named) == (one.effect.low > 0 or one.effect.high < 0)


def test_a_single_one_is_not_named_where_all_may_be_alike(make_row: Row) -> None:
    found = mixed_model(study(make_row, 12, 20, seed=2, image_sd=2.0), replicates=20)
    assert found.photograph_sd is not None and found.told_apart("photographs")
    unsure = replace(found, photograph_sd=replace(found.photograph_sd, low=0.0))
    assert unsure.told_apart("photographs") == ()


def test_photographs_are_judged_by_shifted_pairs_only(make_row: Row) -> None:
    table = study(make_row, 20, 20, seed=4)
    other = table.copy()
    unshifted = (other["shift_px"] == 0) & (other["image"] == "003")
    other.loc[unshifted, "image"] = "004"
    other.loc[unshifted, "photograph"] = other.loc[other["image"] == "004", "photograph"].iloc[-1]
    before, after = (mixed_model(one, replicates=20) for one in (table, other))
    counts = {one.name: one.answers for one in before.photograph_effects}
    assert counts["003"] == int(((table["image"] == "003") & (table["shift_px"] > 0)).sum())
    assert counts == {one.name: one.answers for one in after.photograph_effects}
    assert before.photograph_effects == after.photograph_effects


@pytest.mark.slow  # quick tests hold the errors against the formulas
def test_intervals_hold_for_other_people_and_images(make_row: Row) -> None:
    """Over studies of other people and images, the intercept scatters as its error says."""
    import statsmodels.api as sm

    estimates, errors, naive = [], [], []
    for seed in range(40):
        answers = AcceptedAnswers.of(study(make_row, 12, 20, seed, participant_sd=1.0, image_sd=1.0))
        predictors = predictors_of(answers).values[:, :2]
        assert answers.participant is not None
        found = fit_logistic(predictors, answers.different, [answers.participant, answers.photograph])
        estimates.append(found.log_odds[0])
        assert found.errors is not None
        errors.append(found.errors[0])
        naive.append(sm.GLM(answers.different.astype(float), predictors, sm.families.Binomial()).fit().bse[0])
    scatter = np.std(estimates, ddof=1)
    assert 0.75 < np.median(errors) / scatter < 1.35
    assert np.median(naive) / scatter < 0.9


def test_the_published_answers_have_images_only() -> None:
    found = mixed_model(published_judgments())
    assert [row.name for row in found.rows] == ["intercept", "shift"]
    assert found.participant_sd is None
    assert found.participants is None
    assert len(found.photograph_effects) == 50
    assert found.reaction_times is None
    assert found.blocks == ()
    assert "It is not known who gave the answers" in " ".join(found.notes)
    assert found.rows[1].odds_ratio.method.endswith("robust for 50 photographs")
    assert MixedModel.from_json(found.to_json()) == found


def test_what_is_the_same_in_all_answers_is_left_out(make_row: Row) -> None:
    table = study(make_row, 8, 10).assign(reference_side=pd.array(["left"] * 80, dtype="string"))
    found = mixed_model(table, replicates=20)
    assert [row.name for row in found.rows] == ["intercept", "shift", "ten_trials"]
    assert "The side of the reference is the same in all answers, and is left out." in found.notes
    assert "Whether a trial is one of the first ten is the same in all answers, and is left out." in found.notes


def test_a_participant_whose_answers_are_all_alike_is_kept_and_named(make_row: Row) -> None:
    table = study(make_row, 8, 12)
    table.loc[table["participant"] == "p003", "response"] = "same"
    found = mixed_model(table, replicates=20)
    assert "Participants who gave the same answer in every trial: p003; they are kept." in found.notes
    assert found.participant_effects[0].name == "p003"


def test_too_few_people_or_images_are_said(make_row: Row) -> None:
    found = mixed_model(study(make_row, 4, 30), replicates=20)
    assert found.participant_sd is None
    assert "There are too few participants to tell how people differ (4)." in found.notes
    assert found.rows[0].odds_ratio.method.endswith("robust for 30 photographs")
    few = mixed_model(study(make_row, 4, 4, slope=2.0, seed=2), replicates=20)
    assert few.rows[0].odds_ratio.low is None
    assert few.rows[0].odds_ratio.method == "no interval: too few participants and photographs"
    assert few.photograph_effects == ()


def test_answers_that_the_shift_determines_are_refused(make_row: Row) -> None:
    table = study(make_row, 6, 10)
    table["response"] = pd.array(np.where(table["shift_px"] > 3, "different", "same"), dtype="string")
    with pytest.raises(AnalysisError, match="perfect separation"):
        mixed_model(table)
    with pytest.raises(AnalysisError, match="All answers are the same"):
        mixed_model(table.assign(response=pd.array(["same"] * 60, dtype="string")))


def test_predictors_that_follow_from_each_other_are_refused() -> None:
    column = np.arange(6.0)
    with pytest.raises(AnalysisError, match="follow from each other"):
        fit_logistic(np.stack([np.ones(6), column, 2 * column], axis=1), np.arange(6) % 2 == 0, [])


def test_blocks_of_ten_trials(make_row: Row) -> None:
    table = study(make_row, 5, 25)
    found = mixed_model(table, replicates=20)
    assert [(block.first_trial, block.last_trial, block.answers) for block in found.blocks] == [
        (1, 10, 50),
        (11, 20, 50),
        (21, 30, 25),
    ]
    shifted = table[(table["trial"] <= 10) & (table["shift_px"] > 0)]
    expected = 100 * (shifted["response"] == "different").mean()
    assert found.blocks[0].shifted_percent.estimate == pytest.approx(expected)


def test_the_figures_draw_the_model(make_row: Row) -> None:
    found = mixed_model(study(make_row, 6, 12), replicates=20)
    (images,) = draw(lambda ax: plot_photograph_effects(found, ax)).axes
    drawn = images.containers[0].lines[0].get_ydata().tolist()
    assert drawn == [one.effect.estimate for one in found.photograph_effects]
    (people,) = draw(lambda ax: plot_participant_effects(found, ax)).axes
    assert len(people.containers[0].lines[0].get_ydata()) == 6
    (learning,) = draw(lambda ax: plot_learning(found, ax)).axes
    assert [label.get_text() for label in learning.get_xticklabels()] == ["1–10", "11–20"]
    times = found.reaction_times
    assert times is not None
    (reaction,) = draw(lambda ax: plot_reaction_times(times, ax)).axes
    assert reaction.get_ylim()[0] == 0
    published = mixed_model(published_judgments())
    for plot in (plot_participant_effects, plot_learning):
        (empty,) = draw(lambda ax, plot=plot: plot(published, ax)).axes  # type: ignore[misc]
        assert empty.texts


def test_without_bambi_there_is_one_sentence(make_row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bambi", None)
    with pytest.raises(
        AnalysisError, match=r"takes the package bambi; install it with pip install 'shift-study\[bayes\]'"
    ):
        bayesian_model(study(make_row, 6, 10))


@pytest.mark.slow
def test_the_bayesian_model_agrees(make_row: Row) -> None:
    pytest.importorskip("bambi")
    table = study(make_row, 20, 20, side=0.6)
    found = {row.name: row for row in bayesian_model(table, draws=300, chains=2).rows}
    pooled = {row.name: row for row in mixed_model(table, replicates=20).rows}
    assert found["shift"].value.estimate == pytest.approx(pooled["shift"].odds_ratio.estimate, rel=0.3)
    assert found["reference_right"].r_hat < 1.1
    assert found["photograph_sd"].value.estimate == pytest.approx(0.5, abs=0.3)


def test_single_effects_of_very_many_answers_are_left_out(make_row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.observers.mixed.MOST_ANSWERS", 100)
    found = mixed_model(study(make_row, 10, 12), replicates=20)
    assert found.photograph_effects == found.participant_effects == ()
    assert "not computed of more than 100 answers" in " ".join(found.notes)
    assert found.rows[0].odds_ratio.low is not None
