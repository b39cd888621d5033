"""Shifts in minutes of arc: of each participant's screen, with how much they differ."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from analysis.psychometric.visual_angle import arcmin_per_px, in_arcmin
from analysis.results import Estimate


def responses(per_degree: dict[str | None, float | None], shifts: tuple[int, ...] = (0, 1, 4)) -> pd.DataFrame:
    rows = [
        (name, shift, None if degree is None else 60 * shift / degree)
        for name, degree in per_degree.items()
        for shift in shifts
    ]
    table = pd.DataFrame(rows, columns=["participant", "shift_px", "shift_arcmin"])
    return table.assign(
        study="study", excluded=False, exclusion_reason="", shift_arcmin=table["shift_arcmin"].astype("Float64")
    )


def test_a_pixel_is_the_geometric_mean_of_the_participants_pixels() -> None:
    found = arcmin_per_px(responses({"a": 30.0, "b": 60.0, "c": 40.0}))
    assert found is not None
    logs = np.log(60 / np.array([30, 60, 40]))
    half = student.ppf(0.975, 2) * logs.std(ddof=1) / math.sqrt(3)
    assert (found.estimate, found.low, found.high) == (
        pytest.approx(math.exp(logs.mean())),
        pytest.approx(math.exp(logs.mean() - half)),
        pytest.approx(math.exp(logs.mean() + half)),
    )
    assert found.method == "geometric mean over 6 answers of 3 participants, 95% interval"


def test_a_diagonal_shift_counts_with_its_length() -> None:
    table = responses({"a": 60.0, "b": 60.0}).assign(direction="up-left")
    table["shift_arcmin"] *= math.sqrt(2)
    found = arcmin_per_px(table)
    assert found is not None
    assert (found.estimate, found.low, found.high) == (pytest.approx(1.0),) * 3


def test_answers_that_are_excluded_do_not_count() -> None:
    table = responses({"a": 60.0, "b": 30.0})
    table["excluded"] = table["participant"] == "b"
    table["exclusion_reason"] = np.where(table["excluded"], "validation", "")
    assert arcmin_per_px(table) == Estimate(
        pytest.approx(1), None, None, "no interval: geometric mean over 2 answers of 1 participant"
    )


def test_what_is_not_known_of_all_is_said() -> None:
    assert arcmin_per_px(responses({"a": None, "b": None})) is None
    assert arcmin_per_px(responses({"a": 60.0}, shifts=(0, 0))) is None
    assert arcmin_per_px(responses({"a": 60.0, "b": None, "c": 60.0})) == Estimate(
        None, None, None, "the calibration of 1 of 3 participants is not known"
    )
    assert arcmin_per_px(responses({None: 60.0})) == Estimate(None, None, None, "it is not known who gave the answers")


def test_both_intervals_are_in_that_of_the_angle() -> None:
    px, pixel = Estimate(2.0, 1.0, 4.0, "drawn"), Estimate(3.0, 1.5, 6.0, "mean")
    found = in_arcmin(px, pixel)
    far = math.sqrt(2) * math.log(2)
    assert (found.estimate, found.low, found.high) == (
        6, pytest.approx(6 * math.exp(-far)), pytest.approx(6 * math.exp(far)),
    )  # fmt: skip
    assert found.method == "drawn; times 3 minutes of arc a pixel, mean"
    exact = in_arcmin(px, Estimate(3.0, None, None, "one"))
    assert (exact.estimate, exact.low, exact.high) == (6, pytest.approx(3), pytest.approx(12))
    # Without logarithms where the shift may be below 0.
    below = in_arcmin(Estimate(2.0, -1.0, 3.0, "drawn"), Estimate(3.0, 3.0, 3.0, "mean"))
    assert (below.low, below.high) == (pytest.approx(-3), pytest.approx(9))


def test_what_has_no_value_or_interval_has_none_in_minutes_of_arc() -> None:
    none, pixel = Estimate(None, None, None, "no threshold"), Estimate(3.0, 2.0, 4.0, "mean")
    assert in_arcmin(none, pixel) == none
    assert in_arcmin(Estimate(2.0, 1.0, 3.0, "drawn"), none) == none
    assert in_arcmin(Estimate(2.0, None, None, "no draws"), pixel) == Estimate(6.0, None, None, "no draws")


def test_the_product_lies_in_its_interval_where_the_shift_is_at_an_end_of_its_own() -> None:
    scale = Estimate(1.5, 1.3, 1.7, "screens")
    for shift in (Estimate(2.0, 1.5, 2.0, "px"), Estimate(2.0, 2.0, 2.5, "px"), Estimate(2.0, -0.5, 2.0, "px")):
        found = in_arcmin(shift, scale)
        assert found.low is not None and found.estimate is not None and found.high is not None
        assert found.low < found.estimate < found.high
