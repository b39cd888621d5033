"""Planning: widths that shrink with the study, and agree with the intervals that studies really get."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.planning.power import Power, power
from analysis.planning.simulated_study import Design, Population


@pytest.fixture(scope="module")
def found() -> Power:
    designs = [Design(), Design(participants=120, images=200), Design(participants=10)]
    return power(designs, simulations=150)


def test_more_people_and_images_say_more(found: Power) -> None:
    small, large, _ = found.rows
    for name in ("threshold_width_px", "jnd_map_width", "smallest_difference"):
        # Four times as many of both make half the width.
        assert getattr(large, name).estimate == pytest.approx(getattr(small, name).estimate / 2, rel=0.25)
    assert small.threshold_px.estimate == pytest.approx(found.true_threshold_px, rel=0.03)


def test_what_differs_between_people_and_images_costs_precision() -> None:
    alike = Population(participant_sd=0.0, image_sd=0.0, rate_spread=0.0)
    (row,) = power([Design()], alike, simulations=150).rows
    assert row.design_effect == pytest.approx(1, abs=0.35)
    (apart,) = power([Design()], Population(participant_sd=0.6, image_sd=0.4), simulations=150).rows
    assert apart.design_effect > 3


def test_the_smallest_difference_is_resolved_four_times_out_of_five(found: Power) -> None:
    low, high = found.rows[0].smallest_difference.low, found.rows[0].smallest_difference.high
    smallest = found.rows[0].smallest_difference.estimate
    assert low is not None and high is not None and smallest is not None
    assert low < smallest < high
    deviation = smallest / 2.8016  # z of 97.5% and of 80%
    draws = np.random.default_rng(0).normal(smallest, deviation, 20_000)
    assert np.mean(draws / deviation > 1.96) == pytest.approx(0.8, abs=0.01)


def test_a_design_without_enough_answers_has_no_map_and_says_so(found: Power) -> None:
    assert found.rows[2].answers_per_pair == 1
    assert found.rows[2].jnd_map.estimate is None
    assert "pairs with 3 answers or more are too few" in found.rows[2].jnd_map.method
    assert found.rows[2].threshold_px.estimate is not None


def test_the_result_survives_json(found: Power) -> None:
    assert Power.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.to_frame()["participants"].tolist() == [30, 120, 10]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"simulations": 3}, "give 20 or more"),
        ({"metric_noise_sd": 0.0}, "above 0"),
        ({"designs": [Design(max_shift=2)]}, "needs 4 shifts"),
    ],
)
def test_what_cannot_be_simulated_is_named(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        power(**({"designs": [Design()]} | arguments))  # type: ignore[arg-type]
