"""Simulated studies: assignment as in a real one, and answers of the population that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.psychometric import fit


def test_every_pair_gets_as_many_answers_and_nobody_sees_an_image_twice() -> None:
    study = simulate(Design(participants=30), Population(), np.random.default_rng(1))
    assert set(np.bincount(study.pair, minlength=500)) == {3}
    seen = set(zip(study.participant.tolist(), study.image.tolist(), strict=True))
    assert len(seen) == len(study.participant) == 1500
    for participant in range(30):
        assert set(np.bincount(study.shift_px[study.participant == participant])) == {5}


def test_answers_follow_the_population_whatever_differs_between_observers_and_images() -> None:
    generator = np.random.default_rng(2)
    population = Population()
    different, total = np.zeros(10), np.zeros(10)
    for _ in range(150):
        study = simulate(Design(), population, generator)
        different += np.bincount(study.shift_px, study.different)
        total += np.bincount(study.shift_px)
    found = fit(range(10), different, total)
    assert found.threshold_px == pytest.approx(population.threshold_px, rel=0.03)
    assert found.false_alarm_rate == pytest.approx(population.false_alarm_rate, abs=0.01)
    assert found.lapse_rate == pytest.approx(population.lapse_rate, abs=0.02)


def test_the_threshold_of_the_default_population_is_that_of_the_paper() -> None:
    assert Population().threshold_px == pytest.approx(2.39, abs=0.005)


def test_distances_know_what_images_do_only_where_the_metric_does() -> None:
    generator = np.random.default_rng(3)
    study = simulate(Design(images=400), Population(image_sd=0.6), generator)
    knowing = study.distances(generator, SimulatedMetric(noise_sd=0.0)).reshape(400, 10)
    blind = study.distances(generator, SimulatedMetric(knowledge=0.0, noise_sd=0.0)).reshape(400, 10)
    assert np.allclose(np.corrcoef(knowing[:, 5], study.image_effect)[0, 1], -1)
    assert np.ptp(blind, axis=0) == pytest.approx(np.zeros(10))


@pytest.mark.parametrize(
    ("kind", "values", "word"),
    [
        (Design, {"images": 49}, "than the 49 images"),
        (Design, {"participants": 0}, "participants is 0"),
        (Population, {"participant_sd": 0.9, "image_sd": 0.9}, "leave nothing"),
        (Population, {"lapse_rate": 0.5}, "below 0.5"),
        (Population, {"median_px": 0.0}, "above 0"),
        (Population, {"coin_flippers": 1.0}, "below 1"),
        (Design, {"shifts": (0, 3, 2)}, "0, 3, 2; give two or more, ascending"),
        (Design, {"shifts": (3,)}, "two or more"),
        (SimulatedMetric, {"noise_sd": -1.0}, "0 or more"),
    ],
)
def test_what_cannot_be_is_refused(kind: type, values: dict[str, float], word: str) -> None:
    with pytest.raises(AnalysisError, match=word):
        kind(**values)


def test_crops_of_a_photograph_hide_a_shift_alike() -> None:
    study = simulate(Design(images=50, crops=5), Population(), np.random.default_rng(4))
    by_photograph = study.image_effect.reshape(10, 5)
    assert np.ptp(by_photograph, axis=1) == pytest.approx(np.zeros(10))
    assert len(np.unique(by_photograph)) == 10
    counts = study.counts()
    assert counts.by_photograph is not None
    assert len(counts.by_photograph) == 10
    metric = SimulatedMetric(knowledge=0.0, noise_sd=0.0, opinion_sd=1.0)
    opinions = study.distances(np.random.default_rng(5), metric).reshape(10, 5, 10)
    assert np.ptp(opinions, axis=1) == pytest.approx(np.zeros((10, 10)))
    assert np.ptp(opinions[:, 0, 0]) > 1


def test_probabilities_are_the_mean_over_observers() -> None:
    generator = np.random.default_rng(6)
    population = Population(coin_flippers=0.2)
    effects = np.linspace(-0.8, 0.8, 6)
    design = Design(participants=60, images=6, per_shift=2, shifts=(0, 2, 5))
    said = np.zeros(18)
    for _ in range(150):
        study = simulate(design, population, generator, effects)
        said += np.bincount(study.pair, study.different, 18) / np.bincount(study.pair, minlength=18)
    assert said / 150 == pytest.approx(study.probability, abs=0.025)
    half = population.probability(np.array([population.threshold_px]), 0.0, population.log_sd)
    assert half == pytest.approx([0.5])


def test_chosen_shifts_are_shown_equally_often() -> None:
    study = simulate(
        Design(participants=12, images=30, per_shift=10, shifts=(0, 2, 3)), Population(), np.random.default_rng(7)
    )
    assert set(np.bincount(study.pair, minlength=90)) == {4}
    assert dict(zip(*np.unique(study.shift_px, return_counts=True), strict=True)) == {0: 120, 2: 120, 3: 120}
