"""Planning: widths that shrink with the study, and agree with the intervals that studies really get."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

from analysis.agreement.comparison import compare
from analysis.errors import AnalysisError
from analysis.planning.power import Power, power
from analysis.planning.power_layout import as_text
from analysis.planning.resolution import smallest_difference
from analysis.planning.simulated_metric import SimulatedMetric
from analysis.planning.simulated_study import Design, Population, simulate
from analysis.planning.simulated_table import distances_by_pair, tidy_table
from analysis.planning.simulated_verdicts import Jury

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found() -> Power:
    designs = [
        Design(),
        Design(participants=60, images=100),
        Design(participants=10),
        Design(participants=30, images=60, shifts=(0, 2, 3), per_shift=10, crops=5),
    ]
    return power(designs, simulations=30)


def test_more_people_and_images_say_more(found: Power) -> None:
    small, large, *_ = found.rows
    for name in ("threshold_width_px", "jnd_map_width", "concordance_width", "smallest_map"):
        # Twice as many of both make the width less by √2.
        assert getattr(large, name).estimate == pytest.approx(getattr(small, name).estimate / 2**0.5, rel=0.35)
    for name in ("beyond_shift_map", "power_concordance", "power_map"):
        assert getattr(large, name).estimate > getattr(small, name).estimate
    assert small.threshold_px.estimate == pytest.approx(found.true_threshold_px, rel=0.03)


def test_what_differs_between_people_and_images_costs_precision() -> None:
    alike = Population(participant_sd=0.0, image_sd=0.0, rate_spread=0.0)
    (row,) = power([Design()], alike, simulations=40).rows
    assert row.design_effect == pytest.approx(1, abs=0.5)
    (apart,) = power([Design()], Population(participant_sd=0.6, image_sd=0.4), simulations=40).rows
    assert apart.design_effect > 3


def test_chosen_shifts_have_no_threshold_and_more_power(found: Power) -> None:
    usual, chosen = found.rows[0], found.rows[3]
    assert chosen.answers == 900
    assert (chosen.design_effect, chosen.threshold_px.estimate) == (None, None)
    assert "needs 4 shifts" in chosen.threshold_px.method
    assert (chosen.beyond_shift_map.estimate or 0) > 2 * (usual.beyond_shift_map.estimate or 1)


def test_equally_good_metrics_are_seldom_told_apart(found: Power) -> None:
    for row in (found.rows[0], found.rows[3]):
        for estimate in (row.false_concordance, row.false_map):
            assert (estimate.low or 0) <= 0.06
            assert (estimate.estimate or 0) < 0.2


def test_the_smallest_difference_is_found_by_four_studies_out_of_five(found: Power) -> None:
    """By other studies, of a metric that is worse by other means: it has opinions of its own on photographs."""
    design, metrics = Design(participants=30, images=50), (SimulatedMetric(), SimulatedMetric(opinion_sd=0.6))
    row = found.rows[0]
    ends = []
    for seed in range(60):
        generator = np.random.default_rng([9, seed])
        study = simulate(design, Population(), generator)
        jury = Jury.of(study, 3, 200, generator)
        assert jury is not None
        ends.append(jury.found(*(jury.scored(study.distances(generator, metric)) for metric in metrics)))
    size = float(np.mean([one.jnd_map for one in ends]))
    power_here = float(np.mean([one.by_map == 1 for one in ends]))
    assert 0.3 < power_here < 0.97
    # The smallest difference for this power, by a normal distribution of differences with one standard deviation.
    wanted = (row.smallest_map.estimate or 0) * (norm.ppf(power_here) + 1.96) / (norm.ppf(0.8) + 1.96)
    assert size == pytest.approx(wanted, rel=0.25)


def test_the_smallest_difference_lies_between_those_that_were_simulated() -> None:
    generator = np.random.default_rng(1)
    size = np.array([0.0, 1.0, 2.0, 4.0])
    differences = size + generator.normal(0, 1, (4_000, 1))
    found = differences > 1.96
    estimate = smallest_difference(differences, found, generator, "simulated")
    assert estimate.estimate == pytest.approx(1.96 + 0.8416, abs=0.1)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < estimate.estimate < estimate.high  # type: ignore[operator]
    assert estimate.method == "80% power, two-sided 5%; simulated"
    none = smallest_difference(differences[:, :3], found[:, :3], generator, "simulated")
    assert none.estimate is None
    assert "even a difference of 2 is found by fewer than four out of five" in none.method


def test_a_jury_finds_what_compare_finds() -> None:
    generator = np.random.default_rng(3)
    study = simulate(Design(participants=40, images=60), Population(), generator)
    distances = {
        name: study.distances(generator, metric)
        for name, metric in (("good", SimulatedMetric(noise_sd=0.2)), ("poor", SimulatedMetric(noise_sd=3.0)))
    }
    jury = Jury.of(study, 3, 500, generator)
    assert jury is not None
    good, poor = (jury.scored(values) for values in distances.values())
    table = tidy_table(study, generator)
    compared = compare(
        table,
        {name: distances_by_pair(study, values) for name, values in distances.items()},
        replicates=500,
        permutations=100,
    )
    by_outcome = {one.outcome: one for one in compared.comparisons if one.family == "metrics"}
    found = jury.found(good, poor)
    assert found.concordance == pytest.approx(by_outcome["concordance"].difference.estimate)
    assert (found.by_concordance, found.by_map) == (1, 1)
    assert {one.verdict for one in by_outcome.values()} == {"better"}
    assert jury.found(poor, good).by_map == -1
    assert jury.found(good, good).by_map == jury.found(good, good).by_concordance == 0
    assert jury.found(good, jury.shift()).concordance == pytest.approx(compared.metrics[0].concordance.estimate)


def test_the_text_has_a_line_a_design_and_says_what_lacks(found: Power) -> None:
    text = as_text(found)
    assert sum(line.split()[:4] == ["30", "60", "5", "0,2,3"] for line in text.splitlines()) == 2
    assert sum(line.split()[:4] == ["60", "100", "1", "0–9"] for line in text.splitlines()) == 2
    assert "shifts 0,2,3 px, 5 of a photograph: no threshold, a psychometric function needs 4 shifts or more." in text
    assert "10 participants, 50 images, shifts 0–9 px: no γ and no JND mAP, pairs with 3 answers" in text


def test_a_design_without_enough_answers_has_no_map_and_says_so(found: Power) -> None:
    assert found.rows[2].answers_per_pair == 1
    assert found.rows[2].jnd_map.estimate is None
    assert "pairs with 3 answers or more are too few" in found.rows[2].jnd_map.method
    assert found.rows[2].threshold_px.estimate is not None
    assert found.rows[2].power_concordance.estimate is None


def test_the_result_survives_json(found: Power) -> None:
    assert Power.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.to_frame()["participants"].tolist() == [30, 60, 10, 30]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"simulations": 3}, "give 20 or more"),
        ({"metric_noise_sd": 0.0}, "above 0"),
        ({"metric_noise_sd": 0.9}, "larger one for the other"),
    ],
)
def test_what_cannot_be_simulated_is_named(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        power(**({"designs": [Design()]} | arguments))  # type: ignore[arg-type]


def test_nothing_is_said_of_metrics_where_photographs_are_too_few_for_an_interval() -> None:
    (row,) = power([Design(images=30, crops=7, per_shift=3)], simulations=20).rows
    for figure in (row.power_concordance, row.false_map, row.smallest_concordance):
        assert figure.estimate is None
        assert figure.method == "5 photographs are fewer than the 10 that an interval needs"
