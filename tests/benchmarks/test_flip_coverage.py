"""What the benchmark of intervals of flips counts, and that it goes on where it was broken off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.flip_coverage import CELLS, FIGURES, measure, study, summary, truth


def made(estimate: float, low: float | None, high: float | None, found: int) -> dict[str, Any]:
    return {"figures": {name: [estimate, low, high] for name in FIGURES}, "found": found}


def test_intervals_are_held_against_the_populations_truth() -> None:
    studies = [made(10.0, 5.0, 15.0, 0), made(10.0, 5.0, 9.0, 1), made(14.0, None, None, 0)]
    found = summary(studies, dict.fromkeys(FIGURES, 14.0))
    row = found["figures"]["flip rate"]
    assert (row["share"], row["without_interval"]) == (0.5, 1)
    assert row["bias"] == pytest.approx(34 / 3 - 14)
    assert found["found"]["share"] == pytest.approx(1 / 3)


@pytest.mark.slow
def test_a_shift_without_effect_leaves_the_flip_rate_at_its_floor() -> None:
    none, some = truth("no effect"), truth("base")
    assert none["flip − retest"] == pytest.approx(0, abs=1e-9)
    assert some["flip − retest"] > 1
    assert set(CELLS) >= {"base", "no effect"}


@pytest.mark.slow
def test_studies_that_are_kept_are_not_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "coverage.jsonl"
    one = study(0, "few people", 100)
    kept.write_text(json.dumps(one) + "\n" + json.dumps(one)[:40], encoding="utf-8")
    found = measure(["few people"], 2, 100, kept)
    assert found["few people"]["studies"] == 2
    assert [json.loads(line)["seed"] for line in kept.read_text(encoding="utf-8").splitlines()] == [0, 1]
