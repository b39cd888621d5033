"""Bradley–Terry strengths, against choix and a logistic regression with clusters; scales of references."""

from __future__ import annotations

from pathlib import Path

import choix
import numpy as np
import pytest
import statsmodels.api as sm

from analysis.errors import AnalysisError
from analysis.two_alternative.bradley_terry import strengths
from analysis.two_alternative.choices import Choices
from analysis.two_alternative.scale import PreferenceScale, preference_scale
from analysis.two_alternative.stimuli import read_stimuli
from made_triplet_study import made_answers, made_triplet_study


def compared(images: int = 5, answers: int = 600, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    true = rng.normal(size=images)
    first = rng.integers(0, images, answers)
    second = (first + rng.integers(1, images, answers)) % images
    chosen = rng.random(answers) < 1 / (1 + np.exp(true[first] - true[second]))
    return first, second, chosen, rng.integers(0, 30, answers)


def test_strengths_are_those_of_choix() -> None:
    first, second, chosen, person = compared()
    pairs = [(b, a) if won else (a, b) for a, b, won in zip(first, second, chosen, strict=True)]
    expected = choix.ilsr_pairwise(5, pairs, alpha=0.0)
    found = strengths(first, second, chosen, person, 5, added=0.0)
    np.testing.assert_allclose(found.value, expected - expected.mean(), atol=1e-6)


def test_half_an_answer_added_is_that_of_choix_with_every_answer_doubled() -> None:
    first, second, chosen, person = compared(images=4, answers=40, seed=3)
    pairs = [(b, a) if won else (a, b) for a, b, won in zip(first, second, chosen, strict=True)] * 2
    met = {frozenset(pair) for pair in pairs}
    pairs += [pair for a, b in map(tuple, met) for pair in ((a, b), (b, a))]
    expected = choix.ilsr_pairwise(4, pairs, alpha=0.0)
    found = strengths(first, second, chosen, person, 4)
    np.testing.assert_allclose(found.value, expected - expected.mean(), atol=1e-6)


def test_covariance_is_that_of_a_logistic_regression_with_clusters() -> None:
    first, second, chosen, person = compared(seed=1)
    design = np.zeros((len(first), 5))
    design[np.arange(len(first)), second] += 1
    design[np.arange(len(first)), first] -= 1
    fit = sm.GLM(chosen.astype(float), design[:, 1:], family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": person, "use_correction": False}
    )
    found = strengths(first, second, chosen, person, 5, added=0.0)
    centred = np.vstack([np.zeros(4), np.eye(4)]) - 1 / 5  # from strengths above the first to those with a mean of 0
    people = len(np.unique(person))
    expected = centred @ fit.cov_params() @ centred.T * people / (people - 1)
    np.testing.assert_allclose(found.value, centred @ fit.params, atol=1e-6)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-5, atol=1e-8)


def test_an_image_that_always_wins_has_a_strength_only_with_half_an_answer_added() -> None:
    first, second = np.array([0, 0, 1, 1, 2, 2] * 4), np.array([1, 2, 0, 2, 0, 1] * 4)
    chosen = np.where(second == 2, True, np.where(first == 2, False, np.arange(24) % 4 < 2))
    person = np.arange(24)
    assert np.argmax(strengths(first, second, chosen, person, 3).value) == 2
    with pytest.raises(AnalysisError, match="always preferred to all others"):
        strengths(first, second, chosen, person, 3, added=0.0)


def test_images_that_nobody_compared_have_no_scale() -> None:
    with pytest.raises(AnalysisError, match="2 groups that nobody compared"):
        strengths(np.array([0, 2]), np.array([1, 3]), np.array([True, False]), np.array([0, 1]), 4)


def test_images_of_one_reference_share_a_scale_whichever_triplets_they_are_in(tmp_path: Path) -> None:
    folder = made_triplet_study(tmp_path / "study", triplets=6, triplets_a_reference=3)
    table = made_answers(tmp_path / "answers.csv", folder, triplets=6, people=12, flips={1: 0.1, 2: 0.1})
    choices = Choices.of(table)
    found = preference_scale(table, choices, read_stimuli(folder))
    unshifted = [row for row in found.rows if row.shift_px == 0 and row.reference == "00001"]
    assert [row.image for row in unshifted] == ["noise 1", "noise 2", "noise 3", "noise 4"]
    assert [row.answers for row in unshifted] == [12, 24, 24, 12]
    assert sum(row.strength.estimate for row in unshifted) == pytest.approx(0)
    # Two steps of the ladder are compared directly alone: their strengths are the log-odds of the answers.
    here = (choices.triplet == 0) & choices.first_asked(0)
    second = int(choices.second[here].sum())
    difference = unshifted[1].strength.estimate - unshifted[0].strength.estimate
    assert difference == pytest.approx(np.log((second + 0.5) / (12 - second + 0.5)))
    without = preference_scale(table, choices)  # a photograph has one reference here
    assert [row.strength.estimate for row in without.rows] == pytest.approx(
        [row.strength.estimate for row in found.rows]
    )
    assert PreferenceScale.from_json(found.to_json()) == found


def test_a_ladder_with_a_missing_step_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    folder = made_triplet_study(tmp_path / "study", triplets=3, triplets_a_reference=3)
    table = made_answers(tmp_path / "answers.csv", folder, triplets=3)
    gap = table[table["triplet"] != "00002"]
    found = preference_scale(gap, Choices.of(gap), read_stimuli(folder))
    assert not found.rows
    (said,) = found.left_out
    assert said.startswith("The 4 images of the reference of triplet 00001, at 0 px, fall into 2 groups")
    more = len(Choices.of(gap).versions) - 1
    assert f"and so do those of {more} more references or versions; they have no common scale." in said


def test_references_of_one_triplet_each_have_no_scale(tmp_path: Path) -> None:
    folder = made_triplet_study(tmp_path / "study", triplets=4)
    table = made_answers(tmp_path / "answers.csv", folder, triplets=4)
    found = preference_scale(table, Choices.of(table), read_stimuli(folder))
    assert found.left_out == (
        "No reference has more than two distorted images that people compared, so that there is no scale of any.",
    )
