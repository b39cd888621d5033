"""People who differ in what they see: what the intervals of all figures make of that, and what a lift tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.agreement.comparison import Comparison, compare
from analysis.responses.tidy_table import from_rows

pytestmark = pytest.mark.usefixtures("rough_ceilings")

IMAGES, SHIFTS, PEOPLE = 60, 3, 10
FEW: dict[str, Any] = {"replicates": 1_000, "permutations": 300}


@dataclass(frozen=True)
class Divided:
    """A study of two kinds of people, and the same with nobody's name: each kind sees what one of the metrics sees."""

    known: Comparison
    unknown: Comparison


@pytest.fixture(scope="module")
def divided(make_row: Callable[..., dict[str, Any]]) -> Divided:
    generator = np.random.default_rng(3)
    visible = generator.normal(0, 1.5, (2, IMAGES))
    rows = []
    for person in range(PEOPLE):
        for trial, image in enumerate(generator.permutation(IMAGES).tolist()):
            shift = int(generator.integers(0, SHIFTS))
            evident = shift - 1 + visible[person % 2, image] + generator.normal(0, 0.5)
            rows.append(
                make_row(
                    participant=f"p{person:04d}",
                    trial=trial + 1,
                    pair=f"{image:05d}_n-{shift}",
                    image=f"{image:05d}",
                    shift_px=shift,
                    response="different" if evident > 0 else "same",
                )
            )
    responses = from_rows(rows)
    pairs = [(image, shift) for image in range(IMAGES) for shift in range(SHIFTS)]
    metrics = {
        name: {f"{image:05d}_n-{shift}": shift + by_image[image] for image, shift in pairs}
        for name, by_image in (
            ("one kind", visible[0]),
            ("other kind", visible[1]),
            ("nobody", generator.normal(0, 1, IMAGES)),
        )
    }
    nameless = responses.assign(participant=pd.array([None] * len(responses), dtype="string"))
    return Divided(compare(responses, metrics, **FEW), compare(nameless, metrics, **FEW))


@pytest.mark.slow
@pytest.mark.parametrize(
    "figure",
    ["concordance", "jnd_map", "shift_lift", "auroc", "spearman", "kendall"],
)
def test_people_who_differ_widen_the_intervals(divided: Divided, figure: str) -> None:
    for known, unknown in list(zip(divided.known.metrics, divided.unknown.metrics, strict=True))[:2]:
        wide, narrow = getattr(known, figure), getattr(unknown, figure)
        assert wide.estimate == narrow.estimate
        assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)


def test_people_who_differ_widen_the_intervals_of_differences(divided: Divided) -> None:
    outcomes = [one.outcome for one in divided.known.comparisons]
    known, unknown = (study.comparisons[outcomes.index("jnd_map")] for study in (divided.known, divided.unknown))
    assert (known.first, known.second) == ("one kind", "other kind")
    assert known.difference.estimate == unknown.difference.estimate
    assert (known.standard_error or 0) > 1.2 * (unknown.standard_error or 0)
    assert known.difference.low is not None
    assert known.difference.high is not None
    assert unknown.difference.low is not None
    assert unknown.difference.high is not None
    wide, narrow = (d.difference.high - d.difference.low for d in (known, unknown))  # type: ignore[operator]
    assert wide > 1.2 * narrow
    assert (known.p_value or 0) > (unknown.p_value or 0)


def test_a_lift_tells_knowledge_of_images_from_none(divided: Divided) -> None:
    one, other, nobody = divided.known.metrics
    assert one.shift_lift_p < 0.01
    assert other.shift_lift_p < 0.01
    assert nobody.shift_lift_p > 0.05
    assert (one.shift_lift.low or 0) > 0
