"""What the benchmark of coverage counts, and that it goes on where it was broken off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.interval_coverage import FIGURES, VERDICTS, measure, study, summary


def made(estimate: float, low: float | None, high: float | None, truth: float | None, verdict: int) -> dict[str, Any]:
    return {
        "figures": {name: [estimate, low, high, truth] for name in FIGURES},
        "verdicts": dict.fromkeys(VERDICTS, verdict),
    }


def test_intervals_are_held_against_the_truth_where_it_is_known() -> None:
    studies = [made(1.0, 0.5, 1.5, 1.4, 0), made(1.0, 0.5, 1.2, 1.4, 1), made(2.0, 1.3, 3.0, 1.4, 0)]
    found = summary([*studies, made(2.0, None, None, 1.4, 0)])
    row = found["figures"]["threshold"]
    assert (row["truth"], row["share"], row["without_interval"]) == (pytest.approx(1.4), pytest.approx(2 / 3), 1)
    assert row["bias"] == pytest.approx(0.1)
    assert found["verdicts"][VERDICTS[0]]["share"] == 0.25


def test_where_it_is_not_known_the_mean_of_the_studies_stands_for_it() -> None:
    row = summary([made(1.0, 0.0, 2.0, None, 0), made(3.0, 2.5, 3.5, None, 0)])["figures"]["γ"]
    assert (row["truth"], row["bias"], row["share"]) == (2.0, None, 0.5)


@pytest.mark.slow
def test_studies_that_are_kept_are_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "coverage.jsonl"
    one = study(0, "few people", 100)
    kept.write_text(json.dumps(one) + "\n" + json.dumps(one)[:40], encoding="utf-8")
    found = measure(["few people"], 2, 100, kept)
    assert found["few people"]["studies"] == 2
    assert found["few people"]["figures"]["threshold"]["truth"] == pytest.approx(2.394, abs=0.001)
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["seed"] for line in lines] == [0, 1]
