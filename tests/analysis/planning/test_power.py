"""Planning: widths that shrink with the study, and agree with the intervals that studies really get."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis.agreement.precision_recall import interpolated_area
from analysis.errors import AnalysisError
from analysis.planning.power import Power, power
from analysis.planning.simulated_study import Design, Population, simulate


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


def test_the_smallest_difference_is_that_of_studies_simulated_apart(found: Power) -> None:
    smallest = found.rows[0].smallest_difference
    assert smallest.low is not None
    assert smallest.high is not None
    assert smallest.low < smallest.estimate < smallest.high  # type: ignore[operator]
    generator = np.random.default_rng(99)
    differences = []
    for _ in range(300):
        study = simulate(Design(), Population(), generator)
        share = np.bincount(study.pair, ~study.different, 500) / np.bincount(study.pair, minlength=500)
        orders = [np.argsort(study.distances(generator)) for _ in range(2)]
        differences.append(np.subtract(*(float(interpolated_area(share[order])) for order in orders)))
    # A normal estimate with this mean is beyond 1.96 standard errors in 80% of studies.
    assert smallest.estimate == pytest.approx((1.96 + 0.8416) * np.std(differences), rel=0.15)


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
