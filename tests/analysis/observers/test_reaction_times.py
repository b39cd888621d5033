"""Median reaction times, beside NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.observers.reaction_times import ReactionTimes, _medians, reaction_times
from analysis.responses.sources import published_judgments
from analysis.responses.tidy_table import from_rows

Row = Callable[..., dict[str, Any]]


def rows(make_row: Row, participants: int = 8, trials: int = 12, seed: int = 0) -> list[dict[str, Any]]:
    generator = np.random.default_rng(seed)
    return [
        make_row(
            participant=f"p{who}",
            trial=trial + 1,
            pair=f"{trial}_n-{trial % 3}",
            image=f"{trial}",
            shift_px=trial % 3,
            response=str(generator.choice(["same", "different"])),
            reaction_time_ms=float(generator.lognormal(7 + 0.2 * who / participants, 0.5)),
        )
        for who in range(participants)
        for trial in range(trials)
    ]


def test_medians_by_shift_and_answer(make_row: Row) -> None:
    table = from_rows(rows(make_row))
    found = reaction_times(table, replicates=200)
    assert found.median_ms.estimate == np.median(table["reaction_time_ms"].to_numpy(dtype=float))
    for row in found.rows:
        cell = table[(table["shift_px"] == row.shift_px) & (table["response"] == row.response)]
        assert row.median_ms.estimate == np.median(cell["reaction_time_ms"].to_numpy(dtype=float))
        assert row.answers == len(cell)
    assert sum(row.answers for row in found.rows) == found.answers == len(table)
    low, high = found.median_ms.low, found.median_ms.high
    assert low is not None and high is not None and low < found.median_ms.estimate < high
    assert ReactionTimes.from_json(found.to_json()) == found


def test_drawn_medians_are_those_of_the_drawn_answers() -> None:
    generator = np.random.default_rng(0)
    for number in (1, 2, 7, 30):
        time, who = generator.random(number), generator.integers(0, 4, number)
        weights = generator.integers(0, 3, (20, 4)).astype(float)
        expected = []
        for row in weights:
            drawn = np.repeat(time, row[who].astype(int))
            expected.append(np.median(drawn) if len(drawn) else np.nan)
        np.testing.assert_allclose(_medians(time, who, weights), expected)


def test_where_there_is_no_interval_it_is_said(make_row: Row) -> None:
    few = reaction_times(from_rows(rows(make_row, participants=4)))
    assert few.median_ms.low is None
    assert few.median_ms.method == "no interval: too few participants to draw from (4)"
    nobody = [row | {"participant": None} for row in rows(make_row)]
    assert reaction_times(from_rows(nobody)).median_ms.method == "no interval: it is not known who answered"
    with pytest.raises(AnalysisError, match="does not say how long the answers took"):
        reaction_times(published_judgments())


def test_unknown_and_excluded_times_are_left_out(make_row: Row) -> None:
    some = rows(make_row)
    some[0]["reaction_time_ms"] = None
    some[1] |= {"excluded": True, "exclusion_reason": "too_fast"}
    assert reaction_times(from_rows(some), replicates=20).answers == len(some) - 2
