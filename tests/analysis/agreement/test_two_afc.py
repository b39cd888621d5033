"""2AFC score and rank-flip rate against figures computed without the package, and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.agreement.two_afc import (
    MacroAverage,
    PairedAverage,
    compare_rank_flip,
    compare_two_afc,
    rank_flip_rate,
    two_afc_score,
)
from analysis.errors import AnalysisError

SAMPLES = Path(__file__).parents[2] / "data" / "ghildyal2022" / "bapps_val_alex_shift_tolerant_every_100th.csv"


# Counted by a loop over the file's lines.
GOLDEN_SCORE = 0.711413291337883
GOLDEN_RATE = 0.02280857285056613
GOLDEN_SAMPLES = [
    ("cnn", 48),
    ("color", 47),
    ("deblur", 94),
    ("frameinterp", 19),
    ("superres", 109),
    ("traditional", 47),
]


@pytest.fixture(scope="module")
def samples() -> pd.DataFrame:
    return pd.read_csv(SAMPLES, dtype={"sample": str})


def flips(samples: pd.DataFrame) -> tuple[Any, Any]:
    return (samples["d0_n0"], samples["d1_n0"]), (samples["d0_n1"], samples["d1_n1"])


def test_published_samples(samples: pd.DataFrame) -> None:
    score = two_afc_score(samples["category"], samples["judge"], samples["d0"], samples["d1"])
    assert score.macro.estimate == pytest.approx(GOLDEN_SCORE, abs=1e-12)
    rate = rank_flip_rate(samples["category"], *flips(samples))
    assert rate.macro.estimate == pytest.approx(GOLDEN_RATE, abs=1e-12)
    assert [(row.category, row.samples) for row in score.rows] == GOLDEN_SAMPLES
    for result in (score, rate):
        assert result.macro.low < result.macro.estimate < result.macro.high  # type: ignore[operator]
        assert MacroAverage.from_json(result.to_json()) == result
        assert len(result.to_frame()) == 6


def test_the_interval_is_that_of_a_normal_mean(samples: pd.DataFrame) -> None:
    score = two_afc_score(samples["category"], samples["judge"], samples["d0"], samples["d1"], replicates=20_000)
    value = np.where(samples["d0"] < samples["d1"], 1 - samples["judge"], samples["judge"])
    parts = [value[samples["category"] == name] for name in samples["category"].unique()]
    error = np.sqrt(sum(part.var() / len(part) for part in parts)) / len(parts)
    assert score.macro.low == pytest.approx(score.macro.estimate - 1.96 * error, abs=0.15 * error)
    assert score.macro.high == pytest.approx(score.macro.estimate + 1.96 * error, abs=0.15 * error)


def test_ties_count_half_and_categories_count_alike() -> None:
    score = two_afc_score(["a", "a", "a", "b"], [0.2, 0.2, 0.2, 1.0], [1, 2, 1, 1], [2, 1, 1, 2])
    assert [row.mean.estimate for row in score.rows] == pytest.approx([(0.8 + 0.2 + 0.5) / 3, 0.0])
    assert score.macro.estimate == pytest.approx(0.25)
    assert score.rows[1].mean.low is None


def test_a_flip_is_a_changed_answer_to_which_is_nearer() -> None:
    # Eq. 2 asks whether s1 < s2: a tie is no, on both sides alike.
    rate = rank_flip_rate(["a"] * 4, ([1, 1, 2, 1], [2, 1, 1, 2]), ([2, 2, 2, 1], [1, 1, 1, 1]))
    assert rate.macro.estimate == 0.5


def test_a_metric_does_not_differ_from_itself_and_sides_can_be_swapped(samples: pd.DataFrame) -> None:
    one, other = (samples["d0"], samples["d1"]), (samples["d1"], samples["d0"])
    same = compare_two_afc(samples["category"], samples["judge"], one, one)
    assert (same.difference.estimate, same.difference.low, same.p_value) == (0.0, None, None)
    better = compare_two_afc(samples["category"], samples["judge"], one, other)
    worse = compare_two_afc(samples["category"], samples["judge"], other, one)
    assert better.difference.estimate == pytest.approx(-(worse.difference.estimate or 0.0))
    assert better.p_value is not None
    assert better.p_value < 0.01
    assert PairedAverage.from_json(better.to_json()) == better


def test_rank_flips_are_compared_on_the_same_samples(samples: pd.DataFrame) -> None:
    before, after = flips(samples)
    found = compare_rank_flip(samples["category"], (before, after), (before, before))
    assert found.difference.estimate == pytest.approx(GOLDEN_RATE, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((["a"], [0.5], [1.0, 2.0], [1.0]), "d0 has the shape"),
        ((["a"], [1.5], [1.0], [2.0]), "not between 0 and 1"),
        ((["a"], [0.5], [float("nan")], [2.0]), "d0 of sample 0 is nan"),
        (([], [], [], []), "at least one"),
        ((["a", "b"], [0.5], [1.0], [2.0]), "2 categories for 1 samples"),
    ],
)
def test_bad_input_is_said(arguments: Any, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        two_afc_score(*arguments)


def test_few_replicates_and_other_samples_are_refused() -> None:
    with pytest.raises(AnalysisError, match="replicates is 5"):
        two_afc_score(["a"], [0.5], [1.0], [2.0], replicates=5)
    with pytest.raises(AnalysisError, match="score the same ones"):
        compare_rank_flip(["a"], (([1], [2]), ([1], [2])), (([1, 1], [2, 2]), ([1, 1], [2, 2])))
